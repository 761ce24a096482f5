"""Summaries of entries: composed from their facts, or written by an LM and checked against the entries.

A summary may lose facts, and the result lists them; it never adds one. A sentence of an LM with a number or a name that
is not in the entries is left out (agents are known to have worked on with a headline that their summariser made up).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TypeAlias

from memoryqa.compaction.entries import Coverage, Entry, REPLEntry, SummaryEntry
from memoryqa.errors import MemoryQAError
from memoryqa.language.facts import (
    Fact,
    find_facts,
    names,
    number_forms,
    numbers,
    probes,
    rank,
    sentences,
    shown,
    words,
)
from memoryqa.language.terms import terms
from memoryqa.replies.acceptance import RefusedTextError, accepted
from memoryqa.replies.reading import last_reply, set_last_reply

# A dspy.LM, or any function from a prompt to its completion (or to a list of completions; the first one is read).
SummaryLM: TypeAlias = Callable[[str], object]

TASK_CHARS = 100
_REASONING_CHARS, _CODE_CHARS, _OUTPUT_CHARS = 200, 150, 100  # of each step in the prompt; rlm-code's numbers
_FEWEST_TOLD = 3
_SETTING = frozenset(("llm", "lm", "repl"))  # words by which an LM may mean itself and its setting
_INNER_STOP = re.compile(r"(?<![.!?…])[.!?…]+(?=\s|$)")  # of a long run, one start only: linear
_WIDE_STOPS = str.maketrans("。！？", "，，，")
_BULLET = re.compile(r"^(?:[-*•]|\d{1,2}[.)])\s+", re.MULTILINE)


class UnusableSummaryError(MemoryQAError, ValueError):
    """The LM's answer is no summary of the entries."""


# -- what is covered ---------------------------------------------------------------------------------------------------


def cover(covered: Sequence[Entry], kept_after: Sequence[Entry], task: str) -> Coverage:
    """The coverage of a summary of `covered`, with earlier summaries merged and all their facts ranked.

    An error is resolved when a later step, in `covered` or in `kept_after`, has none.
    """
    totals = Coverage(task=" ".join(task.split()))
    open_errors: list[str] = []
    resolved: list[str] = []
    for entry in covered:
        if isinstance(entry, SummaryEntry):
            totals = _merge(totals, entry.coverage)
            resolved += entry.coverage.resolved_errors
            open_errors += entry.coverage.unresolved_errors
            continue
        is_step = isinstance(entry, REPLEntry)
        totals = replace(
            totals,
            steps=totals.steps + 1,
            failed_steps=totals.failed_steps + bool(entry.error),
            is_conversation=totals.is_conversation or not is_step,
            num_llm_calls=totals.num_llm_calls + len(entry.llm_calls),
        )
        open_errors, resolved = _follow(entry, open_errors, resolved)
    for entry in kept_after:
        open_errors, resolved = _follow(entry, open_errors, resolved)
    return replace(
        totals,
        resolved_errors=tuple(dict.fromkeys(resolved)),
        unresolved_errors=tuple(dict.fromkeys(open_errors)),
        facts=rank(fact for entry in covered for fact in entry.facts),
    )


def _merge(totals: Coverage, earlier: Coverage) -> Coverage:
    return replace(
        totals,
        task=totals.task or earlier.task,
        steps=totals.steps + earlier.steps,
        failed_steps=totals.failed_steps + earlier.failed_steps,
        is_conversation=totals.is_conversation or earlier.is_conversation,
        num_llm_calls=totals.num_llm_calls + earlier.num_llm_calls,
    )


def _follow(entry: Entry, open_errors: list[str], resolved: list[str]) -> tuple[list[str], list[str]]:
    if entry.error:
        return [*open_errors, entry.error], resolved
    return [], resolved + open_errors


def carried_facts(covered: Sequence[Entry]) -> frozenset[Fact]:
    """The facts that earlier summaries among `covered` show."""
    return frozenset(fact for entry in covered if isinstance(entry, SummaryEntry) for fact in entry.facts)


def covered_probes(covered: Sequence[Entry]) -> frozenset[str]:
    """The numbers, dates and names in `covered`; for a summary those in the facts that it carries."""
    texts: list[str] = []
    for entry in covered:
        texts += [fact.text for fact in entry.facts] if isinstance(entry, SummaryEntry) else entry.parts
    return probes("\n".join(texts))


# -- without an LM -----------------------------------------------------------------------------------------------------


def flat(text: str) -> str:
    """`text` without the full stops that would end a sentence, so that it fits into one ("Dr. Lee." -> "Dr Lee")."""
    return " ".join(_INNER_STOP.sub("", text).translate(_WIDE_STOPS).split()).rstrip("，")


@dataclass(frozen=True, slots=True)
class Shown:
    """The parts of a coverage that a summary shows, besides the number of steps."""

    task: str = ""
    unresolved_errors: tuple[str, ...] = ()
    resolved_errors: tuple[str, ...] = ()
    num_llm_calls: int = 0
    facts: tuple[Fact, ...] = ()


