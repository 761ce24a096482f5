"""Histories for tests of compaction: REPL steps, conversations, and an LM that follows a script. Our own text."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st
from strategies import texts

from memoryqa.compaction import REPLEntry, REPLHistory

OUTPUTS = (
    "",
    "rows: 1523, columns: 5",
    "accuracy=0.87",
    "The audit of 8 May 2023 names Ines Vela and the Lisbon office.",
    "0 errors, all tests passed",
    "Traceback (most recent call last):\n  File 'a.py', line 3\nKeyError: 'order_id'",
    "ValueError: not a date: 31/02/2024",
    "done",
    "x" * 400,
    "昨天 3 个人去了博物馆。很好看！",
    "👩‍👩‍👧‍👦 " * 12,
    "\ud800 half a pair, \x00 and \u2028 breaks",
)
parts = st.one_of(st.sampled_from(OUTPUTS), texts)


@st.composite
def steps(draw: st.DrawFn) -> REPLEntry:
    """One step, any part of which may be empty or odd."""
    calls = tuple({"prompt": "p"} for _ in range(draw(st.integers(0, 2))))
    return REPLEntry(draw(parts), draw(parts), draw(parts), calls, "2024-05-01T10:00:00+00:00")


def histories(min_size: int = 0, max_size: int = 14) -> st.SearchStrategy[REPLHistory]:
    """REPL histories, short and long."""
    return st.lists(steps(), min_size=min_size, max_size=max_size).map(lambda entries: REPLHistory(tuple(entries)))


def audit(num_steps: int, first: int = 0) -> REPLHistory:
    """`num_steps` steps of ordinary size, each with a number and a name of its own."""
    history = REPLHistory()
    for index in range(first, first + num_steps):
        history = history.append(
            reasoning=f"Look at branch {index} next, since its totals were not in the ledger so far.",
            code=f"frame = ledger[ledger.branch == {index}]\nprint(frame.revenue.sum())",
            output=f"Branch {index} in {_town(index)}: revenue {1000 + 37 * index}\n" + "." * 80,
            timestamp="2024-05-01T10:00:00+00:00",
        )
    return history


def _town(index: int) -> str:
    return "Quarth" + "abcdefghijklmnopqrstuvwxyz"[index % 26] + "abcdefghijklmnopqrstuvwxyz"[index // 26]


@dataclass
class ScriptedLM:
    """Gives its answers one after the other, fails on a call too many, and records its prompts."""

    answers: list[object]
    prompts: list[str] = field(default_factory=list)

    def __call__(self, prompt: str) -> object:
        self.prompts.append(prompt)
        assert self.answers, "the LM was called more often than the script says"
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer
