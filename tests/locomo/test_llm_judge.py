"""The LM judges and their command, against a real HTTP server that grades by a script."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import dspy
import pytest
from commands import Command
from judged_runs import Grading, ScriptedJudge, answer_row, by_the_words, make_run
from openai_server import OpenAIServer, context_too_long, delayed, off_format, rate_limited, server_error
from ports import free_port

from harness.files import JsonlFile
from locomo import llm_judge
from locomo.judging.controls import control_answers, vague_answer
from locomo.judging.files import VerdictFiles, judge_columns, read_answers, summarise_judges
from locomo.judging.names import JudgeName
from locomo.judging.prompts import PROMPTS, VOTE_TEMPERATURE, Judge, prompt_digest, read_verdict
from locomo.judging.verdicts import judged_name

SECRET = "planted-key-0123456789"


pytestmark = pytest.mark.usefixtures("wide_terminal", "short_waits")


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command("locomo.llm_judge", llm_judge.main, capsys)


def at(server: OpenAIServer, *more: object, threads: int = 1, model: str = "hosted_vllm/m") -> list[object]:
    return ["--judge-model", model, "--api-base", server.api_base, "--num-threads", threads, *more]


def gradings_in(server: OpenAIServer) -> int:
    """Requests that asked for a verdict: all but the pre-flight call."""
    return sum("[[ ## verdict ## ]]" in str(r.body["messages"]) or "JSON" in str(r.body) for r in server.chat_requests)


def kept(run_dir: Path, judge: JudgeName = "strict", num_votes: int = 1) -> list[dict[str, Any]]:
    return JsonlFile(run_dir / f"judge-{judged_name(judge, 'hosted_vllm/m', num_votes)}.jsonl").rows()


def verdicts_of(run_dir: Path, judge: JudgeName = "strict", num_votes: int = 1) -> dict[str, str]:
    return {row["question_id"]: row["verdict"] for row in kept(run_dir, judge, num_votes=num_votes)}


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Right, wrong, failed and empty answers, and one of category 5 that declines and one that does not."""
    rows = [
        answer_row(0),
        answer_row(1, answer="beans"),
        answer_row(2, answer="", error="LMServerError: gone", f1=0.0),
        answer_row(3, answer="  "),
        answer_row(4, answer="No information available"),
        answer_row(5, category=5, gold="", answer="No information available"),
        answer_row(6, category=5, gold="", answer="beans"),
        answer_row(7, category=2),
    ]
    return make_run(tmp_path / "run", rows)


# -- verdicts ----------------------------------------------------------------------------------------------------------


def test_each_judge_reads_what_it_may_and_gives_its_verdict(command: Command, mixed: Path) -> None:
    scripted = ScriptedJudge()
    with OpenAIServer(scripted) as server:
        outcome = command(mixed, *at(server, threads=4))
    graded = {"0": "CORRECT", "1": "WRONG", "2": "WRONG", "3": "WRONG", "4": "WRONG", "7": "CORRECT"}
    for judge in ("lenient", "strict"):
        assert verdicts_of(mixed, judge) == {f"chat-0:{number}": verdict for number, verdict in graded.items()}
    declined = {"0": "CORRECT", "1": "CORRECT", "2": "WRONG", "3": "WRONG", "4": "WRONG", "7": "CORRECT"}
    declined |= {"5": "CORRECT", "6": "WRONG"}
    assert verdicts_of(mixed, "abstention") == {f"chat-0:{number}": verdict for number, verdict in declined.items()}
    assert len(scripted.gradings) == 4 + 4 + 6  # neither the failed nor the empty answer was shown to anybody
    judges = outcome.document["judges"]
    strict = judges["strict@hosted_vllm-m"]["programs"]["memory"]
    assert {key: strict[key] for key in ("n", "correct", "wrong", "unreadable", "without_lm", "not_judged")} == {
        **{"n": 6, "correct": 2, "wrong": 4, "unreadable": 0, "without_lm": 2, "not_judged": 0}
    }
    assert strict["accuracy"] == pytest.approx(2 / 6)
    assert strict["accuracy_by_category"]["temporal"] == 1.0
    assert strict["accuracy_by_category"]["adversarial"] is None
    abstention = judges["abstention@hosted_vllm-m"]["programs"]["memory"]
    assert (abstention["n"], abstention["accuracy"]) == (2, 0.5)
    assert abstention["false_abstention_rate"] == pytest.approx(1 / 4)  # failed and empty answers have not declined
    assert json.loads((mixed / "judges.json").read_text()) == outcome.document
    for told in ("strict@hosted_vllm-m", "1-4 (should not)", "2 failed or empty, wrong without asking"):
        assert told in outcome.err


