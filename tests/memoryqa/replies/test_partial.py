"""A field of a reply that is still being written: only ever a beginning of what it will say."""

from __future__ import annotations

import json

import pytest

from memoryqa.replies.partial import field_so_far

ANSWERS = ("To Porto, on 20 May 2023", 'She said "no" [twice] \\ and left', "Ναι, στην Αθήνα 🙂", "a [[ b", "x" * 300)


def chat(answer: str) -> str:
    return f"[[ ## answer ## ]]\n{answer}\n\n[[ ## evidence_ids ## ]]\nD1:1, D2:4\n\n[[ ## completed ## ]]"


def in_json(answer: str) -> str:
    return json.dumps({"answer": answer, "evidence_ids": "D1:1"})


SHAPES = {
    "chat": chat,
    "chat after thoughts": lambda answer: f"<think>\nThe [[ ## answer ## ]] is\nhard.\n</think>\n{chat(answer)}",
    "chat after another field": lambda answer: f"[[ ## reasoning ## ]]\nBecause.\n\n{chat(answer)}",
    "json": in_json,
    "json in a fence": lambda answer: f"```json\n{in_json(answer)}\n```",
    "json with another field first": lambda answer: json.dumps({"evidence_ids": "D1:1", "answer": answer}, indent=1),
}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_shown_is_a_beginning_of_the_answer_and_grows_to_all_of_it(shape: str, answer: str) -> None:
    text = SHAPES[shape](answer)
    shown = [field_so_far(text[:length], "answer") for length in range(len(text) + 1)]
    assert all(answer.startswith(one) for one in shown), [one for one in shown if not answer.startswith(one)][:3]
    assert shown[0] == ""
    assert shown[-1] == answer
    lengths = [len(one) for one in shown]
    assert max(lengths) - min(lengths) == len(answer)
    assert len(set(lengths)) > len(answer) // 3  # it comes piece by piece


@pytest.mark.parametrize(
    "text", ["", "I would rather talk about the weather.", "{", '{"answer": 3', "[[ ## evidence_ids"]
)
def test_a_reply_without_the_field_shows_nothing(text: str) -> None:
    assert field_so_far(text, "answer") == ""