def choose(
    coverage: Coverage, carried: frozenset[Fact], room: int, size: Callable[[str], int], max_facts: int
) -> Shown:
    """Choose what a summary with `room` shows: as much as fits, in a fixed order, so that more room shows more."""
    everything = Shown(
        flat(coverage.task[:TASK_CHARS]),
        coverage.unresolved_errors,
        coverage.resolved_errors,
        coverage.num_llm_calls,
        _alternate(coverage.facts, carried)[:max_facts],
    )
    number = 0
    for words_added in _in_order(everything):
        room -= size(words_added) + 2  # the separator
        if room < 0:
            break
        number += 1
    return _first(everything, number)


def _alternate(facts: Sequence[Fact], carried: frozenset[Fact]) -> tuple[Fact, ...]:
    """Alternate facts of earlier summaries with new ones, each most specific first: neither displaces the other."""
    worth = [fact for fact in facts if fact.specificity > 0]
    columns = ([fact for fact in worth if fact in carried], [fact for fact in worth if fact not in carried])
    return tuple(fact for pair in zip_longest(*columns) for fact in pair if fact is not None)


def _in_order(shown_of: Shown) -> Iterator[str]:
    """The words that each part adds to a summary, the most important part first."""
    if shown_of.task:
        yield f"Working on: {shown_of.task}"
    yield from _listed("Unresolved issues: ", shown_of.unresolved_errors)
    yield from _listed("Resolved issues: ", shown_of.resolved_errors)
    if shown_of.num_llm_calls:
        yield f"Made {shown_of.num_llm_calls} LLM sub-calls"
    yield from _listed("Key findings: ", [flat(fact.text) for fact in shown_of.facts])


def _listed(label: str, texts: Sequence[str]) -> Iterator[str]:
    return ((label if place == 0 else "") + text for place, text in enumerate(texts))


def _first(shown_of: Shown, number: int) -> Shown:
    """The `number` most important parts of `shown_of`."""
    task = shown_of.task if number > 0 else ""
    number -= bool(task)
    unresolved = shown_of.unresolved_errors[: max(0, number)]
    number -= len(unresolved)
    resolved = shown_of.resolved_errors[: max(0, number)]
    number -= len(resolved)
    num_llm_calls = shown_of.num_llm_calls if number > 0 else 0
    number -= bool(num_llm_calls)
    return Shown(task, unresolved, resolved, num_llm_calls, shown_of.facts[: max(0, number)])


