"""The memory of a chat: the recent exchanges word for word, and a running summary of all exchanges before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memoryqa import checks
from memoryqa.compaction.compactor import MemoryCompactor
from memoryqa.compaction.entries import (
    REPLHistory,
    SummaryEntry,
    write_summary_entry,
)
from memoryqa.compaction.plan import Limit
from memoryqa.compaction.summaries import list_findings
from memoryqa.errors import UsageError
from memoryqa.language.facts import Fact, find_facts, rank
from memoryqa.turns import HANDLE_PREFIX

_PREVIEW_CHARS = 100  # of each message of a turn that left; the number is rlm-code's


@dataclass(frozen=True, slots=True)
class Exchange:
    """A user's message, the answer, and the steps that led to the answer, if any. An `Entry`."""

    number: int
    user: str
    assistant: str
    history: REPLHistory | None = None

    @property
    def id(self) -> str:
        """`turn-1` for the first exchange."""
        return f"turn-{self.number}"

    @property
    def parts(self) -> tuple[str, ...]:
        """The two messages, as the context shows them, and the steps, which the context does not show."""
        return (f"User: {self.user}", f"Assistant: {self.assistant}", self.history.render() if self.history else "")

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Facts of the steps and of the two messages."""
        handle = HANDLE_PREFIX + self.id
        steps = [fact for step in self.history or () for fact in step.facts]
        found = tuple(Fact(fact.text, handle, fact.specificity) for fact in steps)
        return found + find_facts(self.user, handle) + find_facts(self.assistant, handle, with_pairs=True)

    @property
    def llm_calls(self) -> Sequence[object]:
        """The LM calls of the steps."""
        return [call for step in self.history or () for call in step.llm_calls]

    @property
    def error(self) -> str:
        """Always "": an exchange does not fail."""
        return ""


class ConversationMemory:
    """Remembers a chat: the recent turns word for word, and a running summary of all turns before.

    When there are more than `max_turns`, the older half leaves: `compactor` merges it into the summary, which carries
    facts of all turns that left. The first words of these turns stay in view as far as the compactor's limits allow
    (its target in tokens, else in characters). `dropped()` lists the facts that are not in view, and `expand()` returns
    any whole turn. A turn's `history` is compacted by itself when it is due.
    """

    def __init__(self, compactor: MemoryCompactor | None = None, max_turns: int = 20) -> None:
        if max_turns < 1:
            raise UsageError(f"max_turns must be at least 1, got {max_turns}")
        self.compactor = compactor or MemoryCompactor()
        self.max_turns = max_turns
        self.clear()

    def clear(self) -> None:
        self._recent: list[Exchange] = []
        self._left: list[Exchange] = []
        self._unmerged = (
            0  # number of the newest in `_left` that the summary does not cover: merging them saved nothing
        )
        self._summary: SummaryEntry | None = None
        self._written = ""  # the summary's text, if an LM wrote it

    def __len__(self) -> int:
        """Number of turns that were ever added."""
        return len(self._left) + len(self._recent)

    def add_turn(
        self, user_message: str, assistant_response: str, history: REPLHistory | None = None, task: str = ""
    ) -> None:
        """Remember a turn. Raises TypeError for a message that is no text, and then remembers nothing.

        When the compactor's LM raises (and there is no fallback), the turn is remembered nevertheless, and the next
        turn tries again to compact.
        """
        checks.text("user_message", user_message)
        checks.text("assistant_response", assistant_response)
        checks.text("task", task)
        exchange = Exchange(len(self) + 1, user_message, assistant_response)
        self._recent.append(exchange)
        if history is not None:
            if self.compactor.should_compact(history):
                history = self.compactor.apply_compaction(history, self.compactor.compact(history, task))
            self._recent[-1] = Exchange(exchange.number, user_message, assistant_response, history)
        if len(self._recent) > self.max_turns:
            self._compact(task)

    def get_context(self) -> str:
        """The text for an LM: the summary and the recent turns, with blank lines between. "" for an empty memory."""
        recent = [f"User: {turn.user}\nAssistant: {turn.assistant}" for turn in self._recent]
        if not self._left:
            return "\n\n".join(recent)
        return "\n\n".join([f"[Previous conversation ({len(self._left)} turns): {self._older()}]", *recent])

    def dropped(self) -> tuple[Fact, ...]:
        """Facts that are not in the context, most specific first; `expand` a fact's handle for the whole turn."""
        context = " ".join(self.get_context().split()).casefold()
        facts = rank(fact for turn in self._left for fact in turn.facts)
        carried = {fact.text.casefold() for fact in self._summary.coverage.facts} if self._summary else set()
        return tuple(
            fact for fact in facts if fact.text.casefold() not in context and fact.text.casefold() not in carried
        )

    def expand(self, handle: str) -> Exchange:
        """The turn with a handle (`mem:turn-3`) or an id, recent or not. Raises KeyError when there is none."""
        wanted = handle.removeprefix(HANDLE_PREFIX)
        for turn in (*self._left, *self._recent):
            if turn.id == wanted:
                return turn
        raise KeyError(f"{handle} is none of the {len(self)} turns of this conversation")

    def _compact(self, task: str) -> None:
        keep = max(1, self.max_turns // 2)
        leaving = self._recent[:-keep]
        unmerged = [*self._left[len(self._left) - self._unmerged :], *leaving]
        result = self.compactor.fold([*([self._summary] if self._summary else []), *unmerged], task)
        # nothing was changed so far: an LM's error leaves the memory as it was
        self._left += leaving
        self._recent = self._recent[-keep:]
        self._unmerged = len(unmerged)
        if result.coverage is not None:
            self._summary = write_summary_entry(result.summary, result.coverage)
            self._written = result.summary if result.used_llm else ""
            self._unmerged = 0

    def _older(self) -> str:
        """The first words of turns that left, as far back as there is room, and the summary without what they show."""
        limit = Limit.of(self.compactor.config)
        room = limit.total - (limit.size(self._summary.summary) if self._summary else 0)
        previews: list[str] = []
        for turn in reversed(self._left):
            preview = f"Q: {_preview(turn.user)} A: {_preview(turn.assistant)}"
            room -= limit.size(f" | {preview}")
            if room < 0:
                break
            previews.insert(0, preview)
        in_view = " | ".join(previews).casefold()
        facts = self._summary.coverage.facts if self._summary else ()
        rest = self._written or list_findings(fact for fact in facts if fact.text.casefold() not in in_view)
        return " | ".join([*previews, *([rest] if rest else [])])


def _preview(message: str) -> str:
    one_line = " ".join(message.split())
    return one_line if len(one_line) <= _PREVIEW_CHARS else f"{one_line[:_PREVIEW_CHARS]}..."