def test_the_abstention_judge_is_blind_and_nobody_sees_the_category(command: Command, mixed: Path) -> None:
    scripted = ScriptedJudge()
    with OpenAIServer(scripted) as server:
        assert command(mixed, *at(server)).status == 0
    fields = {grading.judge: set(grading.inputs) for grading in scripted.gradings}
    assert fields == {
        "abstention": {"question", "answer"},
        "lenient": {"question", "reference", "answer"},
        "strict": {"question", "reference", "answer"},
    }
    blind = [str(g.body["messages"]) for g in scripted.gradings if g.judge == "abstention"]
    assert len(blind) == 6
    assert not any("leeks1" in text for text in blind)  # the reference of the question that was answered with beans
    assert all("categor" not in str(grading.body["messages"]) for grading in scripted.gradings)


def test_one_vote_is_asked_at_temperature_0(command: Command, tmp_path: Path) -> None:
    run_dir = make_run(tmp_path / "run", [answer_row(0)])
    scripted = ScriptedJudge()
    with OpenAIServer(scripted) as server:
        assert command(run_dir, *at(server, "--judge", "strict")).status == 0
    assert [grading.body["temperature"] for grading in scripted.gradings] == [0.0]


def test_the_prompt_is_the_same_whatever_format_the_program_under_test_uses() -> None:
    scripted = ScriptedJudge()
    with OpenAIServer(scripted) as server:
        lm = dspy.LM("hosted_vllm/m", api_base=server.api_base, cache=False)
        judge = Judge("strict", lm, model="hosted_vllm/m")
        for adapter in (None, dspy.JSONAdapter()):
            with dspy.context(adapter=adapter):
                assert judge(question="Which?", gold="leeks", answer="leeks").finding is True
    first, second = scripted.gradings
    assert first.body["messages"] == second.body["messages"]


def test_verdict_rows_tell_who_judged_why_and_at_what_cost(command: Command, tmp_path: Path) -> None:
    run_dir = make_run(tmp_path / "run", [answer_row(0)])
    with OpenAIServer(ScriptedJudge()) as server:
        assert command(run_dir, *at(server, "--judge", "lenient")).status == 0
    (row,) = kept(run_dir, "lenient")
    assert (row["judge"], row["model"], row["program"]) == ("lenient", "hosted_vllm/m", "memory")
    assert row["prompt_digest"] == prompt_digest(PROMPTS["lenient"])
    assert row["reason"] == "graded leeks0"
    assert row["votes"] == [{"verdict": "CORRECT", "reason": "graded leeks0"}]
    assert (row["lm_calls"], row["lm_calls_cached"]) == (1, 0)
    assert row["prompt_tokens"] > 0
    assert row["error"] is None


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("CORRECT", True),
        (" correct. ", True),
        ("**Wrong**", False),
        ('"INCORRECT"', False),
        ("not correct", None),
        ("CORRECT or WRONG", None),
        ("CORRECT because it says so", None),
        ("DECLINES", None),
        ("", None),
    ],
)
def test_a_verdict_is_one_known_word_or_unreadable(text: str, finding: bool | None) -> None:
    assert read_verdict("strict", text) is finding


def test_the_abstention_judge_has_words_of_its_own() -> None:
    assert read_verdict("abstention", "Declines") is True
    assert read_verdict("abstention", "answers.") is False
    assert read_verdict("abstention", "CORRECT") is None


def test_no_prompt_says_who_chats() -> None:
    for signature in PROMPTS.values():
        opening = signature.instructions.partition("\n")[0]
        assert "a long chat" in opening
        assert "two people" not in signature.instructions


