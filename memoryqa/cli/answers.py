"""How an answer is shown: the answer, the lines that it stands on, and who gave it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from memoryqa.cli.flags import in_flags
from memoryqa.cli.output import show, show_styled
from memoryqa.cli.shared import record
from memoryqa.offline_reader import OFFLINE_MODEL

if TYPE_CHECKING:
    from memoryqa.asking.answers import Answer
    from memoryqa.memories import Memories

_NEAREST = 3  # lines that are shown where there is no answer
OFFLINE = "answered by the offline reader, which copies words by rules and is often wrong; --model NAME asks an LM"


def worded_for(flags: Mapping[str, str], answer: Answer) -> Answer:
    """`answer`, whose problems name a command's flags."""
    return replace(answer, problems=tuple(in_flags(one, flags) for one in answer.problems))


def show_answer(answer: Answer, memories: Memories, chats: list[str], *, clock: bool) -> None:
    from memoryqa.asking.view import show_sources

    show_styled(answer.text, "bold")
    for title, sources in (("", answer.cited), ("The nearest lines:\n", answer.found[:_NEAREST])):
        if sources:
            lines = show_sources(memories, sources, clock=clock).rstrip("\n")
            show(f"\n{title}{lines}")
            break
    else:
        show(f"\nNothing like it was said in {_listed(chats)}.")
    if answer.is_known and not answer.cited:
        show("\nNo line is cited for it: check before you rely on it.")
    show_styled(f"\n{who_answered(answer)}", "dim")


def who_answered(answer: Answer) -> str:
    if answer.model is None:
        return OFFLINE
    tokens = (answer.prompt_tokens, answer.completion_tokens)
    spent = "" if None in tokens else f", {answer.prompt_tokens:,} tokens read and {answer.completion_tokens:,} written"
    cost = "" if answer.cost_usd is None else f", {_dollars(answer.cost_usd)}"
    problems = "".join(f"; {one}" for one in answer.problems)
    return f"answered by {answer.model}{spent}{cost}{problems}"


def answer_record(answer: Answer, memories: Memories, *, clock: bool) -> dict[str, Any]:
    """An answer in JSON."""
    from memoryqa.asking.view import show_sources

    return {
        "answer": answer.text,
        "known": answer.is_known,
        "cited": [{"chat": one.chat, **record(one.turn)} for one in answer.cited],
        "evidence": show_sources(memories, answer.cited, clock=clock),
        "found": [{"chat": one.chat, "id": one.turn.id} for one in answer.found],
        "model": answer.model or OFFLINE_MODEL,
        "tokens": {
            "context": answer.context_tokens,
            "prompt": answer.prompt_tokens,
            "completion": answer.completion_tokens,
        },
        "cost_usd": answer.cost_usd,
        "problems": list(answer.problems),
    }


def _listed(chats: list[str]) -> str:
    return chats[0] if len(chats) == 1 else f"{len(chats)} chats"


def _dollars(amount: float) -> str:
    return f"${amount:.4f}" if amount >= 0.0001 else "less than $0.0001"
