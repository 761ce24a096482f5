"""What --dry-run prints: LM calls, tokens and dollars of what a run would still ask."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from typing import Any

from locomo.asking import Program
from locomo.judging.verdicts import judges_category
from locomo.predictions import Predictions
from locomo.questions import Selection
from memory_system import ProgramOnMemories, expected_cost
from memoryqa.lms.prices import (
    ANSWER_TOKENS,
    JUDGE_PROMPT_TOKENS,
    MOST_CALLS_PER_STEP,
    MOST_CALLS_PER_VERDICT,
    MOST_JUDGE_PROMPT_TOKENS,
    TokenUse,
    describe_cost,
    dollars,
    model_facts,
    total_cost,
)
from memoryqa.lms.roles import LMChoice, most_reply_tokens


def report_estimate(
    programs: Mapping[str, Program],
    selection: Selection,
    done: Collection[tuple[str, str]],
    task: LMChoice | None,
    judge: LMChoice,
    *,
    judges: Collection[Any] = (),
    num_votes: int = 1,
) -> dict[str, Any]:
    """Print what asking and judging will cost, and at most; the same as a document.

    done: (program, question id) pairs that need no answer. Calls of a researcher's own program are not known.
    """
    costs: dict[str, dict[str, int]] = {}
    for name, program in programs.items():
        if isinstance(program, ProgramOnMemories):
            asked = [one.inputs() for one in selection.questions if (name, one.id) not in done]
            costs[name] = expected_cost(program, asked)
            calls, tokens = costs[name]["lm_calls"], costs[name]["prompt_tokens"]
            print(
                f"{name}: {calls:,} LM calls, {tokens:,} prompt tokens; at most {MOST_CALLS_PER_STEP * calls:,} calls, "
                "when every reply misses the format once",
                file=sys.stderr,
            )
        elif isinstance(program, Predictions):
            print(f"{name}: answered already, no LM calls", file=sys.stderr)
        else:
            print(f"{name}: what it calls is not known here", file=sys.stderr)
    verdicts = 0
    if judge.model is not None:
        read = [one for one in selection.questions for name in judges if judges_category(name, one.category, one.kinds)]
        verdicts = num_votes * len(programs) * len(read)
        print(
            f"judges: {verdicts:,} LM calls, {verdicts * JUDGE_PROMPT_TOKENS:,} prompt tokens; at most "
            f"{MOST_CALLS_PER_VERDICT * verdicts:,} calls, when no verdict can be read",
            file=sys.stderr,
        )
    facts = {choice: model_facts(choice) for choice in (task, judge) if choice is not None and choice.model is not None}
    sent, calls = (sum(cost[key] for cost in costs.values()) for key in ("prompt_tokens", "lm_calls"))
    uses = [] if task is None else [(task, TokenUse(sent, calls * ANSWER_TOKENS))]
    if verdicts:
        uses.append((judge, TokenUse(verdicts * JUDGE_PROMPT_TOKENS, verdicts * ANSWER_TOKENS)))
    cost_usd = total_cost((facts[choice].price, use) for choice, use in uses)
    most = _at_most(task, sent, calls, judge, verdicts)
    at_most_usd = total_cost((facts[choice].price, use) for choice, use in most)
    if at_most_usd:
        print(
            f"at most {dollars(max(at_most_usd, 0.01))}, when every format is missed once and each reply is as long as "
            "--max-tokens lets it be, thoughts included",
            file=sys.stderr,
        )
    print(describe_cost(cost_usd, facts) if facts else "no LM is asked: none of it costs anything", file=sys.stderr)
    document: dict[str, Any] = {
        "dry_run": True,
        "model": None if task is None else task.model,
        "programs": costs,
        "judge_lm_calls": verdicts,
        "cost_usd": cost_usd,
    }
    if not calls and not verdicts:
        return document
    return document | {
        "lm_calls_at_most": MOST_CALLS_PER_STEP * calls,
        "judge_lm_calls_at_most": MOST_CALLS_PER_VERDICT * verdicts,
        "prompt_tokens_at_most": sum(use.prompt_tokens for _, use in most),
        "completion_tokens_at_most": sum(use.completion_tokens for _, use in most),
        "cost_usd_at_most": at_most_usd,
        "reasoning_not_counted": [str(choice.model) for choice, one in facts.items() if one.reasons],
    }


def _at_most(
    task: LMChoice | None, sent: int, calls: int, judge: LMChoice, verdicts: int
) -> list[tuple[LMChoice, TokenUse]]:
    """What is sent and received when every format is missed once, no verdict can be read and each reply is as long as
    it may be. The answer that a judge reads is then as long."""
    found = []
    longest = most_reply_tokens(task)
    if task is not None:
        answering = MOST_CALLS_PER_STEP * calls
        found.append((task, TokenUse(MOST_CALLS_PER_STEP * sent, answering * longest)))
    if verdicts:
        judging = MOST_CALLS_PER_VERDICT * verdicts
        read = MOST_JUDGE_PROMPT_TOKENS + longest
        found.append((judge, TokenUse(judging * read, judging * most_reply_tokens(judge))))
    return found