def test_prompts_have_digests_that_differ_and_change_with_the_prompt() -> None:
    digests = [prompt_digest(signature) for signature in PROMPTS.values()]
    assert len(set(digests)) == 3
    strict = PROMPTS["strict"]
    assert prompt_digest(strict.with_instructions("Grade.")) != prompt_digest(strict)
    assert prompt_digest(strict.with_updated_fields("answer", desc="it")) != prompt_digest(strict)


# -- votes -------------------------------------------------------------------------------------------------------------


def in_turn(*verdicts: str) -> Callable[[Grading], str]:
    """Verdicts in order of asking, then the last for ever."""
    left, lock = list(verdicts), threading.Lock()

    def verdict(grading: Grading) -> str:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return verdict


def test_three_votes_are_three_samples_and_the_majority_decides(command: Command, tmp_path: Path) -> None:
    run_dir = make_run(tmp_path / "run", [answer_row(0)])
    scripted = ScriptedJudge(in_turn("WRONG", "CORRECT", "CORRECT"))
    with OpenAIServer(scripted) as server:
        outcome = command(run_dir, *at(server, "--judge", "strict", "--judge-votes", 3))
    (row,) = kept(run_dir, num_votes=3)
    assert [vote["verdict"] for vote in row["votes"]] == ["WRONG", "CORRECT", "CORRECT"]
    assert row["verdict"] == "CORRECT"
    assert [grading.body["temperature"] for grading in scripted.gradings] == [VOTE_TEMPERATURE] * 3
    summary = outcome.document["judges"]["strict@hosted_vllm-m-x3"]["programs"]["memory"]
    assert (summary["num_voted"], summary["num_unanimous"]) == (1, 0)


def test_votes_of_another_number_are_kept_apart(command: Command, tmp_path: Path) -> None:
    run_dir = make_run(tmp_path / "run", [answer_row(0)])
    with OpenAIServer(ScriptedJudge()) as server:
        command(run_dir, *at(server, "--judge", "strict"))
        outcome = command(run_dir, *at(server, "--judge", "strict", "--judge-votes", 3))
        assert gradings_in(server) == 4
    assert set(outcome.document["judges"]) == {"strict@hosted_vllm-m", "strict@hosted_vllm-m-x3"}


def test_without_a_majority_of_all_votes_the_verdict_is_unreadable(command: Command, tmp_path: Path) -> None:
    run_dir = make_run(tmp_path / "run", [answer_row(0)])
    scripted = ScriptedJudge(in_turn("CORRECT", "WRONG", "perhaps"))
    with OpenAIServer(scripted) as server:
        command(run_dir, *at(server, "--judge", "strict", "--judge-votes", 3))
    (row,) = kept(run_dir, num_votes=3)
    assert row["verdict"] == "UNREADABLE"
    assert row["reason"].startswith("no majority")


def test_two_of_five_votes_are_no_majority_even_when_nobody_objects(command: Command, tmp_path: Path) -> None:
    run_dir = make_run(tmp_path / "run", [answer_row(0)])
    with OpenAIServer(ScriptedJudge(in_turn("CORRECT", "CORRECT", "perhaps"))) as server:
        command(run_dir, *at(server, "--judge", "strict", "--judge-votes", 5))
    assert verdicts_of(run_dir, num_votes=5) == {"chat-0:0": "UNREADABLE"}


def test_an_even_number_of_votes_is_refused(command: Command, mixed: Path) -> None:
    outcome = command(mixed, "--judge-model", "hosted_vllm/m", "--judge-votes", 2)
    assert outcome.status == 2
    assert "invalid choice: 2" in outcome.err
    with pytest.raises(ValueError, match="--judge-votes must be odd"):
        Judge("strict", dspy.LM("hosted_vllm/m"), model="m", num_votes=2)


# -- what cannot be read -----------------------------------------------------------------------------------------------


def test_an_unreadable_verdict_is_asked_once_more_then_counted(command: Command, tmp_path: Path) -> None:
    run_dir = make_run(tmp_path / "run", [answer_row(0), answer_row(1)])
    scripted = ScriptedJudge(lambda g: "maybe" if "bed 0" in g.inputs["question"] else by_the_words(g))
    with OpenAIServer(scripted) as server:
        outcome = command(run_dir, *at(server, "--judge", "strict"))
    assert verdicts_of(run_dir) == {"chat-0:0": "UNREADABLE", "chat-0:1": "CORRECT"}
    assert sum("bed 0" in grading.inputs["question"] for grading in scripted.gradings) == 2
    assert "no verdict: 'maybe'" in kept(run_dir)[0]["reason"]
    summary = outcome.document["judges"]["strict@hosted_vllm-m"]["programs"]["memory"]
    assert (summary["unreadable"], summary["n"], summary["accuracy"]) == (1, 1, 1.0)  # never a silent 0
    assert "1 unreadable, in no percentage" in outcome.err


def test_an_answer_off_the_format_is_unreadable_and_told(command: Command, tmp_path: Path) -> None:
    run_dir = make_run(tmp_path / "run", [answer_row(0)])
    with OpenAIServer(ScriptedJudge(), faults=[None, *[off_format()] * 4]) as server:
        outcome = command(run_dir, *at(server, "--judge", "strict"))
    (row,) = kept(run_dir)
    assert (outcome.status, row["verdict"], row["error"]) == (0, "UNREADABLE", None)
    assert "I would rather talk about the weather" in row["reason"]
    assert outcome.document["judges"]["strict@hosted_vllm-m"]["programs"]["memory"]["accuracy"] is None


def test_only_what_is_unreadable_is_asked_again_and_not_from_the_cache(command: Command, tmp_path: Path) -> None:
    run_dir = make_run(tmp_path / "run", [answer_row(0), answer_row(1)])
    scripted = ScriptedJudge(lambda g: "maybe" if "bed 0" in g.inputs["question"] else by_the_words(g))
    with OpenAIServer(scripted) as server:
        command(run_dir, *at(server, "--judge", "strict"))
        scripted.gradings.clear()
        scripted.verdict = by_the_words
        outcome = command(run_dir, *at(server, "--judge", "strict"))
    assert [grading.inputs["question"] for grading in scripted.gradings] == ["What did Ines plant in bed 0?"]
    summary = outcome.document["judges"]["strict@hosted_vllm-m"]["programs"]["memory"]
    assert (summary["unreadable"], summary["correct"]) == (0, 2)


def test_half_a_surrogate_pair_in_a_reason_does_not_end_the_judging(command: Command, tmp_path: Path) -> None:
    run_dir = make_run(tmp_path / "run", [answer_row(0)])
    with OpenAIServer(lambda *_: "[[ ## reason ## ]]\nodd \ud83d\n\n[[ ## verdict ## ]]\nCORRECT") as server:
        assert command(run_dir, *at(server, "--judge", "strict")).status == 0
    assert (kept(run_dir)[0]["verdict"], kept(run_dir)[0]["reason"]) == ("CORRECT", "odd \ufffd")


# -- interruptions -----------------------------------------------------------------------------------------------------


def many(tmp_path: Path, number: int = 12) -> Path:
    return make_run(tmp_path / "run", [answer_row(index) for index in range(number)])


@pytest.mark.parametrize("threads", [1, 4])
def test_a_server_that_dies_half_way_costs_nothing_that_was_judged(
    command: Command, tmp_path: Path, threads: int
) -> None:
    run_dir = many(tmp_path)
    with OpenAIServer(ScriptedJudge(), die_after=6) as server:  # the pre-flight call and five verdicts
        stopped = command(run_dir, *at(server, "--judge", "strict", threads=threads))
    assert stopped.status == 1
    assert "verdicts are kept" in stopped.message
    assert sum(row["verdict"] == "CORRECT" for row in kept(run_dir)) == 5
    with OpenAIServer(ScriptedJudge(), port=server.port) as again:
        outcome = command(run_dir, *at(again, "--judge", "strict", threads=threads))
        assert gradings_in(again) == 7
    assert outcome.document["judges"]["strict@hosted_vllm-m"]["programs"]["memory"]["correct"] == 12


def test_a_complete_judgement_asks_nobody(command: Command, tmp_path: Path) -> None:
    run_dir = many(tmp_path)
    with OpenAIServer(ScriptedJudge()) as server:
        first = command(run_dir, *at(server, "--judge", "strict"))
    assert command(run_dir, *at(server, "--judge", "strict")).document == first.document  # its server is gone


