from __future__ import annotations

import pytest

from benchmarks.counting import Passages, counted
from locomo.formats.records import Question
from memoryqa.memory import AdaptiveMemory
from memoryqa.rendering import Line

FILLING = "The weather was mild and nothing else happened in the garden that day. " * 12
LONG = f"{FILLING}\n\nThe otter is called Bernard.\n\n{FILLING}"


def ask(gold: str, *evidence: str) -> Question:
    return Question("c:0", "c", "What is the otter called?", gold, 1, evidence)


@pytest.fixture
def memory() -> AdaptiveMemory:
    memory = AdaptiveMemory()
    memory.add(LONG, speaker="User", session=1, number=1)
    memory.add("A short reply about an otter.", speaker="Assistant", session=1, number=2)
    return memory


def counted_lines(memory: AdaptiveMemory) -> tuple[Passages, list[Line]]:
    lines = [line for line, _ in memory.lines()]
    return Passages(lines), lines


def test_a_long_turn_counts_strictly_only_by_the_passage_that_holds_the_answer(memory: AdaptiveMemory) -> None:
    passages, lines = counted_lines(memory)
    (answering,) = [line for line in lines if "Bernard" in line.said]
    (other, *_) = [line for line in lines if line.turn.id == "D1:1" and line is not answering]
    question = ask("Bernard", "D1:1")
    right, wrong = memory.pack([answering], 500), memory.pack([other], 500)
    assert counted(question, {500: right}, passages) == {"recall": {500: 1.0}, "strict_recall": {500: 1.0}}
    assert counted(question, {500: wrong}, passages) == {"recall": {500: 1.0}, "strict_recall": {500: 0.0}}


def test_without_a_gold_answer_the_terms_are_the_question_s(memory: AdaptiveMemory) -> None:
    passages, lines = counted_lines(memory)
    (answering,) = [line for line in lines if "Bernard" in line.said]
    found = {500: memory.pack([line for line in lines if line.turn.id == "D1:1" and line is not answering], 500)}
    assert counted(ask("", "D1:1"), found, passages)["strict_recall"] == {500: 0.0}


def test_both_counts_agree_on_turns_of_one_passage(memory: AdaptiveMemory) -> None:
    passages, lines = counted_lines(memory)
    found = {500: memory.pack([lines[-1]], 500)}
    counts = counted(ask("Bernard", "D1:1", "D1:2"), found, passages)
    assert counts["recall"] == counts["strict_recall"] == {500: 0.5}
