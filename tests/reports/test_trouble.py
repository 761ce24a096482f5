from __future__ import annotations

from typing import Any

from reports.trouble import trouble_lines


def row(*problems: str, **fields: Any) -> dict[str, Any]:
    return {"lm_calls": 3, "prompt_tokens": 900, "problems": list(problems), **fields}


def test_a_run_without_trouble_has_no_lines() -> None:
    assert trouble_lines([]) == []
    assert trouble_lines([row(), row("the queries could not be read; searched with the question alone")]) == []


def test_each_kind_of_trouble_is_counted_once_with_its_fix() -> None:
    rows = [
        row("a reply was cut at its 2,048 tokens; raise `max_tokens`"),
        row("a reply was cut at its 2,048 tokens; raise `max_tokens`", formats_missed=2),
        row("the server read 4,096 tokens of a prompt of about 4,422; give `num_ctx` 8192"),
        row("the server read 4,095 tokens of a prompt of about 4,500; give `num_ctx` 8192", prompt_tokens=None),
    ]
    assert trouble_lines(rows) == [
        "2 of 4 answers: a reply was cut at its 2,048 tokens; raise `max_tokens`",
        "2 of 4 answers: the server read 4,096 tokens of a prompt of about 4,422; give `num_ctx` 8192",
        "the format was missed by 2 of 12 replies, each of which was asked for again",
        "the server counted no tokens for 1 of 4 answers: their cost is not known",
    ]