def test_a_verdict_cut_by_a_kill_is_given_again(command: Command, tmp_path: Path) -> None:
    run_dir = many(tmp_path, 3)
    with OpenAIServer(ScriptedJudge()) as server:
        command(run_dir, *at(server, "--judge", "strict"))
        path = run_dir / "judge-strict@hosted_vllm-m.jsonl"
        path.write_bytes(path.read_bytes()[:-20])
        outcome = command(run_dir, *at(server, "--judge", "strict"))
    assert outcome.document["judges"]["strict@hosted_vllm-m"]["programs"]["memory"]["n"] == 3
    assert len(kept(run_dir)) == 3


def test_single_failures_are_unreadable_and_many_stop_the_judging(command: Command, tmp_path: Path) -> None:
    run_dir = many(tmp_path)
    with OpenAIServer(ScriptedJudge(), faults=[None, None, context_too_long(), rate_limited()]) as server:
        outcome = command(run_dir, *at(server, "--judge", "strict"))
    assert outcome.status == 0
    failed = [row for row in kept(run_dir) if row["error"]]
    assert [row["verdict"] for row in failed] == ["UNREADABLE"]
    assert "maximum context length" in failed[0]["reason"]
    with OpenAIServer(ScriptedJudge(), faults=[None, *[context_too_long()] * 12]) as server:
        stopped = command(run_dir, *at(server, "--judge", "lenient"))
    assert stopped.status == 1
    assert len(kept(run_dir, "lenient")) == 3  # 20% of 12 may fail, not 3


def test_one_answer_that_never_can_be_judged_does_not_end_the_judging_of_a_resumed_run(
    command: Command, tmp_path: Path
) -> None:
    run_dir = many(tmp_path)
    with OpenAIServer(ScriptedJudge(), faults=[None, context_too_long(), *[None] * 12, context_too_long()]) as server:
        for _ in range(2):
            outcome = command(run_dir, *at(server, "--judge", "strict"))
            summary = outcome.document["judges"]["strict@hosted_vllm-m"]["programs"]["memory"]
            assert (summary["correct"], summary["unreadable"]) == (11, 1)
        assert gradings_in(server) == 12 + 1


def test_server_errors_that_pass_are_waited_for(command: Command, tmp_path: Path) -> None:
    run_dir = many(tmp_path, 2)
    with OpenAIServer(ScriptedJudge(), faults=[None, server_error(), rate_limited()]) as server:
        assert command(run_dir, *at(server, "--judge", "strict")).status == 0
    assert set(verdicts_of(run_dir).values()) == {"CORRECT"}


def test_ctrl_c_keeps_the_verdicts_in_flight(command: Command, tmp_path: Path) -> None:
    run_dir = many(tmp_path)

    def interrupting(grading: Grading) -> str:
        if "bed 3" in grading.inputs["question"]:
            os.kill(os.getpid(), signal.SIGINT)
        return by_the_words(grading)

    with OpenAIServer(ScriptedJudge(interrupting), faults=[None, *[delayed(0.02)] * 12]) as server:
        stopped = command(run_dir, *at(server, "--judge", "strict", threads=2))
    assert stopped.status == 1
    assert "interrupted" in stopped.message
    assert {"chat-0:0", "chat-0:1", "chat-0:2"} <= set(verdicts_of(run_dir))
    assert len(kept(run_dir)) < 12


# -- what changed since ------------------------------------------------------------------------------------------------


def test_an_answer_that_changed_is_judged_again_and_its_old_verdict_forgotten(command: Command, tmp_path: Path) -> None:
    run_dir = make_run(tmp_path / "run", [answer_row(0, answer="", error="gone"), answer_row(1)])
    with OpenAIServer(ScriptedJudge()) as server:
        command(run_dir, *at(server, "--judge", "strict"))
        JsonlFile(run_dir / "answers.jsonl").append(answer_row(0))  # asked again by evaluate.py --resume
        judges = summarise_judges(VerdictFiles(run_dir), read_answers(run_dir))
        stale = judges["strict@hosted_vllm-m"]["programs"]["memory"]
        assert (stale["n"], stale["not_judged"]) == (1, 1)
        outcome = command(run_dir, *at(server, "--judge", "strict"))
        assert gradings_in(server) == 2
    assert outcome.document["judges"]["strict@hosted_vllm-m"]["programs"]["memory"]["correct"] == 2


