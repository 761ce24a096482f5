"""optimization.scoreboard, .comparison and .prompt_diff: what is best so far, and what it changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dspy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_reader import ScriptedReader

from locomo.schema import Question
from memory_system import Memories, MemoryQA, ProgramConfig
from memoryqa.memory import AdaptiveMemory
from memoryqa.turns import Turn
from optimization.comparison import compare
from optimization.meter import SearchStopped
from optimization.prompt_diff import prompt_changes, prompt_diff
from optimization.scoreboard import Scoreboard, asked_of, with_prompts
from reports.search_record import AFTER, BEFORE

INPUTS = {"conversation_id": "chat", "question": "What is in box 1?"}
EXAMPLE = dspy.Example(**INPUTS).with_inputs(*INPUTS)


def question(number: int, category: int = 4) -> Question:
    return Question(f"chat:{number}", "chat", f"What is in box {number}?", "a kite", category, (), "")


def program(instruction: str | None = None) -> MemoryQA:
    memories = Memories()
    memories["chat"] = AdaptiveMemory(1000)
    memories["chat"].extend([Turn(1, 1, "Ana", "I put a kite into box 1.")])
    made = MemoryQA(memories, ProgramConfig(max_hops=1, context_tokens=100))
    if instruction is not None:
        made.answer_question.signature = made.answer_question.signature.with_instructions(instruction)
    return made


def scored(board: Scoreboard, instruction: str | None, scores: Mapping[int, float]) -> Any:
    candidate = board.candidate(program(instruction))
    for number, score in scores.items():
        candidate.scores[asked_of(question(number))].append(score)
    return candidate


# -- watching ----------------------------------------------------------------------------------------------------------


def test_runs_are_scored_for_the_prompts_that_were_run_in_any_thread_and_copy() -> None:
    board, reader = Scoreboard(), ScriptedReader(answer="a kite")
    metric = board.scoring(lambda gold, pred, *more: dspy.Prediction(score=float(pred.answer == "a kite")))
    start, other = program(), program("Be brief.")
    dspy.configure(lm=reader.lm(), callbacks=[board])
    for one in (start, other):
        dspy.Evaluate(devset=[EXAMPLE] * 4, metric=metric, num_threads=2)(one.deepcopy())
    assert board.runs == 8
    assert board.failures == board.proposals == 0
    assert [list(candidate.scores.values()) for candidate in board.candidates.values()] == [[[1.0] * 4], [[1.0] * 4]]
    assert board.candidate(start.deepcopy()).number == 0


def test_a_run_that_fails_scores_zero_once_and_is_counted() -> None:
    board, reader = Scoreboard(), ScriptedReader(off_format=["answer"])
    metric = board.scoring(lambda gold, pred, *more: dspy.Prediction(score=0.0))
    dspy.configure(lm=reader.lm(), callbacks=[board])
    with pytest.raises(Exception, match="weather"):
        program()(**EXAMPLE.inputs())
    metric(EXAMPLE, None)
    assert (board.runs, board.failures) == (1, 1)
    assert "weather" in str(board.last_failure)
    assert board.candidate(program()).scores == {("chat", "What is in box 1?"): [0.0]}


def test_a_run_that_was_stopped_is_no_failure() -> None:
    board = Scoreboard()

    def stop(*arguments: Any, **named: Any) -> None:
        raise SearchStopped("enough")

    dspy.configure(lm=ScriptedReader().lm(), callbacks=[board])
    made = program()
    made.memories["chat"].search = stop  # type: ignore[method-assign]
    with pytest.raises(SearchStopped):
        made(conversation_id="chat", question="What is in box 1?")
    assert (board.runs, board.failures) == (0, 0)


# -- choosing ----------------------------------------------------------------------------------------------------------


def test_the_best_has_answered_all_questions_and_beats_the_incumbent() -> None:
    board, val = Scoreboard(), [question(1), question(2)]
    start = scored(board, None, {1: 0.5, 2: 0.5})
    scored(board, "half asked", {1: 1.0})
    as_good = scored(board, "as good", {1: 0.0, 2: 1.0})
    assert board.best(start, val) is start
    better = scored(board, "better", {1: 0.6, 2: 0.6})
    assert board.best(start, val) is better
    assert board.best(as_good, val) is better


def test_leaders_beat_the_incumbent_on_enough_of_the_same_questions() -> None:
    board, train = Scoreboard(), [question(number) for number in range(6)]
    start = scored(board, None, {0: 0.5, 1: 0.5, 2: 0.5})
    scored(board, "on one", {0: 1.0})
    scored(board, "elsewhere", {3: 1.0, 4: 1.0, 5: 1.0})
    scored(board, "worse", {0: 0.0, 1: 0.5, 2: 0.5})
    first, second = scored(board, "first", {0: 1.0, 1: 1.0}), scored(board, "second", {0: 0.6, 1: 0.6, 2: 0.6})
    assert board.leaders(start, train, least=2) == [first, second]


def test_a_candidate_gives_its_prompts_back() -> None:
    board, changed = Scoreboard(), program("Be brief.")
    changed.answer_question.demos = [dspy.Example(question="?", evidence="x", answer="y", evidence_ids="")]
    candidate = board.candidate(changed)
    rebuilt = with_prompts(program(), candidate)
    assert rebuilt.answer_question.signature.instructions == "Be brief."
    assert rebuilt.answer_question.demos == changed.answer_question.demos
    assert board.candidate(rebuilt) is candidate


# -- comparing ---------------------------------------------------------------------------------------------------------


def rows(before: list[float | None], after: list[float | None]) -> dict[tuple[str, str], dict[str, Any]]:
    sides = {BEFORE: before, AFTER: after}
    return {(name, f"chat:{n}"): {"score": score} for name, scores in sides.items() for n, score in enumerate(scores)}


def test_a_gain_is_shown_only_when_its_interval_leaves_out_zero() -> None:
    asked = [question(number) for number in range(40)]
    clear = compare(asked, rows([0.0] * 40, [1.0] * 30 + [0.0] * 10))
    assert clear.shown
    assert clear.verdict().startswith(
        "gain shown: +75.0 points on 40 held-back questions, 95% interval over questions +60.0 to "
    )
    noisy = compare(asked, rows([0.0, 1.0] * 20, [1.0, 0.0] * 19 + [1.0, 1.0]))
    assert not noisy.shown
    assert noisy.verdict().startswith("gain not shown: +2.5 points")
    worse = compare(asked, rows([1.0] * 40, [1.0, 0.0] * 20))
    assert worse.verdict().startswith("LOSS shown: -50.0 points")


def test_no_interval_is_made_of_few_or_equal_differences() -> None:
    few = compare([question(number) for number in range(4)], rows([0.0] * 4, [1.0, 0.5, 1.0, 1.0]))
    equal = compare([question(number) for number in range(9)], rows([0.3] * 9, [0.3] * 9))
    assert few.ci95 is equal.ci95 is None
    assert not few.shown
    assert equal.verdict() == "gain not shown: +0.0 points on 9 held-back questions"


def test_an_unreadable_verdict_leaves_its_question_out_of_both_sides() -> None:
    compared = compare([question(0), question(1, category=1)], rows([1.0, None], [0.0, 1.0]))
    assert (compared.questions, compared.before, compared.after) == (1, 1.0, 0.0)
    assert compared.by_category == {"single_hop": (1, 1.0, 0.0)}
    nothing = compare([question(0)], rows([None], [None]))
    assert nothing.difference is None
    assert nothing.verdict() == "no question could be compared"


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=5, max_size=20))
def test_the_interval_holds_the_difference(pairs: list[tuple[float, float]]) -> None:
    asked = [question(number) for number in range(len(pairs))]
    compared = compare(asked, rows([old for old, _ in pairs], [new for _, new in pairs]))
    assert compared.difference == pytest.approx(sum(new - old for old, new in pairs) / len(pairs))
    if compared.ci95 is not None:
        assert compared.ci95[0] - 1e-9 <= compared.difference <= compared.ci95[1] + 1e-9


# -- the changes as text -----------------------------------------------------------------------------------------------


def test_the_diff_shows_changed_instructions_and_new_demonstrations_of_those_prompts_alone() -> None:
    before, after = program("Be brief.\nBe right."), program("Be brief.\nBe exact.")
    after.write_queries.demos = [dspy.Example(augmented=True, question="Where?", queries=["a b"])]
    after.answer_question.demos = [{"question": "Q" * 999, "evidence": "1 Ana: hm\n2 Bo: oh", "answer": "oh"}]
    text = prompt_diff(before, after)
    assert "--- answer_question before\n+++ answer_question after\n" in text
    assert "\n Be brief.\n-Be right.\n+Be exact.\n" in text
    assert "+-- demonstration 1 --\n+question: Where?\n+queries: ['a b']\n" in text
    assert "+evidence: 1 Ana: hm / 2 Bo: oh\n" in text
    assert f"+question: {'Q' * 400} ...\n" in text
    assert "assess_evidence" not in text
    assert prompt_diff(before, before.deepcopy()) == "no prompt changed\n"


def test_the_changes_hold_whole_demonstrations_and_every_prompt() -> None:
    before, after = program("Be brief."), program("Be brief.")
    after.answer_question.demos = [{"question": "Q" * 999, "evidence": "1 Ana: hm\n2 Bo: oh", "answer": "oh"}]
    changes = {one["predictor"]: one for one in prompt_changes(before, after)}
    assert [name for name, one in changes.items() if one["changed"]] == ["answer_question"]
    assert set(changes) == {name for name, _ in before.named_predictors()}
    (demo,) = changes["answer_question"]["after"]["demos"]
    assert (demo["question"], demo["evidence"]) == ("Q" * 999, "1 Ana: hm\n2 Bo: oh")
    assert demo["evidence_ids"] == "(not given)"
    assert changes["answer_question"]["before"] == {"instructions": "Be brief.", "demos": []}


def test_a_candidate_knows_its_optimizer_and_when_it_was_first_run() -> None:
    board = Scoreboard()
    start = board.candidate(program())
    board.optimizer, board.runs = "simba", 7
    found = board.candidate(program("Be brief."))
    board.optimizer = "gepa"
    assert board.candidate(program("Be brief.")) is found
    assert (start.found_by, start.first_run, found.found_by, found.first_run) == (None, 0, "simba", 7)
