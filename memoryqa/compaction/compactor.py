"""MemoryCompactor: turns a history's older entries into one summary of limited size, and reports what is lost."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeAlias, overload

from memoryqa.compaction.config import CompactionConfig
from memoryqa.compaction.entries import (
    Coverage,
    Item,
    REPLHistory,
    SummaryEntry,
    count_chars,
    handle_of,
    render_entries,
    write_summary_entry,
)
from memoryqa.compaction.plan import PinnedEntriesError, Plan, check_pinned, make_plan, plan_fold
from memoryqa.compaction.result import CompactionResult, CompactionStats
from memoryqa.compaction.summaries import (
    Shown,
    SummaryLM,
    UnusableSummaryError,
    ask,
    carried_facts,
    check_summary,
    check_told,
    choose,
    compose,
    cover,
    covered_probes,
    facts_shown_by,
    most_specific_first,
    without_least,
    write_prompt,
)
from memoryqa.errors import UsageError
from memoryqa.language.facts import shown
from memoryqa.tokens import count_tokens

logger = logging.getLogger(__name__)

History: TypeAlias = REPLHistory | Sequence[Item]

_LEAST_FREED = 0.1  # share of its size that a compaction must free, unless the number of entries triggered it
_PINNED_ONLY = "the pinned entries and a summary are larger than the target: pin fewer entries, or raise target_tokens"


class LLMConnector(Protocol):
    """rlm-code's interface to an LM."""

    def generate_response(self, *, prompt: str) -> Any:
        """The completion of `prompt`."""