def test_verdicts_of_another_prompt_are_not_counted(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = many(tmp_path, 2)
    with OpenAIServer(ScriptedJudge()) as server:
        command(run_dir, *at(server, "--judge", "strict"))
        reworded = PROMPTS["strict"].with_instructions("Grade, and give nothing away.")
        monkeypatch.setitem(PROMPTS, "strict", reworded)
        outcome = command(run_dir, *at(server, "--judge", "strict"))
        assert gradings_in(server) == 4
    judged = outcome.document["judges"]["strict@hosted_vllm-m"]
    assert judged["prompt_digest"] == prompt_digest(reworded)
    assert judged["programs"]["memory"]["n"] == 2


def test_two_models_of_one_judge_have_files_of_their_own(command: Command, tmp_path: Path) -> None:
    run_dir = many(tmp_path, 2)
    with OpenAIServer(ScriptedJudge()) as server:
        command(run_dir, *at(server, "--judge", "strict"))
        outcome = command(run_dir, *at(server, "--judge", "strict", model="hosted_vllm/other"))
    assert set(outcome.document["judges"]) == {"strict@hosted_vllm-m", "strict@hosted_vllm-other"}


# -- no judge, bad input -----------------------------------------------------------------------------------------------


def test_without_a_judge_lm_there_is_one_line_and_no_verdict(command: Command, mixed: Path) -> None:
    outcome = command(mixed)
    assert outcome.status == 2
    assert outcome.message.startswith("locomo.llm_judge: no judge: no --judge-model or MEMORY_JUDGE_MODEL is set; give")
    assert sorted(path.name for path in mixed.iterdir()) == ["answers.jsonl", "config.json", "manifest.json"]


def test_the_offline_reader_never_judges(command: Command, mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no judge: the offline reader" in command(mixed, "--judge-model", "offline").message
    monkeypatch.setenv("MEMORY_JUDGE_MODEL", "offline")
    assert "no judge: the offline reader" in command(mixed).message


def test_a_dead_server_is_found_before_anything_is_written(command: Command, mixed: Path) -> None:
    port = free_port()
    outcome = command(mixed, "--judge-model", "hosted_vllm/m", "--api-base", f"http://127.0.0.1:{port}/v1")
    assert outcome.status == 1
    assert "connection refused" in outcome.message
    assert list(mixed.glob("judge*")) == []


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--judge", "kind"], "no judge 'kind'; there are lenient, strict, abstention"),
        (["--judge", ""], "no judge ''"),
        (["--num-threads", "0"], "expected a whole number above 0, got '0'"),
        (["--controls", "-3"], "expected a whole number above 0, got '-3'"),
        (["--judge-model", "gpt-4o-mini"], "names no provider"),
        (["--api-base", "http://127.0.0.1:1/v1"], "say which model to ask there"),
        (["--compare", "strict", "lenient"], "has no verdicts of a judge 'strict'; there are none: judge first"),
    ],
)
def test_a_bad_flag_is_one_line_and_exit_2(command: Command, mixed: Path, argv: list[str], told: str) -> None:
    outcome = command(mixed, *argv)
    assert outcome.status == 2
    assert told in outcome.err.splitlines()[-1]


def test_a_folder_that_is_no_run_is_told(command: Command, tmp_path: Path) -> None:
    outcome = command(tmp_path, "--judge-model", "hosted_vllm/m")
    assert outcome.status == 2
    assert "is not a run folder" in outcome.message


def broken_runs(tmp_path: Path) -> Iterable[tuple[Path, str]]:
    yield make_run(tmp_path / "empty", []), "has no answers yet"
    incomplete = {key: value for key, value in answer_row(1).items() if key != "gold"}
    yield make_run(tmp_path / "incomplete", [answer_row(0), incomplete]), "row 2 has no 'gold'"
    garbled = make_run(tmp_path / "garbled", [answer_row(0)])
    (garbled / "answers.jsonl").write_text("{}\nnot json\n{}\n")
    yield garbled, "line 2 is not a JSON object: delete the line"


