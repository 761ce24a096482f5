"""Answers as the compact JSON that the script of the report's page reads: reports/page/page.js."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from locomo.kinds import LOCOMO, Kinds
from locomo.rows import FULL_LINES_PROGRAM, AnswerRow, VerdictRow
from reports.palette import css_colours
from reports.records import (
    RIGHT_F1,
    VERDICTS,
    Lines,
    Passages,
    judge_titles,
    natural_order,
)

T = TypeVar("T")


def explorer_data(
    rows: Mapping[str, Mapping[str, AnswerRow]],
    judges: Mapping[str, Mapping[tuple[str, str], VerdictRow]],
    lines: Lines,
    passages: Passages | None = None,
    full_lines_programs: Collection[str] = (FULL_LINES_PROGRAM,),
    preset: Mapping[str, Any] | None = None,
    kinds: Kinds = LOCOMO,
) -> dict[str, Any]:
    """What the page's script needs, as JSON with rows as arrays; the script's `read` functions mirror the order here.

    Turns are numbered per conversation, in time order; lists of turns are runs of numbers such as `"4 9-30 8"`. A
    conversation's lines stand in it once, however many answers were given from them. `full_lines_programs` are those
    that were sent whole lines. `passages`: where those of long turns begin. `preset`: the filters that are set when the
    page opens.
    """
    titles = judge_titles(judges)
    some_program = next(iter(rows.values()))
    question_ids = sorted(some_program, key=natural_order)
    turn_ids = _turn_ids(rows, lines)
    number = {
        conversation_id: {turn_id: index for index, turn_id in enumerate(ids)}
        for conversation_id, ids in turn_ids.items()
    }
    conversations = list(turn_ids)
    questions = [
        [
            question_id,
            conversations.index(row["conversation_id"]),
            row["category"],
            row["question"],
            row["gold"],
            _runs(number[row["conversation_id"]], row["gold_evidence_ids"]),
        ]
        for question_id in question_ids
        for row in [some_program[question_id]]
    ]
    return {
        "right_f1": RIGHT_F1,
        "categories": {str(key): name.replace("_", "-") for key, name in kinds.names.items()},
        "programs": list(rows),
        "colours": list(css_colours(rows).values()),
        "verdict_names": list(VERDICTS),
        "full_lines": [name in full_lines_programs for name in rows],
        "judges": list(titles.values()),
        "conversations": [
            [
                conversation_id,
                *_lines_table(ids, lines.get(conversation_id, {})),
                _by_number(number[conversation_id], (passages or {}).get(conversation_id, {})),
            ]
            for conversation_id, ids in turn_ids.items()
        ],
        "questions": questions,
        "answers": {
            name: [_answer(answers[question_id], number) for question_id in question_ids]
            for name, answers in rows.items()
        },
        "verdicts": {
            titles[judge]: {
                name: [_verdict(verdicts.get((name, question_id))) for question_id in question_ids] for name in rows
            }
            for judge, verdicts in judges.items()
        },
        "preset": dict(preset or {}),
    }


def _turn_ids(rows: Mapping[str, Mapping[str, AnswerRow]], lines: Lines) -> dict[str, list[str]]:
    """Conversation id -> its turns in time order: those with lines, and any other that a row names."""
    named: dict[str, set[str]] = {}
    for answers in rows.values():
        for row in answers.values():
            ids = named.setdefault(row["conversation_id"], set(lines.get(row["conversation_id"], ())))
            ids.update(row["retrieved_ids"], row["gold_evidence_ids"], row["evidence_ids"])
    return {
        conversation_id: sorted(named[conversation_id], key=natural_order)
        for conversation_id in sorted(named, key=natural_order)
    }


def _lines_table(turn_ids: Sequence[str], lines: Mapping[str, tuple[str, str, str]]) -> tuple[list[str], list[Any]]:
    """The distinct headers, and per turn [id, header's number, brief line, full line or 0 where it is the same]."""
    headers = list(dict.fromkeys(lines[turn_id][0] for turn_id in turn_ids if turn_id in lines))
    place = {header: index for index, header in enumerate(headers)}
    table: list[Any] = []
    for turn_id in turn_ids:
        if turn_id in lines:
            header, brief, full = lines[turn_id]
            table.append([turn_id, place[header], brief, 0 if full == brief else full])
        else:
            table.append([turn_id])
    return headers, table


def _answer(row: AnswerRow, number: Mapping[str, Mapping[str, int]]) -> list[Any]:
    turns = number[row["conversation_id"]]
    return [
        row["answer"],
        round(row["f1"], 4),
        None if row["evidence_recall"] is None else round(row["evidence_recall"], 4),
        _runs(turns, row["retrieved_ids"]),
        _runs(turns, row["evidence_ids"]),
        row["hops"],
        row["queries"],
        row["problems"],
        row["error"],
        row["context_tokens"],
        row["memory_tokens"],
        row["lm_calls"],
        row["lm_calls_cached"],
        row["prompt_tokens"],
        row["completion_tokens"],
        None if row["latency_sec"] is None else round(row["latency_sec"], 4),
        _by_number(turns, row.get("shown", {})),
    ]


def _by_number(number: Mapping[str, int], by_id: Mapping[str, T]) -> dict[int, T]:
    return {number[turn_id]: value for turn_id, value in by_id.items()}


def _verdict(row: VerdictRow | None) -> list[Any] | None:
    """[place in VERDICTS, reason, votes as [place, reason] where there were several]"""
    if row is None:
        return None
    found = [VERDICTS.index(row["verdict"]), row["reason"]]
    if len(row["votes"]) < 2:
        return found
    return [*found, [[VERDICTS.index(vote["verdict"]), vote["reason"]] for vote in row["votes"]]]


def _runs(number: Mapping[str, int], turn_ids: Iterable[str]) -> str:
    """Turns in the order given, as numbers; neighbours that count up or down by one are written `first-last`."""
    runs: list[list[int]] = []
    for turn in (number[turn_id] for turn_id in turn_ids):
        if (
            runs
            and abs(turn - runs[-1][-1]) == 1
            and (len(runs[-1]) == 1 or turn - runs[-1][-1] == runs[-1][1] - runs[-1][0])
        ):
            runs[-1].append(turn)
        else:
            runs.append([turn])
    return " ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
