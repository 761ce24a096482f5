"""What a compactor compacts: the steps of a REPL session, a conversation's turns, exchanges with a user.

    Entry (protocol)
    ├── REPLEntry         one step: reasoning, code, output
    │   └── SummaryEntry  replaces the entries that a compaction covers
    ├── TurnEntry         a `memoryqa.turns.Turn`
    └── Exchange          a user's message and the answer

REPLEntry and REPLHistory have rlm-code's interface, but are immutable:
https://github.com/SuperagenticAI/rlm-code/blob/5207fbf40c6339f768533a66f7c40f7aad618db2/rlm_code/rlm/repl_types.py
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol, TypeAlias

from memoryqa.language.dating.dates import dated_text
from memoryqa.language.facts import Fact, facts_of, find_facts, probes
from memoryqa.turns import HANDLE_PREFIX, Turn, render_header, render_line

SUMMARY_PREFIX = "[COMPACTED] "
SUMMARY_CODE = "# Previous steps summarized above"
_SUMMARY_OUTPUT = re.compile(r"\(Compacted (\d{1,9}) steps\)")

_TRACEBACK = re.compile(r"^Traceback \(most recent call last\):", re.MULTILINE)
# `KeyError: 'x'`, `json.JSONDecodeError: ...`, `Error: no such file`; not `0 errors`, not `RMSError: 0.02`
_ERROR_LINE = re.compile(
    r"^(?:[A-Za-z_]\w*\.)*(\w*(?:Error|Exception|Interrupt|SystemExit|StopIteration))(?::(?!\s*[-+]?[\d.,]+%?\s*$)|\s*$)",
    re.MULTILINE,
)


class Entry(Protocol):
    """One unit of a history, which is kept whole or covered by a summary, never cut."""

    @property
    def id(self) -> str:
        """The entry's name in its history; the archive's handle is `mem:` + id."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The texts that a reader sees, in order."""

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The entry's content as facts, in order; specificity 0.0 marks pieces that are not worth quoting."""

    @property
    def llm_calls(self) -> Sequence[object]:
        """The LM calls that were made inside the entry."""

    @property
    def error(self) -> str:
        """The name of the exception that ended the entry, or ""."""


def handle_of(entry: Entry) -> str:
    """The handle by which the archive returns `entry`, for example `mem:D8:6`."""
    return HANDLE_PREFIX + entry.id


def find_error(output: str) -> str:
    """The exception that `output` reports by a traceback or by `SomeError:` at the start of a line; "" for none."""
    found = _ERROR_LINE.findall(output)
    return found[-1] if found else "error" if _TRACEBACK.search(output) else ""


def _weigh(fact: Fact, weight: float) -> Fact:
    """Weigh a step's fact. Text without a number, name or pair ("done") gets specificity 0."""
    is_finding = "=" in fact.text or bool(probes(fact.text))
    return replace(fact, specificity=fact.specificity * weight if is_finding else 0.0)


def _digest(*parts: str) -> str:
    """A digest of length-prefixed parts, so that ("ab", "") and ("a", "b") differ."""
    joined = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def utc_now() -> str:
    """The present time in ISO 8601 with its offset."""
    return datetime.now(UTC).isoformat()


