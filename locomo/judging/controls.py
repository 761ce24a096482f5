"""Is the judge to be trusted? Answers whose verdict is known beforehand, and what the judge said of them.

gold        the reference itself: to be accepted
other_gold  the reference of another question of the same category, without a word in common: to be refused
vague       the question's own words and nothing else: on topic, and worth nothing
refusal     a way of saying that one does not know; the only one that the abstention judge should find
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from locomo.evaluate import token_f1
from locomo.judging.files import VerdictFiles
from locomo.judging.names import JudgeName
from locomo.judging.verdicts import Answers
from locomo.kinds import LOCOMO, Kinds
from locomo.rows import AnswerRow, VerdictRow
from locomo.statistics import wilson_interval

CONTROLS = ("gold", "other_gold", "vague", "refusal")
_REFUSALS = (
    "No information available.",
    "I don't know.",
    "They never talked about that.",
    "The conversation does not say.",
    "That was not mentioned, so I cannot tell.",
)
_MAX_VAGUE_WORDS = 6
_MAX_DRAWS = 50
_QUESTION_WORDS = frozenset(
    "about after also been before could does doing from have having into many more much other some than that their "
    "them then there these they this those were what when where which while whom whose will with would your".split()
)


def control_answers(
    answers: Iterable[AnswerRow], num_questions: int | None = None, kinds: Kinds = LOCOMO
) -> list[AnswerRow]:
    """The controls as rows like those of answers.jsonl, with the control's name for a program.

    They are for a seeded sample of the answerable questions that were asked (None: for all). A larger
    `num_questions` only adds to the sample. A question for which a control cannot be made (no other gold of its kind,
    no word of its own) goes without it.
    """
    questions = {row["question_id"]: row for row in answers if row["category"] in kinds.answerable}
    golds: defaultdict[int, list[str]] = defaultdict(list)
    for row in questions.values():
        golds[row["category"]].append(str(row["gold"]))
    order = random.Random(0).sample(sorted(questions), len(questions))
    controls: list[AnswerRow] = []
    for question_id in order[:num_questions]:
        row = questions[question_id]
        draw = random.Random(question_id)
        texts = {
            "gold": str(row["gold"]),
            "other_gold": _other_gold(str(row["gold"]), sorted(golds[row["category"]]), draw),
            "vague": vague_answer(row["question"]),
            "refusal": draw.choice(_REFUSALS),
        }
        for name, text in texts.items():
            if text:
                controls.append({**row, "program": name, "answer": text, "error": None})
    return controls


def by_key(controls: Iterable[AnswerRow]) -> dict[tuple[str, str], AnswerRow]:
    """`controls` by (the control's name, question id)."""
    return {(row["program"], row["question_id"]): row for row in controls}


def vague_answer(question: str) -> str:
    """On topic and without content, from the question's own words; "" when it has none of four letters or more."""
    words = [word for word in re.findall(r"[^\W\d_][\w'’-]*", question) if len(word) > 3]
    kept = [word for word in dict.fromkeys(words) if word.lower() not in _QUESTION_WORDS]
    return f"It was something about {', '.join(kept[:_MAX_VAGUE_WORDS])}." if kept else ""


def summarise_controls(files: VerdictFiles, answers: Answers) -> dict[str, Any]:
    """Per judge's name and control: how often the judge found what it looks for, 0..1.

    It looks for a right answer, or (abstention) for a refusal. `expected` is 1 or 0; `accepted` of `n` readable
    verdicts; `wilson95` is [low, high], and takes the questions for independent.
    """
    shown = by_key(control_answers(answers.values(), kinds=files.kinds))
    document = {}
    for name in files.names():
        judged, verdicts = files.verdicts(name, shown)
        document[name] = {control: _summary(judged.name, control, list(verdicts.values())) for control in CONTROLS}
    return document


def _summary(judge: JudgeName, control: str, verdicts: Sequence[VerdictRow]) -> dict[str, Any]:
    members = [row for row in verdicts if row["program"] == control]
    found = [is_found for row in members if (is_found := _found(row)) is not None]
    return {
        "expected": int(control == ("refusal" if judge == "abstention" else "gold")),
        "n": len(found),
        "accepted": sum(found),
        "unreadable": len(members) - len(found),
        "rate": sum(found) / len(found) if found else None,
        "wilson95": wilson_interval(sum(found), len(found)),
    }


def _found(row: VerdictRow) -> bool | None:
    if row["verdict"] == "UNREADABLE":
        return None
    return bool(row["declines"]) if row["judge"] == "abstention" else row["verdict"] == "CORRECT"


def _other_gold(gold: str, golds: Sequence[str], draw: random.Random) -> str:
    """Another gold that shares no word with `gold`; "" when none turns up."""
    candidates = (draw.choice(golds) for _ in range(_MAX_DRAWS))
    return next((other for other in candidates if not token_f1(other, gold)), "")