class MemoryCompactor:
    """Compacts histories of REPL steps, of a conversation's turns, or of anything else that is an `Entry`.

    `lm`: a dspy.LM, or any function from prompt to text; called at most once per compaction. `llm_connector` is the
    same for an object with `generate_response(prompt=...)`, rlm-code's keyword. Without either, or when it fails or
    writes no summary (see `CompactionConfig.fallback_to_deterministic`), summaries are composed from the facts in
    the entries: the same input then gives the same output. Threads may share a compactor.
    """

    def __init__(
        self,
        config: CompactionConfig | None = None,
        lm: SummaryLM | None = None,
        *,
        llm_connector: LLMConnector | None = None,
    ) -> None:
        if config is not None and not isinstance(config, CompactionConfig):
            raise TypeError(f"config must be a CompactionConfig, got {type(config).__name__}")
        if lm is not None and llm_connector is not None:
            raise UsageError("give `lm` or `llm_connector`, not both: one LM writes the summaries")
        self.config = config or CompactionConfig()
        self._lm: SummaryLM | None = None
        self.set_lm(lm)
        if llm_connector is not None:
            self.set_llm_connector(llm_connector)
        self._stats = CompactionStats()
        self._lock = threading.Lock()

    def set_lm(self, lm: SummaryLM | None) -> None:
        """Let `lm` write the summaries from now on; None lets no LM write them."""
        if lm is not None and not callable(lm):
            raise TypeError(
                f"lm must be a function from a prompt to text, got {type(lm).__name__}; an object with "
                "generate_response(prompt=...) is an `llm_connector`"
            )
        self._lm = lm

    def set_llm_connector(self, connector: LLMConnector | None) -> None:
        """Like `set_lm`, for an object with `generate_response(prompt=...)`."""
        if connector is not None and not callable(getattr(connector, "generate_response", None)):
            raise TypeError(f"llm_connector needs generate_response(prompt=...), {type(connector).__name__} has none")
        self._lm = None if connector is None else lambda prompt: connector.generate_response(prompt=prompt)

    @property
    def stats(self) -> CompactionStats:
        """Counts of what this compactor did so far."""
        return self._stats

    # -- the interface -------------------------------------------------------------------------------------------------

    def should_compact(self, history: History, *, pinned: Collection[str] = ()) -> bool:
        """Whether `history` is due: at the maximum of entries, characters or tokens, but never below the minimum.

        It is not due either when there is nothing besides a summary and the entries that are kept. `compact` may still
        be a no-op, with its reason, when the entries are shorter than a summary.
        """
        items = _items(history)
        return self._is_due(items) and make_plan(items, self.config, pinned).has_work

    def compact(
        self, history: History, task: str = "", force: bool = False, *, pinned: Collection[str] = ()
    ) -> CompactionResult:
        """Summarise all but the newest entries and those whose ids are `pinned`. Does not change `history`.

        `task` opens the summary and is shown to the LM. `force` compacts a history that is not due. Raises UsageError
        for a pinned id that is not in `history`, PinnedEntriesError when the pinned entries do not fit the target, and
        the LM's errors if the config has no fallback.
        """
        items = _items(history)
        check_pinned(items, pinned)
        if not force and not self._is_due(items):
            return self._no_op(items, "the history is below every trigger")
        plan = make_plan(items, self.config, pinned)
        if not plan.has_work:
            if plan.is_over:
                raise PinnedEntriesError(_PINNED_ONLY)
            return self._no_op(items, f"there is nothing older than the {len(plan.kept_items)} entries that are kept")
        by_count = force or len(items) >= self.config.max_entries_before_compaction
        return self._summarise(plan, task, least_freed=0.0 if by_count else _LEAST_FREED)

    def fold(self, history: History, task: str = "") -> CompactionResult:
        """Summarise every entry, regardless of triggers and entries to preserve; a no-op when that saves nothing."""
        plan = plan_fold(_items(history), self.config)
        if not plan.has_work:
            return self._no_op(plan.items, "there is nothing but a summary")
        return self._summarise(plan, task, least_freed=0.0)

    @overload
    def apply_compaction(self, history: REPLHistory, result: CompactionResult) -> REPLHistory: ...
    @overload
    def apply_compaction(self, history: Sequence[Item], result: CompactionResult) -> Sequence[Item]: ...
    def apply_compaction(self, history: History, result: CompactionResult) -> History:
        """The summary's entry and the preserved entries after it; `history` itself when nothing was compacted."""
        if not result.summary:
            return history
        steps = result.original_entries - len(result.preserved_entries)
        summary = write_summary_entry(result.summary, result.coverage or Coverage(steps=steps), result.timestamp)
        if isinstance(history, REPLHistory):
            return REPLHistory((summary, *result.preserved_entries))
        return (summary, *result.preserved_entries)

    def _is_due(self, items: Sequence[Item]) -> bool:
        config = self.config
        if len(items) < config.min_entries_for_compaction:
            return False
        if len(items) >= config.max_entries_before_compaction:
            return True
        if count_chars(items) >= config.max_chars_before_compaction:
            return True
        trigger = config.resolved_trigger_tokens
        return trigger is not None and count_tokens(render_entries(items)) >= trigger

    # -- the summary ---------------------------------------------------------------------------------------------------

    def _summarise(self, plan: Plan, task: str, least_freed: float) -> CompactionResult:
        covered = cover(plan.covered, plan.kept, task)
        draft = self._compose(covered, plan)
        if draft is None:
            if plan.is_over:  # the newest entries have their share; only pinned ones may take more
                raise PinnedEntriesError(_PINNED_ONLY)
            return self._no_op(plan.items, "a summary would be no smaller than what it covers")
        freed = 1 - plan.size_with(draft) / plan.size
        if freed < least_freed and not plan.is_over:
            return self._no_op(plan.items, f"it would free {freed:.0%} of the history, less than {least_freed:.0%}")
        written, lm_error = self._write(covered, plan, task, draft)
        self._count(compactions=1)
        return _report(plan, covered, written or draft, used_llm=written is not None, lm_error=lm_error)

    def _compose(self, covered: Coverage, plan: Plan) -> SummaryEntry | None:
        """The summary without an LM; None when even the shortest one does not fit."""
        config = self.config
        max_facts = config.max_key_findings if config.include_key_findings else 0
        shown_of: Shown | None = choose(covered, carried_facts(plan.covered), plan.room, plan.limit.size, max_facts)
        while shown_of is not None:
            text = compose(covered, shown_of, config.summary_max_sentences)
            entry = write_summary_entry(text, replace(covered, facts=most_specific_first(shown_of.facts)))
            if plan.fits(entry):
                return entry
            if plan.limit.is_promised and not plan.is_over:
                return None  # the whole history is within the target: better than fewer facts
            shown_of = without_least(shown_of)
        return None

    def _write(self, covered: Coverage, plan: Plan, task: str, draft: SummaryEntry) -> tuple[SummaryEntry | None, str]:
        """The LM's summary; or None, and why there is none. `draft` is the one without an LM."""
        lm = self._lm
        if lm is None or not self.config.use_llm_for_summary:
            return None, ""
        self._count(lm_calls=1)
        try:
            return self._ask(lm, covered, plan, task, draft), ""
        except Exception as error:  # the LM is the caller's and may raise anything: counted, logged and reported
            self._count(lm_failures=1)
            if not self.config.fallback_to_deterministic:
                raise
            logger.warning("no summary by the LM, composing one without it: %s: %s", type(error).__name__, error)
            return None, f"{type(error).__name__}: {error}"

    def _ask(self, lm: SummaryLM, covered: Coverage, plan: Plan, task: str, draft: SummaryEntry) -> SummaryEntry:
        max_sentences = self.config.summary_max_sentences
        answer = ask(lm, write_prompt(plan.covered, task, max_sentences))
        checked = check_summary(answer, plan.covered, task, max_sentences)
        self._count(lm_sentences_rejected=checked.rejected)
        for number in range(len(checked.sentences), 0, -1):
            text = " ".join(checked.sentences[:number])
            entry = write_summary_entry(text, covered)
            entry = write_summary_entry(
                text, replace(covered, facts=facts_shown_by(covered.facts, text, handle_of(entry)))
            )
            if plan.fits(entry):
                check_told(plan.covered, entry.summary, draft.summary)
                return entry
        raise UnusableSummaryError("the LM's summary is larger than the target, or than what it covers")

    def _no_op(self, items: Sequence[Item], reason: str) -> CompactionResult:
        self._count(no_ops=1)
        chars, tokens = count_chars(items), count_tokens(render_entries(items))
        return CompactionResult(
            original_entries=len(items),
            compacted_entries=len(items),
            original_chars=chars,
            compacted_chars=chars,
            summary="",
            preserved_entries=list(items),
            original_tokens=tokens,
            compacted_tokens=tokens,
            reason=reason,
        )

    def _count(self, **added: int) -> None:
        with self._lock:
            counts = {name: getattr(self._stats, name) + number for name, number in added.items()}
            self._stats = replace(self._stats, **counts)


def _items(history: History) -> tuple[Item, ...]:
    return history.entries if isinstance(history, REPLHistory) else tuple(history)


def _report(plan: Plan, covered: Coverage, summary: SummaryEntry, *, used_llm: bool, lm_error: str) -> CompactionResult:
    """The result of compacting `plan` into `summary`. `covered.facts` are all facts before the compaction."""
    after: list[Item] = [summary, *plan.kept]
    rendered = render_entries(after)
    kept = {fact.text.casefold() for fact in summary.coverage.facts}
    asked = covered_probes(plan.covered)
    return CompactionResult(
        original_entries=len(plan.items),
        compacted_entries=len(after),
        original_chars=count_chars(plan.items),
        compacted_chars=count_chars(after),
        summary=summary.summary,
        preserved_entries=list(plan.kept_items),
        timestamp=summary.timestamp,
        used_llm=used_llm,
        original_tokens=count_tokens(render_entries(plan.items)),
        compacted_tokens=count_tokens(rendered),
        covered_entries=plan.covered_items,
        dropped=tuple(fact for fact in covered.facts if fact.text.casefold() not in kept),
        retention=len(asked & shown(rendered)) / len(asked) if asked else 1.0,
        lm_error=lm_error,
        coverage=summary.coverage,
    )