def most_specific_first(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """Sort `facts` as a summary lists them."""
    return tuple(sorted(facts, key=lambda fact: -fact.specificity))


def without_least(shown_of: Shown) -> Shown | None:
    """`shown_of` without its least important part; None when it shows nothing."""
    number = sum(1 for _ in _in_order(shown_of))
    return _first(shown_of, number - 1) if number else None


def list_findings(facts: Iterable[Fact]) -> str:
    """`Key findings: ...`, or "" when there are none."""
    texts = [flat(fact.text) for fact in most_specific_first(facts)]
    return "Key findings: " + "; ".join(texts) if texts else ""


def compose(coverage: Coverage, shown_of: Shown, max_sentences: int) -> str:
    """The summary of `coverage` that shows `shown_of`, in at most `max_sentences` sentences."""
    noun = "turns" if coverage.is_conversation else "steps"
    succeeded = "" if coverage.is_conversation else f" ({coverage.steps - coverage.failed_steps} successful)"
    clauses = [
        f"Working on: {shown_of.task}" if shown_of.task else "",
        f"Completed {coverage.steps} {noun}{succeeded}",
        f"Made {shown_of.num_llm_calls} LLM sub-calls" if shown_of.num_llm_calls else "",
        list_findings(shown_of.facts),
        "Resolved issues: " + ", ".join(shown_of.resolved_errors) if shown_of.resolved_errors else "",
        "Unresolved issues: " + ", ".join(shown_of.unresolved_errors) if shown_of.unresolved_errors else "",
    ]
    clauses = [clause for clause in clauses if clause]
    merged = max(1, len(clauses) - max_sentences + 1)  # when there are too many, the first clauses share a sentence
    return " ".join(f"{sentence}." for sentence in ["; ".join(clauses[:merged]), *clauses[merged:]])


# -- with an LM --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CheckedSummary:
    """The usable sentences of an LM's answer, and the number of sentences that say what is not in the entries."""

    sentences: tuple[str, ...]
    rejected: int


def write_prompt(covered: Sequence[Entry], task: str, max_sentences: int) -> str:
    """The prompt: the task, a preview of each step, and the earlier summary with the facts that it carries."""
    blocks = []
    number = 0
    for entry in covered:
        if isinstance(entry, SummaryEntry):
            number += entry.coverage.steps
            facts = "".join(f"\n- {fact.text}" for fact in entry.coverage.facts)
            blocks.append(f"Summary of the {entry.coverage.steps} steps before:\n{entry.summary}{facts}")
            continue
        number += 1
        blocks.append(f"Step {number}:\n{_preview(entry)}")
    return (
        f"Write a summary of this history in at most {max_sentences} plain sentences. Say what was tried, what was "
        "found, and which errors came up and how they were resolved. Keep exact numbers, names and dates, also those "
        "of an earlier summary. Write nothing that the history does not say.\n\n"
        f"Task: {' '.join(task.split()) or 'not stated'}\n\n" + "\n\n".join(blocks) + "\n\nSummary:"
    )


def _preview(entry: Entry) -> str:
    if not isinstance(entry, REPLEntry):
        return "\n".join(f"  {_cut(part, 2 * _REASONING_CHARS)}" for part in entry.parts if part)
    labelled = (
        ("Reasoning", _cut(entry.reasoning, _REASONING_CHARS)),
        ("Code", _cut(entry.code, _CODE_CHARS)),
        ("Output", _cut(entry.output, _OUTPUT_CHARS)),
    )
    return "\n".join(f"  {label}: {text}" for label, text in labelled if text)


def _cut(text: str, max_chars: int) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= max_chars else one_line[: max_chars - 1] + "…"


def ask(lm: SummaryLM, prompt: str) -> str:
    """Call `lm` once with `prompt` and return the completion.

    Raises TypeError for an answer that is no text, and UnusableSummaryError where the LM is one of ours and its reply
    was cut, or what it was to summarise.
    """
    set_last_reply(None)
    answer = lm(prompt)
    if (reply := last_reply()) is not None and (loss := reply.prompt_loss):
        raise UnusableSummaryError(f"{loss}: its summary is of a part")
    if reply is not None and reply.ending:
        raise UnusableSummaryError(f"the reply {reply.ending}")
    if isinstance(answer, Sequence) and not isinstance(answer, str) and answer:
        answer = answer[0]
    if isinstance(answer, Mapping):
        answer = answer.get("text")
    if not isinstance(answer, str):
        raise TypeError(f"the LM for summaries must return text or a list of texts, got {type(answer).__name__}")
    return answer


def check_summary(answer: str, covered: Sequence[Entry], task: str, max_sentences: int) -> CheckedSummary:
    """The first `max_sentences` sentences of `answer` whose numbers and names are all in the entries.

    The numbers of steps and of LM calls are allowed too. Thoughts, a preamble and a closing remark are cut off. Raises
    UnusableSummaryError when nothing remains, and for a refusal, an error message, a placeholder or foreign JSON.
    """
    try:
        answer = accepted(answer)
    except RefusedTextError as error:
        what = "an empty summary" if not answer.strip() else f"no summary but {error}"
        raise UnusableSummaryError(f"the LM returned {what}") from None
    counts = cover(covered, (), task)
    known_counts = (counts.steps, counts.steps - counts.failed_steps, counts.failed_steps, counts.num_llm_calls)
    said = [text for entry in covered for text in (*entry.parts, *(fact.text for fact in entry.facts))]
    source = "\n".join([task, *said, *map(str, known_counts)])
    known_numbers, known_words, known_terms = number_forms(source), words(source) | _SETTING, frozenset(terms(source))

    def is_grounded(sentence: str) -> bool:
        new_names = names(sentence) - known_words
        opening = sentence.split()[0]
        if new_names == words(opening) and terms(opening) and known_terms.issuperset(terms(opening)):
            new_names = frozenset()  # "Ledgers were read", where the history has "ledger", names nobody
        return numbers(sentence) <= known_numbers and not new_names

    found = sentences(" ".join(_BULLET.sub("", answer.strip()).splitlines()))
    grounded = [sentence for sentence in found if is_grounded(sentence)]
    if not grounded:
        raise UnusableSummaryError("every sentence of the LM's summary names something that the history does not")
    return CheckedSummary(tuple(grounded[:max_sentences]), len(found) - len(grounded))


def check_told(covered: Sequence[Entry], written: str, composed: str) -> None:
    """Raise UnusableSummaryError when `written` tells nothing of `covered`, where `composed` tells several things.

    Nothing: no number, no name, and no word of its own. That is the sign of every text that is no summary, in whatever
    words it says so.
    """
    asked = covered_probes(covered)
    told, would_be_told = asked & shown(written), asked & shown(composed)
    if told or len(would_be_told) < _FEWEST_TOLD:
        return
    said = frozenset(term for entry in covered for part in entry.parts for term in terms(part))
    if not said & frozenset(terms(written)):
        raise UnusableSummaryError(
            f"the LM's summary has none of {len(asked)} numbers and names, and no word, of what it covers: "
            f"{written[:80]!r}"
        )


def facts_shown_by(facts: Iterable[Fact], summary: str, handle: str) -> tuple[Fact, ...]:
    """The facts that an LM's `summary` shows, word for word or by all their numbers and names.

    Sentences of the summary that say more than these facts are added under `handle`: the next summary covers them too.
    """
    visible, lower = shown(summary), summary.casefold()
    found = []
    for fact in facts:
        asked = probes(fact.text)
        if fact.text.casefold() in lower or (asked and asked <= visible):
            found.append(fact)
    known = shown("\n".join(fact.text for fact in found))
    own = [fact for fact in find_facts(summary, handle) if not probes(fact.text) <= known or not found]
    return most_specific_first([*found, *own])