@dataclass(frozen=True, slots=True)
class REPLEntry:
    """One step: reasoning, code and output. `id` defaults to a digest of the three, so equal steps share it."""

    reasoning: str = ""
    code: str = ""
    output: str = ""
    llm_calls: tuple[Mapping[str, Any], ...] = ()
    timestamp: str = field(default_factory=utc_now)
    id: str = ""

    def __post_init__(self) -> None:
        for name in ("reasoning", "code", "output"):
            if not isinstance(getattr(self, name), str):
                raise TypeError(f"{name} of a step must be a str, got {type(getattr(self, name)).__name__}")
        object.__setattr__(self, "llm_calls", tuple(self.llm_calls))
        if not self.id:
            object.__setattr__(self, "id", _digest(self.reasoning, self.code, self.output))

    @property
    def parts(self) -> tuple[str, ...]:
        """The reasoning, the code and the output."""
        return (self.reasoning, self.code, self.output)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The step's findings. Reasoning counts half, and code nothing: it says what was asked, not what was found."""
        handle = HANDLE_PREFIX + self.id
        return (
            *(_weigh(fact, 0.5) for fact in find_facts(self.reasoning, handle)),
            *(_weigh(fact, 0.0) for fact in find_facts(self.code, handle)),
            *(_weigh(fact, 1.0) for fact in find_facts(self.output, handle, with_pairs=True)),
        )

    @property
    def error(self) -> str:
        """The exception that the output reports, or ""."""
        return find_error(self.output)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a summary covers, over all compactions so far. `facts` are those that it shows, most specific first."""

    task: str = ""
    steps: int = 0
    failed_steps: int = 0
    is_conversation: bool = False
    num_llm_calls: int = 0
    resolved_errors: tuple[str, ...] = ()
    unresolved_errors: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class SummaryEntry(REPLEntry):
    """The step that replaces the steps it covers."""

    coverage: Coverage = Coverage()

    @property
    def summary(self) -> str:
        """The summary's text, without the mark in front of it."""
        return self.reasoning.removeprefix(SUMMARY_PREFIX)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The facts that the summary shows, least specific first, as entries list their oldest facts first."""
        return self.coverage.facts[::-1]

    @property
    def error(self) -> str:
        """Always "": a summary does not fail."""
        return ""


def write_summary_entry(summary: str, coverage: Coverage, timestamp: str = "") -> SummaryEntry:
    """The entry with `summary` in the documented format."""
    return SummaryEntry(
        SUMMARY_PREFIX + summary,
        SUMMARY_CODE,
        f"(Compacted {coverage.steps} steps)",
        timestamp=timestamp or utc_now(),
        coverage=coverage,
    )


def _read_summary(entry: REPLEntry) -> SummaryEntry | None:
    """Recognise a summary by its text, for example after a round trip through a file; None for any other entry."""
    counted = _SUMMARY_OUTPUT.fullmatch(entry.output)
    if not counted or entry.code != SUMMARY_CODE or not entry.reasoning.startswith(SUMMARY_PREFIX):
        return None
    listed = entry.reasoning.removeprefix(SUMMARY_PREFIX).replace("; ", "\n").replace("Key findings: ", "\n")
    facts = find_facts(listed, HANDLE_PREFIX + entry.id, with_pairs=True)
    coverage = Coverage(steps=int(counted[1]), facts=facts[::-1])
    return SummaryEntry(entry.reasoning, entry.code, entry.output, (), entry.timestamp, entry.id, coverage)


@dataclass(frozen=True, slots=True)
class TurnEntry:
    """A conversation's turn: its line below its session's header, relative dates resolved."""

    turn: Turn

    @property
    def id(self) -> str:
        """The turn's id, for example `D8:6`."""
        return self.turn.id

    @property
    def parts(self) -> tuple[str, ...]:
        """Header and line. Every turn has the header, so that a rendering by session is never larger than measured."""
        turn = self.turn
        return (render_header(turn.session, turn.time), render_line(turn, dated_text(turn), turn.caption))

    @property
    def facts(self) -> tuple[Fact, ...]:
        return facts_of(self.turn)

    @property
    def llm_calls(self) -> tuple[object, ...]:
        """Always empty."""
        return ()

    @property
    def error(self) -> str:
        """Always ""."""
        return ""


@dataclass(frozen=True, slots=True)
class REPLHistory:
    """Steps in order. It is immutable: `append` returns a new history."""

    entries: tuple[REPLEntry, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "entries", tuple(self.entries))

    def append(
        self,
        *,
        reasoning: str = "",
        code: str = "",
        output: str = "",
        llm_calls: Iterable[Mapping[str, Any]] = (),
        timestamp: str = "",
        id: str = "",
    ) -> REPLHistory:
        """A new history with one more step."""
        entry = REPLEntry(reasoning, code, output, tuple(llm_calls), timestamp or utc_now(), id)
        return REPLHistory((*self.entries, entry))

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[REPLEntry]:
        return iter(self.entries)

    def render(self) -> str:
        """The history as text, as the compactor measures it."""
        return render_entries(self.entries)


Item: TypeAlias = Entry | Turn  # an element of a history


def as_entry(item: Item) -> Entry:
    """`item` as an entry; a REPLEntry that is a summary by its text becomes a SummaryEntry."""
    if isinstance(item, Turn):
        return TurnEntry(item)
    if isinstance(item, REPLEntry) and not isinstance(item, SummaryEntry):
        return _read_summary(item) or item
    return item


def render_entry(entry: Entry) -> str:
    """The entry's parts as lines; empty parts are left out."""
    return "".join(f"{part}\n" for part in entry.parts if part)


def render_entries(items: Iterable[Item]) -> str:
    """A history as text, by which its tokens are counted."""
    return "".join(render_entry(as_entry(item)) for item in items)


def count_chars(items: Iterable[Item]) -> int:
    """Number of characters of all parts, without the line breaks between them."""
    return sum(len(part) for item in items for part in as_entry(item).parts)
