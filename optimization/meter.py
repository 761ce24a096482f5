"""Counts what a search has cost so far, and stops it: the only place that does."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from memoryqa.lms.prices import Price
from memoryqa.lms.replies import read_reply
from memoryqa.tokens import count_tokens

_NUM_LOCKS = 64
_DIGITS = re.compile(r"\d[\d,]*")


class SearchStopped(BaseException):
    """The search ends here; the message says why.

    It is no Exception, because DSPy's optimizers turn exceptions into the score 0 and keep spending.
    """


@dataclass(slots=True)
class Spent:
    """Counts of LM calls; a server answered `paid_calls` of them and the cache the others.

    Tokens are counted here (o200k_base), and as the server counts them wherever that is more: it bills thoughts that it
    does not show. `cost_usd`: as if no answer had come from the cache; `paid_usd`: what servers billed, or where they
    count nothing, our counts. Both leave out models of unknown price. formats_missed: replies asked for again.
    """

    calls: int = 0
    paid_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    largest_prompt_tokens: int = 0
    cost_usd: float = 0.0
    paid_usd: float = 0.0
    formats_missed: int = 0


class Meter:
    """Counts the calls of all metered LMs in all threads and copies, and refuses them once a limit is reached.

    `max_calls`, `max_cost_usd`: None for no limit. Cached answers count too, so a repeated run with a limit ends at
    the same place, except for the questions in flight; their answers may also exceed the limit in dollars.
    prices: by role, None where unknown. announce: prints a line for people.
    """

    def __init__(self, prices: Mapping[str, Price | None], announce: Callable[[str], None]) -> None:
        self.spent = Spent()
        self.max_calls: int | None = None
        self.max_cost_usd: float | None = None
        self.stopped: str | None = None
        self.at_limit = False  # whether a limit stopped it, and not trouble
        self.answering: set[str] = set()  # endpoints that have answered at least once
        self._prices = prices
        self._announce = announce
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._locks = [threading.Lock() for _ in range(_NUM_LOCKS)]
        self._announced_at = float("-inf")
        self._noted = set[str]()

    def __deepcopy__(self, memo: dict[int, Any]) -> Meter:
        """Itself: optimizers copy programs and LMs."""
        return self

    def admit(self, role: str, prompt_tokens: int) -> None:
        """Count a call that is about to be made. Raises SearchStopped when a limit does not allow it."""
        with self._lock:
            price = self._prices.get(role)
            cost_usd = price.of(prompt_tokens, 0) if price else 0.0
            if self.stopped is None and (limit := self._limit_reached(cost_usd)):
                self.stopped, self.at_limit = limit, True
            if self.stopped is not None:
                raise SearchStopped(self.stopped)
            self.spent.calls += 1
            self.spent.prompt_tokens += prompt_tokens
            self.spent.largest_prompt_tokens = max(self.spent.largest_prompt_tokens, prompt_tokens)
            self.spent.cost_usd += cost_usd

    def record(self, role: str, endpoint: str | None, entry: Mapping[str, Any]) -> None:
        """Count an answer: `entry` is DSPy's history entry of the call; `endpoint` was paid for it, None: no server."""
        reply, price = read_reply(entry, {}), self._prices.get(role)
        shown = sum(count_tokens(str(output)) for output in entry["outputs"])
        completion = max(shown, reply.completion_tokens or 0)
        prompt = max(reply.counted_tokens, reply.prompt_tokens or 0)
        more = prompt - reply.counted_tokens  # `admit` has counted the rest
        with self._lock:
            self.spent.completion_tokens += completion
            self.spent.prompt_tokens += more
            if price:
                self.spent.cost_usd += price.of(more, completion)
            if endpoint is None:
                return
            self.answering.add(endpoint)
            self.spent.paid_calls += 1
            if price:
                sent = prompt if reply.prompt_tokens is None else reply.prompt_tokens
                received = shown if reply.completion_tokens is None else reply.completion_tokens
                self.spent.paid_usd += price.of(sent, received)

    def note(self, role: str, problem: str) -> None:
        """Print a problem of a reply, each kind once for a role: a search scores it and says no word of it."""
        kind = f"{role} {_DIGITS.sub('N', problem)}"
        with self._lock:
            is_news = kind not in self._noted
            self._noted.add(kind)
        if is_news:
            self._announce(f"{role} LM: {problem}")

    def on_format_missed(self) -> None:
        """memoryqa/replies/adapter.py calls this when a reply is asked for again."""
        with self._lock:
            self.spent.formats_missed += 1

    def stop(self, reason: str) -> None:
        """Refuse all further calls. The first reason is kept."""
        with self._lock:
            self.stopped = self.stopped or reason
        self._wake.set()

    def set_limits(self, max_calls: int | None, max_cost_usd: float | None) -> None:
        """Set the limits from now on; calls that an earlier limit had stopped are admitted again."""
        with self._lock:
            self.max_calls, self.max_cost_usd = max_calls, max_cost_usd
            if self.at_limit:
                self.stopped, self.at_limit = None, False
                self._wake.clear()

    def _limit_reached(self, cost_usd: float) -> str | None:
        if self.max_calls is not None and self.spent.calls >= self.max_calls:
            return f"the limit of {self.max_calls:,} LM calls is reached"
        if self.max_cost_usd is not None and self.spent.cost_usd + cost_usd > self.max_cost_usd:
            return f"the limit of ${self.max_cost_usd:.2f} is reached"
        return None

    def one_at_a_time(self, prompt: str) -> AbstractContextManager[Any]:
        """A lock for equal prompts: the second call finds the first one's answer in the cache.

        Otherwise it would buy another answer, which may differ and lead a repeated run elsewhere.
        """
        return self._locks[hash(prompt) % _NUM_LOCKS]

    def pause(self, problem: str, *, seconds: float) -> None:
        """Sleep, and print why once for all threads. Raises SearchStopped when the search is stopped meanwhile."""
        with self._lock:
            is_news = time.monotonic() - self._announced_at > seconds / 2
            self._announced_at = time.monotonic() if is_news else self._announced_at
        if is_news:
            self._announce(f"paused: {problem}; trying again in {seconds:.0f} s (Ctrl-C keeps the best so far)")
        self._wake.wait(seconds)
        if self.stopped is not None:
            raise SearchStopped(self.stopped)
