"""The search: one optimizer after another, each from the best program so far, until all are done or it is stopped."""

from __future__ import annotations

import io
import signal
import threading
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TextIO

import dspy

from locomo.schema import Question
from memory_system import MemoryQA
from memoryqa.redaction import redact, secrets
from optimization.meter import Meter, SearchStopped
from optimization.optimizers import NO_LIMIT, SEARCHES, Task
from optimization.questions import QuestionSets
from optimization.scoreboard import Candidate, Scoreboard, asked_of, with_prompts
from optimization.sizes import NUM_CONFIRMED, simba_size


@dataclass(frozen=True, slots=True)
class Found:
    """What a search ended with.

    start: the candidate that it began with; `candidate` is the same when nothing was better. stopped: why the search
    ended early; None when it did not. finished: it ended by itself or at a limit of the user's. on_val: `candidate` was
    chosen on val; else it leads on the train questions that were asked until Ctrl-C or an outage. error: the exception
    that ended it, which is a bug.
    """

    program: MemoryQA
    candidate: Candidate
    start: Candidate
    stopped: str | None
    finished: bool
    on_val: bool
    error: Exception | None = None


def search(
    program: MemoryQA,
    task: Task,
    optimizers: Sequence[str],
    sets: QuestionSets,
    *,
    board: Scoreboard,
    meter: Meter,
    after_limit: Callable[[], None],
    on_stage: Callable[[str, Candidate], None],
) -> Found:
    """Run `optimizers`; `on_stage` gets each one's name and the best candidate after it.

    Returns the best so far whichever way it ends: a limit, an outage, Ctrl-C, an exception of an optimizer. After a
    limit, `after_limit` frees the calls that were kept for choosing among the leaders on val.
    """
    start = best = board.candidate(program)
    stopped, finished, bug = None, True, None
    threads_before = set(threading.enumerate())
    name = ""
    try:
        for name in optimizers:
            board.optimizer = name
            found = SEARCHES[name](with_prompts(program, best), task)
            best = _choose(program, task, best, [board.candidate(one) for one in found], sets.val, board)
            on_stage(name, best)
    except (KeyboardInterrupt, SearchStopped) as stop:
        stopped, finished = meter.stopped or str(stop) or "interrupted", meter.at_limit
    except Exception as error:  # noqa: BLE001 (what was paid for is kept; the caller raises the error)
        stopped, finished, bug = f"{name} failed: {type(error).__name__}: {error}", False, error
    if stopped is None:
        return Found(with_prompts(program, best), best, start, None, finished=True, on_val=True)
    meter.stop(stopped)
    _wait_for_workers(threads_before)
    best = board.best(best, sets.val)
    leaders = board.leaders(best, sets.train, simba_size(len(sets.train), len(sets.val)).batch)
    if finished:
        after_limit()
        try:
            best, leaders = _choose(program, task, best, leaders[:NUM_CONFIRMED], sets.val, board), []
        except (KeyboardInterrupt, SearchStopped):
            finished = False
    on_val = best is not start or not leaders
    best = best if on_val else leaders[0]
    return Found(with_prompts(program, best), best, start, stopped, finished, on_val, bug)


def _wait_for_workers(threads_before: Collection[threading.Thread]) -> None:
    """Wait until the threads that DSPy left behind have ended.

    DSPy drops its pools with their queues. Once a limit is lifted they would spend the calls kept for choosing, and
    calls in flight are being paid for. The meter refuses their next calls, so this takes as long as one call; another
    Ctrl-C ends the waiting.
    """
    left = [one for one in threading.enumerate() if one not in threads_before and one.name.startswith("ThreadPool")]
    with suppress(KeyboardInterrupt):
        for thread in left:
            thread.join()


def _choose(
    program: MemoryQA,
    task: Task,
    incumbent: Candidate,
    candidates: Sequence[Candidate],
    val: Sequence[Question],
    board: Scoreboard,
) -> Candidate:
    """The best on val, once each of them has been asked every question of val."""
    evaluate = dspy.Evaluate(devset=task.valset, metric=task.metric, num_threads=task.num_threads, max_errors=NO_LIMIT)
    for candidate in dict.fromkeys([incumbent.key, *(one.key for one in candidates)]):
        if board.candidates[candidate].mean([asked_of(one) for one in val]) is None:
            evaluate(with_prompts(program, board.candidates[candidate]))
    return board.best(incumbent, val)


class _Redacted(io.TextIOBase):
    """A text file that keeps secrets out."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._secrets = file, secrets()

    def write(self, text: str) -> int:
        self._file.write(redact(text, self._secrets))
        return len(text)


@contextmanager
def searching(board: Scoreboard, meter: Meter, log: Path) -> Iterator[None]:
    """The context of a search: the board watches, DSPy's output goes to `log`, Ctrl-C reaches all threads.

    Otherwise an interrupted GEPA would first finish its current evaluation.
    """

    def interrupt(signal_number: int, frame: FrameType | None) -> None:
        meter.stop("interrupted")
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with (
            log.open("a", encoding="utf-8") as file,
            redirect_stdout(_Redacted(file)),
            redirect_stderr(_Redacted(file)),
            warnings.catch_warnings(),
            dspy.context(callbacks=[*dspy.settings.callbacks, board]),
        ):
            warnings.filterwarnings("ignore", message="Argument ``multivariate``")  # MIPROv2's use of optuna
            yield
    finally:
        signal.signal(signal.SIGINT, before)
