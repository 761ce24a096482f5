"""How large each optimizer's search is for a number of questions, and how many program runs it takes.

DSPy's own defaults suit hundreds of examples: SIMBA refuses fewer than 32, MIPROv2 and GEPA spend over a thousand runs
on fifteen, and the demonstrations of all but GEPA would carry whole contexts, 80,000 tokens in four.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

DEMO_FIELD_CHARS = 2_000  # longest input field in a demonstration: enough evidence to show how it is read
NUM_CONFIRMED = 2  # leaders on train that are asked val after a limit ended the search
_FEW = 15  # examples up to which the smaller settings apply


@dataclass(frozen=True, slots=True)
class SimbaSize:
    """`steps` rounds of `batch` questions x `candidates` samples and of the new candidates; then the finalists."""

    num_train: int
    num_val: int
    batch: int
    steps: int = 4
    candidates: int = 4

    @property
    def new_per_step(self) -> int:
        """Candidates that a step adds: one more than SIMBA samples, and at most one for each question."""
        return min(self.batch, self.candidates + 1)

    @property
    def finalists(self) -> int:
        """Programs that it ends with, including the one that it began with."""
        return min(self.steps, self.candidates) + 1

    @property
    def runs(self) -> int:
        """Program runs, including those that choose among the finalists on val."""
        search = self.steps * self.batch * (self.candidates + self.new_per_step)
        return search + self.finalists * (self.num_train + self.num_val)

    @property
    def most_prompt_calls(self) -> int:
        """Prompt-model calls when every new candidate gets a rule."""
        return self.prompt_calls(0)

    def prompt_calls(self, max_demos: int) -> int:
        """Estimated prompt-model calls: a new candidate gets a rule or, equally likely where allowed, a demo."""
        return self.steps * self.new_per_step // (2 if max_demos else 1)


@dataclass(frozen=True, slots=True)
class MiproSize:
    """Train once for demos; `candidates` instructions and demo sets per predictor; `trials` combinations on val."""

    num_train: int
    num_val: int
    candidates: int
    trials: int

    def runs(self, max_demos: int) -> int:
        """Program runs; without demos train is not asked."""
        return (self.num_train if max_demos else 0) + (self.trials + 1) * self.num_val

    def prompt_calls(self, num_predictors: int) -> int:
        """Prompt-model calls: a summary of the data, ten examples at a time, and three calls for each instruction."""
        return 1 + min(ceil(self.num_train / 10), 10) + 3 * num_predictors * self.candidates


@dataclass(frozen=True, slots=True)
class GepaSize:
    """Minibatches of train before and after each new instruction; all of val for the instructions that help."""

    num_val: int
    runs: int
    minibatch: int = 3

    @property
    def prompt_calls(self) -> int:
        """Estimated prompt-model calls, assuming one instruction in three reaches val."""
        return round((self.runs - self.num_val) / (2 * self.minibatch + self.num_val / 3))

    @property
    def most_runs(self) -> int:
        """Program runs when the last round begins just below the limit: both minibatches and all of val."""
        return self.runs + 2 * self.minibatch + self.num_val

    @property
    def most_prompt_calls(self) -> int:
        """Prompt-model calls when no instruction gets beyond its first minibatch."""
        return ceil(self.most_runs / self.minibatch)


def simba_size(num_train: int, num_val: int) -> SimbaSize:
    """Half of train per step, so that every question is in two batches."""
    return SimbaSize(num_train, num_val, batch=min(32, ceil(num_train / 2)))


def mipro_size(num_train: int, num_val: int) -> MiproSize:
    """Enough trials to try every instruction twice."""
    return MiproSize(num_train, num_val, *((4, 10) if num_train <= _FEW else (6, 16)))


def gepa_size(num_val: int) -> GepaSize:
    """Ten times val, and room for the minibatches of at least six rounds when val is tiny."""
    return GepaSize(num_val, runs=max(10 * num_val, num_val + 36))