def test_answers_that_cannot_be_judged_are_told_with_their_line(command: Command, tmp_path: Path) -> None:
    for run_dir, told in broken_runs(tmp_path):
        outcome = command(run_dir, "--judge-model", "hosted_vllm/m")
        assert outcome.status == 2
        assert told in outcome.message


def test_a_verdict_row_without_its_fields_is_told_with_its_line(command: Command, mixed: Path) -> None:
    (mixed / "judge-strict@hosted_vllm-m.jsonl").write_text('{"judge": "strict"}\n')
    outcome = command(mixed, "--judge-model", "hosted_vllm/m")
    assert outcome.status == 2
    assert "judge-strict@hosted_vllm-m.jsonl, line 1 has no 'model': delete the line" in outcome.message


def test_no_key_reaches_the_folder_or_the_terminal(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOSTED_VLLM_API_KEY", SECRET)
    run_dir = many(tmp_path, 2)
    with OpenAIServer(lambda *_: f"[[ ## reason ## ]]\n{SECRET}\n\n[[ ## verdict ## ]]\nCORRECT") as server:
        outcome = command(run_dir, *at(server, "--judge", "strict"))
        assert all(request.headers["authorization"] == f"Bearer {SECRET}" for request in server.chat_requests)
    assert outcome.status == 0
    written = b"".join(path.read_bytes() for path in run_dir.iterdir())
    assert SECRET not in written.decode() + outcome.err + "".join(outcome.out)


# -- controls ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def varied(tmp_path: Path) -> Path:
    things = ("a kite", "two violins", "the canoe", "seven beehives", "leeks", "Porto")
    rows = [
        answer_row(index, gold=thing, question=f"Which thing did Bo carry to the harbour on trip {index}?")
        for index, thing in enumerate(things)
    ]
    return make_run(tmp_path / "run", [*rows, answer_row(9, category=5, gold="", answer="Porto")])


def test_the_controls_show_a_trustworthy_judge_and_a_gullible_one(command: Command, varied: Path) -> None:
    def verdict(grading: Grading) -> str:
        if grading.judge == "lenient" and "something about" in grading.inputs["answer"]:
            return "CORRECT"
        return by_the_words(grading)

    with OpenAIServer(ScriptedJudge(verdict)) as server:
        outcome = command(varied, *at(server, "--controls", 4, threads=4))
    controls = outcome.document["controls"]
    rates = {name: {control: cell["rate"] for control, cell in judge.items()} for name, judge in controls.items()}
    assert rates["strict@hosted_vllm-m"] == {"gold": 1.0, "other_gold": 0.0, "vague": 0.0, "refusal": 0.0}
    assert rates["lenient@hosted_vllm-m"] == {"gold": 1.0, "other_gold": 0.0, "vague": 1.0, "refusal": 0.0}
    assert rates["abstention@hosted_vllm-m"] == {"gold": 0.0, "other_gold": 0.0, "vague": 0.0, "refusal": 1.0}
    for judge in controls.values():
        assert {control: cell["n"] for control, cell in judge.items()} == dict.fromkeys(judge, 4)
        assert [cell["rate"] == cell["expected"] for cell in judge.values()].count(False) <= 1
    low, high = controls["strict@hosted_vllm-m"]["gold"]["wilson95"]
    assert 0.4 < low < high == 1.0
    assert "other gold" in outcome.err


def test_controls_are_kept_and_only_added_to(command: Command, varied: Path) -> None:
    with OpenAIServer(ScriptedJudge()) as server:
        command(varied, *at(server, "--judge", "strict", "--controls", 2))
        asked = gradings_in(server)
        more = command(varied, *at(server, "--judge", "strict", "--controls", 3))
        assert gradings_in(server) == asked + 4
        without = command(varied, *at(server, "--judge", "strict"))
    assert more.document["controls"]["strict@hosted_vllm-m"]["gold"]["n"] == 3
    assert without.document == more.document


def test_other_golds_share_no_word_and_are_of_the_same_category() -> None:
    rows = [answer_row(0, gold="red kite"), answer_row(1, gold="blue kite"), answer_row(2, gold="Porto")]
    rows += [answer_row(3, gold="Lisbon", category=1), answer_row(4, gold="", category=5)]
    others = {row["question_id"]: row["answer"] for row in control_answers(rows) if row["program"] == "other_gold"}
    assert others["chat-0:0"] == others["chat-0:1"] == "Porto"
    assert others["chat-0:2"] in ("red kite", "blue kite")
    assert set(others) == {"chat-0:0", "chat-0:1", "chat-0:2"}  # the only one of its category has no other


def test_a_vague_answer_holds_words_of_the_question_and_nothing_else() -> None:
    assert vague_answer("When did Ines's sister plant leeks?") == "It was something about Ines's, sister, plant, leeks."
    assert vague_answer("Who is he?") == ""


# -- two judges --------------------------------------------------------------------------------------------------------


@pytest.fixture
def twice_judged(command: Command, tmp_path: Path) -> Path:
    """Six answers, one of which only the lenient judge accepts, and one that the strict judge leaves unreadable."""
    run_dir = make_run(tmp_path / "run", [answer_row(i, answer="leeks0" if i < 2 else f"leeks{i}") for i in range(6)])

    def verdict(grading: Grading) -> str:
        bed = grading.inputs["question"][-2]
        odd = {("strict", "5"): "who knows", ("lenient", "1"): "CORRECT"}
        return odd.get((grading.judge, bed)) or by_the_words(grading)

    with OpenAIServer(ScriptedJudge(verdict)) as server:
        assert command(run_dir, *at(server)).status == 0
    return run_dir


def test_two_judges_are_compared_without_asking_anybody(command: Command, twice_judged: Path) -> None:
    outcome = command(twice_judged, "--compare", "lenient", "strict@hosted_vllm-m")
    document = outcome.document
    assert (document["a"], document["b"]) == ("lenient@hosted_vllm-m", "strict@hosted_vllm-m")
    assert (document["n"], document["unreadable"], document["agreement"]) == (5, 1, 0.8)
    assert document["kappa"] == 0.0  # A accepts all: agreement is what chance gives
    assert (document["both_correct"], document["only_a_correct"], document["only_b_correct"]) == (4, 1, 0)
    (difference,) = document["disagreements"]
    assert (difference["question_id"], difference["gold"], difference["answer"]) == ("chat-0:1", "leeks1", "leeks0")
    assert (difference["verdict_a"], difference["verdict_b"]) == ("CORRECT", "WRONG")
    assert "chat-0:1" in outcome.err


def test_judges_of_different_things_are_not_compared(command: Command, twice_judged: Path) -> None:
    outcome = command(twice_judged, "--compare", "lenient", "abstention")
    assert outcome.status == 2
    assert "look for different things" in outcome.message


def test_a_name_that_fits_two_models_is_refused_with_both(command: Command, tmp_path: Path) -> None:
    run_dir = many(tmp_path, 2)
    with OpenAIServer(ScriptedJudge()) as server:
        for model in ("hosted_vllm/m", "hosted_vllm/n"):
            command(run_dir, *at(server, "--judge", "strict", model=model))
    told = command(run_dir, "--compare", "strict", "lenient").message
    assert "several judges are called 'strict'; there are strict@hosted_vllm-m, strict@hosted_vllm-n" in told


# -- for evaluate.py ---------------------------------------------------------------------------------------------------


def test_the_summary_of_a_run_gains_a_column_per_judge(command: Command, mixed: Path) -> None:
    with OpenAIServer(ScriptedJudge()) as server:
        judges = command(mixed, *at(server, "--judge", "lenient,abstention")).document["judges"]
    columns = judge_columns(judges, "memory", list(judges))
    assert columns["judge_accuracy"] == pytest.approx(2 / 6)
    assert columns["judge_accuracy_by_category"]["temporal"] == 1.0
    assert columns["judge_strict_accuracy"] is None
    assert (columns["judge_abstention_accuracy"], columns["judge_unreadable"]) == (0.5, 0)
    assert columns["ci95"]["judge_accuracy"] is None  # one conversation carries no interval
    no_judge = judge_columns({}, "memory", [])
    assert {value for key, value in no_judge.items() if key != "ci95"} == {None}


def test_help_is_complete(command: Command) -> None:
    outcome = command("--help")
    assert outcome.status == 0
    said = "\n".join(outcome.out)
    assert all(flag in said for flag in ("--judge ", "--judge-votes", "--controls", "--compare", "--num-threads"))
