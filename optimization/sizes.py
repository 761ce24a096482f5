"""How large each optimizer's search is for so many questions, and the program runs that this takes.

DSPy's own defaults are made for hundreds of examples: SIMBA refuses fewer than 32, MIPROv2 and GEPA spend over a
thousand runs on fifteen, and the demonstrations of all but GEPA would carry whole contexts, 80,000 tokens in four.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

DEMO_FIELD_CHARS = 2_000  # of each input in a demonstration: enough evidence to see what reading it looks like
NUM_CONFIRMED = 2  # leaders on train that are tried on val after a limit ended the search
_FEW = 15  # examples up to which the smaller settings apply


@dataclass(frozen=True, slots=True)
class SimbaSize:
    """`steps` times: `batch` questions x `candidates` samples, then each new candidate; finalists at the end."""

    num_train: int
    num_val: int
    batch: int
    steps: int = 4
    candidates: int = 4

    @property
    def new_per_step(self) -> int:
        """Candidates that a step adds: SIMBA makes one more than it samples, and at most one from each question."""
        return min(self.batch, self.candidates + 1)

    @property
    def finalists(self) -> int:
        """Programs that it ends with, the one that it began with among them."""
        return min(self.steps, self.candidates) + 1

    @property
    def runs(self) -> int:
        """Program runs, with those that choose among the finalists on val."""
        search = self.steps * self.batch * (self.candidates + self.new_per_step)
        return search + self.finalists * (self.num_train + self.num_val)

    def prompt_calls(self, max_demos: int) -> int:
        """Of the prompt model: a new candidate gets a rule, or as likely a demo where those are allowed."""
        return self.steps * self.new_per_step // (2 if max_demos else 1)


@dataclass(frozen=True, slots=True)
class MiproSize:
    """Train once for demos; `candidates` instructions and demo sets per predictor, `trials` combinations on val."""

    num_train: int
    num_val: int
    candidates: int
    trials: int

    def runs(self, max_demos: int) -> int:
        """Program runs; without demos nothing is asked of train."""
        return (self.num_train if max_demos else 0) + (self.trials + 1) * self.num_val

    def prompt_calls(self, num_predictors: int) -> int:
        """Of the prompt model: a summary of the data, ten examples at a time, and three calls for each instruction."""
        return 1 + min(ceil(self.num_train / 10), 10) + 3 * num_predictors * self.candidates


@dataclass(frozen=True, slots=True)
class GepaSize:
    """Minibatches of train before and after each new instruction, all of val for those that help."""

    num_val: int
    runs: int
    minibatch: int = 3

    @property
    def prompt_calls(self) -> int:
        """Of the prompt model, if a third of the instructions makes it to val."""
        return round((self.runs - self.num_val) / (2 * self.minibatch + self.num_val / 3))


def simba_size(num_train: int, num_val: int) -> SimbaSize:
    """Half of train at a time, so that every question is in two batches."""
    return SimbaSize(num_train, num_val, batch=min(32, ceil(num_train / 2)))


def mipro_size(num_train: int, num_val: int) -> MiproSize:
    """Enough trials to see every instruction twice."""
    return MiproSize(num_train, num_val, *((4, 10) if num_train <= _FEW else (6, 16)))


def gepa_size(num_val: int) -> GepaSize:
    """Ten times val, with room for the minibatches of at least six rounds where val is tiny."""
    return GepaSize(num_val, runs=max(10 * num_val, num_val + 36))
