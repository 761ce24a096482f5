"""optimize.py, end to end: over HTTP against a reader that does as its instruction says, and the offline reader."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT
from commands import Command
from http_stand_in import Fault
from instructed_reader import OFF_FORMAT, PLANTED, InstructedReader, write_carried
from openai_server import (
    OpenAIServer,
    Shaped,
    delayed,
    off_format,
    rate_limited,
    server_error,
    truncated,
    unauthorized,
)

import optimization.estimates
import optimization.metered_lm
import optimization.models
import optimization.results
import optimization.search
import optimize
from memory_system import Memories, config_path, load_program, load_program_settings
from memoryqa.errors import UsageError
from memoryqa.lms.prices import ModelFacts, Price
from memoryqa.lms.roles import build
from reports import search_record

KEYS = (  # of the last line, as the README promises them
    *("optimizer", "before", "after", "difference", "ci95", "shown", "lm_calls", "estimated_lm_calls"),
    *("largest_prompt_tokens", "failures", "output"),
)


pytestmark = pytest.mark.usefixtures("own_folder", "wide_terminal", "short_waits")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimization.metered_lm, "PAUSE_SEC", 0.05)


@pytest.fixture
def main(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command("optimize.py", optimize.main, capsys)


SMALL = (
    *("--num-examples", 6, "--num-val", 4, "--num-held-back", 8, "--max-demos", 1, "--max-hops", 1),
    *("--context-tokens", 300, "--num-threads", 4, "--no-mlflow"),
)


def flags(server: OpenAIServer, tmp_path: Path, *more: object) -> list[object]:
    """A small search at `server`."""
    data = tmp_path / "data.json"
    if not data.exists():
        write_carried(data)
    return ["--data", data, "--model", "hosted_vllm/reader", "--api-base", server.api_base, *SMALL, *more]


def answer_prompt(path: Path) -> str:
    """The instruction of the answering step in a saved program."""
    return json.loads(path.read_text())["answer_question"]["signature"]["instructions"]


# -- the search finds what there is to find ----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["simba", "miprov2", "gepa"])
def test_each_optimizer_finds_the_planted_improvement_and_a_repetition_is_free(
    optimizer: str, main: Command, tmp_path: Path
) -> None:
    reader = InstructedReader()
    with OpenAIServer(reader) as server:
        argv = flags(server, tmp_path, "--optimizer", optimizer)
        first = main(*argv)
        requests = len(server.chat_requests)
        again = main(*argv)
        assert len(server.chat_requests) == requests  # not even the question whether the server is there
    found = first.document
    assert set(KEYS) <= set(found)
    assert found["after"] == 1.0 > found["before"]
    assert found["shown"]
    assert found["ci95"][0] > 0
    assert found["difference"] == pytest.approx(found["after"] - found["before"])
    assert found["failures"] == found["proposals_unread"] == 0
    assert found["paid_lm_calls"] == requests
    assert found["lm_calls"] == pytest.approx(found["estimated_lm_calls"], rel=0.1)
    assert {key: again.document[key] for key in KEYS} == {key: found[key] for key in KEYS}
    assert again.document["paid_lm_calls"] == 0
    assert PLANTED in answer_prompt(tmp_path / "optimized_memory_qa.json")
    assert f"+{PLANTED}" in re.sub(
        r"^\+.*?(?=Name)", "+", (tmp_path / "optimized_memory_qa.diff").read_text(), flags=re.M
    )
    assert "gain shown: +" in first.err
    spent = json.loads((Path(found["run_dir"]) / "summary.json").read_text())["spent"]
    expected = json.loads((Path(found["run_dir"]) / "summary.json").read_text())["estimated"]
    assert spent["program_runs"] == pytest.approx(expected["program_runs"], rel=0.1)
    assert spent["prompt_tokens"] == pytest.approx(expected["prompt_tokens"], rel=0.35)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["simba", "miprov2", "gepa"])
def test_the_most_calls_that_a_dry_run_names_hold_when_every_format_is_missed_once(
    optimizer: str, main: Command, tmp_path: Path
) -> None:
    reader = InstructedReader()

    def off_in_chat(messages: Any, body: Any) -> str:
        text = reader(messages, body)
        return text if text == "OK" or "Outputs will be a JSON object" in messages[0]["content"] else OFF_FORMAT

    with OpenAIServer(off_in_chat) as server:
        argv = flags(server, tmp_path, "--optimizer", optimizer, "--metric", "f1")
        dry = main(*argv, "--dry-run").document
        found = main(*argv).document
    spent = json.loads((Path(found["run_dir"]) / "summary.json").read_text())["spent"]
    assert spent["formats_missed"] > found["estimated_lm_calls"] / 3
    assert found["estimated_lm_calls"] < found["lm_calls"] <= dry["lm_calls_at_most"]


@pytest.mark.slow
def test_optimizers_run_one_after_another_from_the_best_so_far(main: Command, tmp_path: Path) -> None:
    with OpenAIServer(InstructedReader()) as server:
        found = main(*flags(server, tmp_path, "--optimizer", "gepa,miprov2"))
    assert found.document["optimizer"] == "gepa,miprov2"
    assert found.document["after"] == 1.0
    assert found.document["lm_calls"] == pytest.approx(found.document["estimated_lm_calls"], rel=0.1)
    assert found.err.index("gepa: best on val") < found.err.index("miprov2: best on val 100.0%")


@pytest.mark.slow
def test_a_search_starts_from_a_saved_program_and_evaluate_reads_what_it_saves(main: Command, tmp_path: Path) -> None:
    with OpenAIServer(InstructedReader()) as server:
        argv = flags(server, tmp_path, "--optimizer", "gepa")
        main(*argv)
        again = main(*argv, "--from", "optimized_memory_qa.json", "--output", "deeper/second.json")
        refused = main(*argv, "--from", "optimized_memory_qa.json", "--context-tokens", 200)
    assert again.document["before"] == 1.0
    assert "gained nothing" in again.err
    loaded = load_program(tmp_path / "deeper" / "second.json", Memories())
    assert PLANTED in loaded.answer_question.signature.instructions
    assert loaded.config.context_tokens == 300
    assert refused.status == 2
    assert "drop --context-tokens 200" in refused.message


@pytest.mark.slow
def test_the_judge_can_be_the_metric(main: Command, tmp_path: Path) -> None:
    reader = InstructedReader()
    with OpenAIServer(reader) as server:
        judge = ("--judge-model", "hosted_vllm/judge", "--judge-api-base", server.api_base)
        found = main(*flags(server, tmp_path, "--optimizer", "gepa", "--metric", "judge", *judge))
        judged = [one for one in server.chat_requests if one.body["model"] == "judge"]
    assert found.document["metric"] == "judge"
    assert found.document["after"] == 1.0 > found.document["before"]
    prompts = [json.dumps(one.body["messages"]) for one in judged]
    assert len(prompts) == len(set(prompts))  # an answer is judged once
    assert "judge %" in found.err


@pytest.mark.slow
def test_memory_parameters_from_a_file_are_searched_with_and_saved(main: Command, tmp_path: Path) -> None:
    (tmp_path / "tuned.json").write_text('{"memory": {"score_floor": 0.2}, "ranking": {"bm25_k1": 1.3}}')
    with OpenAIServer(InstructedReader()) as server:
        found = main(*flags(server, tmp_path, "--optimizer", "gepa", "--parameters", "tuned.json"))
    assert "parameters tuned.json: nobody has compared them" in found.err
    saved = load_program_settings(Path(found.document["output"]))
    assert (saved.program.score_floor, saved.memory.ranking.bm25_k1) == (0.2, 1.3)
    assert load_program(Path(found.document["output"]), Memories()).config.score_floor == 0.2


@pytest.mark.slow
def test_the_offline_reader_runs_to_the_end_and_says_that_it_gained_nothing(main: Command, tmp_path: Path) -> None:
    sample = ROOT / "data" / "sample.json"
    small = ("--num-val", 3, "--num-held-back", 6, "--context-tokens", 500, "--no-mlflow")
    found = main("--data", sample, "--num-examples", 5, "--max-demos", 2, "--model", "offline", *small)
    assert found.document["before"] == found.document["after"]
    assert not found.document["shown"]
    assert found.document["paid_lm_calls"] == 0
    assert "gained nothing" in found.err
    assert "NOT LoCoMo" in found.err
    assert (tmp_path / "optimized_memory_qa.diff").read_text() == "no prompt changed\n"


# -- money -------------------------------------------------------------------------------------------------------------


def test_a_dry_run_asks_nobody_and_writes_nothing(main: Command, tmp_path: Path) -> None:
    with OpenAIServer(InstructedReader()) as server:
        outcome = main(*flags(server, tmp_path, "--dry-run"))
        assert server.chat_requests == []
    assert outcome.document["dry_run"]
    assert outcome.document["program_runs"] == 150
    assert outcome.document["cost_usd"] is None
    assert "cost unknown: no price is known of hosted_vllm/reader" in outcome.err
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "dspy_cache") == ["data.json"]


@pytest.mark.slow
@pytest.mark.parametrize("num_threads", [1, 4])
def test_a_limit_of_calls_ends_the_search_with_the_best_so_far_saved(
    num_threads: int, main: Command, tmp_path: Path
) -> None:
    with OpenAIServer(InstructedReader()) as server:
        argv = flags(server, tmp_path, "--optimizer", "simba", "--max-calls", 150, "--num-threads", num_threads)
        found = main(*argv)
        if num_threads == 1:  # with several, the last questions before the limit are not always the same
            requests = len(server.chat_requests)
            main(*argv)
            assert len(server.chat_requests) == requests
    assert "limit: 150 LM calls; the search ends at 110, the rest is kept to choose and to compare" in found.err
    assert found.document["stopped"] == "the limit of 110 LM calls is reached"
    assert 110 <= found.document["lm_calls"] <= 150
    assert found.document["after"] == 1.0
    assert PLANTED in answer_prompt(tmp_path / "optimized_memory_qa.json")


@pytest.mark.slow
def test_a_limit_of_dollars_ends_the_search_as_well(
    main: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = ModelFacts(Price(1e-5, 1e-5), window_tokens=None)
    monkeypatch.setattr(optimization.models, "model_facts", lambda choice: facts)
    with OpenAIServer(InstructedReader()) as server:
        found = main(*flags(server, tmp_path, "--optimizer", "gepa", "--max-cost", 0.6))
    assert re.fullmatch(r"the limit of \$0\.\d+ is reached", found.document["stopped"])
    assert 0 < found.document["paid_usd"] < 0.6
    assert re.search(r"about \$\d\.\d\d; answers from the cache cost nothing", found.err)


@pytest.mark.parametrize(
    ("limit", "problem"),
    [
        (("--max-calls", 50), "--max-calls 50 leaves nothing to search with: comparing and choosing alone take 56"),
        (("--max-cost", 5), "--max-cost: no price is known of hosted_vllm/reader; limit the run by --max-calls"),
        (("--context-window", 700), "do not fit hosted_vllm/reader, which has room for 525: lower --context-tokens"),
    ],
    ids=["calls", "cost", "window"],
)
def test_limits_that_cannot_be_kept_are_refused_before_anything_is_asked(
    main: Command, tmp_path: Path, limit: tuple[object, ...], problem: str
) -> None:
    with OpenAIServer(InstructedReader()) as server:
        outcome = main(*flags(server, tmp_path, *limit))
        assert server.chat_requests == []
    assert outcome.status == 2
    assert problem in outcome.message


@pytest.mark.slow
def test_the_longest_prompt_is_reported_and_stays_within_the_window(main: Command, tmp_path: Path) -> None:
    window = 8000
    with OpenAIServer(InstructedReader()) as server:
        found = main(*flags(server, tmp_path, "--optimizer", "miprov2", "--max-demos", 3, "--context-window", window))
    assert 0 < found.document["largest_prompt_tokens"] <= window - 2000


# -- what goes wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_rate_limits_timeouts_and_broken_answers_change_nothing(
    main: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimization.models, "build", partial(build, timeout_sec=1.0))
    trouble: list[Fault | None] = [
        *(None, rate_limited(), server_error(), truncated(), delayed(3.0), off_format()),
        *([rate_limited()] * 12),
        *(None, server_error(), rate_limited(None)),
    ]
    with OpenAIServer(InstructedReader(), faults=trouble) as server:
        found = main(*flags(server, tmp_path, "--optimizer", "gepa"))
    assert found.document["failures"] == 0
    assert found.document["before"] == pytest.approx(5 / 12)  # a quarter is right, the rest 2/9
    assert found.document["after"] == 1.0


@pytest.mark.slow
def test_a_reader_that_dies_and_comes_back_is_waited_for(
    main: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimization.metered_lm, "PAUSE_SEC", 0.3)
    first = OpenAIServer(InstructedReader(), die_after=30)
    second: list[OpenAIServer] = []

    def revive() -> None:
        while not first.stopping.wait(0.05):
            pass
        time.sleep(0.5)
        second.append(OpenAIServer(InstructedReader(), port=first.port).__enter__())

    with first:
        reviver = threading.Thread(target=revive)
        reviver.start()
        found = main(*flags(first, tmp_path, "--optimizer", "miprov2"))
        reviver.join()
    for server in second:
        server.stop()
    assert re.search(r"paused: \w+ LM hosted_vllm/reader: no server answers", found.err)
    assert found.document["failures"] == 0
    assert found.document["after"] == 1.0


def test_a_reader_that_dies_for_good_ends_the_run_and_leaves_an_earlier_output_alone(
    main: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimization.metered_lm, "MAX_OUTAGE_SEC", 0.2)
    (tmp_path / "optimized_memory_qa.json").write_text("an earlier one")
    with OpenAIServer(InstructedReader(), die_after=25) as server:
        outcome = main(*flags(server, tmp_path, "--optimizer", "miprov2"))
    assert outcome.status == 1
    assert "no server answers at" in outcome.message
    assert "nothing better was found until then" in outcome.message
    assert re.search(r"resume with python optimize.py --resume runs/\S+$", outcome.message)
    assert (tmp_path / "optimized_memory_qa.json").read_text() == "an earlier one"


@pytest.mark.parametrize(
    ("faults", "problem"),
    [([unauthorized()] * 9, "rejected the API key (401)"), (None, "no server answers at")],
    ids=["key", "address"],
)
def test_a_wrong_key_or_address_ends_the_run_at_once(
    main: Command, tmp_path: Path, faults: list[Fault] | None, problem: str
) -> None:
    with OpenAIServer(InstructedReader(), faults=faults or ()) as server:
        argv = flags(server, tmp_path, "--num-threads", 2)
        if faults is None:
            server.stop()
        outcome = main(*argv)
        assert len(server.chat_requests) <= 4
    assert outcome.status == 1
    assert problem in outcome.message
    assert "paused" not in outcome.err


def test_a_wrong_prompt_model_is_found_before_the_search(main: Command, tmp_path: Path) -> None:
    with OpenAIServer(InstructedReader(), models=["reader"]) as server:
        prompt = ("--prompt-model", "hosted_vllm/writer", "--prompt-api-base", server.api_base)
        outcome = main(*flags(server, tmp_path, *prompt))
        assert len(server.chat_requests) <= 2 * 8 + 1
    assert outcome.status == 1
    assert "prompt LM hosted_vllm/writer" in outcome.message


@pytest.mark.slow
def test_too_many_failures_are_not_saved_unless_forced(main: Command, tmp_path: Path) -> None:
    odd_places_of_train = frozenset(range(1, 24, 2))
    with OpenAIServer(InstructedReader(odd_places_of_train)) as server:
        argv = flags(server, tmp_path, "--optimizer", "gepa")
        refused = main(*argv)
        assert not (tmp_path / "optimized_memory_qa.json").exists()
        forced = main(*argv, "--force")
    assert refused.status == 1
    assert re.search(r"\d+ of \d+ program runs failed, more than 5%, .* nothing is saved", refused.message)
    assert "I would rather talk about the weather" in refused.message
    assert forced.document["failures"] > 0.05 * forced.document["lm_calls"] / 2
    assert (tmp_path / "optimized_memory_qa.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["gepa", "miprov2", "simba"])
def test_answers_of_the_prompt_model_that_cannot_be_read_are_reported(
    optimizer: str, main: Command, tmp_path: Path
) -> None:
    with OpenAIServer(InstructedReader()) as server, OpenAIServer(lambda messages, body: "no format at all") as writer:
        prompt = ("--prompt-model", "hosted_vllm/writer", "--prompt-api-base", writer.api_base)
        found = main(*flags(server, tmp_path, "--optimizer", optimizer, "--max-demos", 0, *prompt))
    assert found.document["proposals_unread"] > 0
    assert "answers of the prompt model could not be read" in found.err
    assert "gained nothing" in found.err


def test_an_unreadable_program_file_is_one_line(main: Command, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    config_path(tmp_path / "broken.json").write_text("{}")
    with OpenAIServer(InstructedReader()) as server:
        outcome = main(*flags(server, tmp_path, "--from", "broken.json"))
        assert server.chat_requests == []
    assert outcome.status == 2
    assert "broken" in outcome.message


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (
            ("--optimizer", "simba,simba"),
            "--optimizer simba,simba: name one or more of simba, miprov2, gepa, once each",
        ),
        (("--num-examples", 0), "--num-examples must be at least 1, got 0"),
        (("--max-demos", -1), "--max-demos must not be negative, got -1"),
        (("--max-cost", 0), "--max-cost must be more than 0 dollars, got 0.0"),
        (("--context-tokens", 0), "--context-tokens must be at least 1, got 0"),
        (("--memory-tokens", 0), "--memory-tokens must be at least 1, got 0"),
        (("--model", "gpt-4o-mini"), "--model 'gpt-4o-mini' names no provider"),
        (("--output", "program.pkl"), "a program is saved as JSON"),
        (("--metric", "judge"), "--metric judge needs a model that judges"),
        (("--data", "nowhere.json"), "nowhere.json: cannot be read"),
        (("--resume", "nowhere"), "nowhere is not a run folder"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_bad_input_is_one_line_that_names_it(
    main: Command, tmp_path: Path, bad: tuple[object, ...], problem: str
) -> None:
    outcome = main("--data", write_carried(tmp_path / "data.json"), "--model", "offline", *SMALL, *bad)
    assert outcome.status == 2
    assert problem in outcome.message


def test_a_bug_of_ours_keeps_its_traceback(main: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any) -> None:
        raise ValueError("operands could not be broadcast")

    monkeypatch.setattr(optimization.estimates, "measure_run", broken)
    with pytest.raises(ValueError, match="could not be broadcast") as caught:
        main("--data", write_carried(tmp_path / "data.json"), "--model", "offline", *SMALL)
    assert not isinstance(caught.value, UsageError)
    assert "measure_run" in str(caught.traceback[-2].statement)


@pytest.mark.slow
def test_a_bug_inside_the_search_keeps_its_traceback_and_what_was_found(
    main: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*arguments: Any) -> None:
        raise ValueError("operands could not be broadcast")

    with OpenAIServer(InstructedReader()) as server:
        monkeypatch.setattr(optimization.search, "SEARCHES", {**optimization.search.SEARCHES, "simba": broken})
        with pytest.raises(ValueError, match="could not be broadcast"):
            main(*flags(server, tmp_path, "--optimizer", "gepa,simba", "--run-dir", "run"))
    err = capsys.readouterr().err
    assert re.search(r"simba failed: ValueError: operands .*; the best program so far is saved as .*; resume with", err)
    assert PLANTED in answer_prompt(tmp_path / "optimized_memory_qa.json")
    found_by = {one["found_by"] for one in json.loads((tmp_path / "run" / "candidates.json").read_text())}
    assert found_by == {None, "gepa"}


# -- stopping and going on ---------------------------------------------------------------------------------------------


def command(argv: list[object]) -> list[str]:
    return [sys.executable, str(ROOT / "optimize.py"), *map(str, argv)]


@pytest.mark.slow
def test_ctrl_c_keeps_the_best_so_far_and_resume_pays_only_for_the_rest(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    class Watching(InstructedReader):
        def answer(self, system: str, user: str, *, lucky: bool) -> str:
            time.sleep(0.05)
            with self.lock:
                self.asked["better"] += PLANTED in system
            return super().answer(system, user, lucky=lucky)

    reader = Watching()
    with OpenAIServer(reader) as server:
        argv = flags(server, tmp_path, "--optimizer", "miprov2", "--run-dir", "run")
        process = subprocess.Popen(command(argv), stderr=subprocess.PIPE, text=True, env=environment)
        deadline = time.monotonic() + 120
        while reader.asked["better"] < 4 + 2 and process.poll() is None and time.monotonic() < deadline:  # val is 4
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
        interrupted = len(server.chat_requests)
        assert process.returncode == 1, err
        assert "interrupted; " in err
        assert "resume with python optimize.py --resume run" in err
        assert PLANTED in answer_prompt(tmp_path / "optimized_memory_qa.json")  # a whole trial had it
        resumed = subprocess.run(
            command(["--resume", "run", "--no-mlflow"]), capture_output=True, text=True, env=environment, timeout=240
        )
        total = len(server.chat_requests)
        assert resumed.returncode == 0, resumed.stderr
        changed = subprocess.run(
            command(["--resume", "run", "--no-mlflow", "--seed", "7"]), capture_output=True, text=True, env=environment
        )
    document = json.loads(resumed.stdout.splitlines()[-1])
    assert document["after"] == 1.0
    assert document["paid_lm_calls"] == total - interrupted < document["lm_calls"]
    assert changed.returncode == 2
    assert "optimize.seed: 0 -> 7" in changed.stderr


@pytest.mark.slow
def test_ctrl_c_at_any_time_says_how_to_resume(main: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(optimization.results, "report", interrupted)
    with OpenAIServer(InstructedReader()) as server:
        outcome = main(*flags(server, tmp_path, "--optimizer", "gepa", "--run-dir", "run"))
    assert outcome.status == 1
    assert outcome.message == "optimize.py: interrupted; resume with python optimize.py --resume run"


# -- what is left behind -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_run_folder_and_mlflow_hold_what_the_search_did(main: Command, tmp_path: Path) -> None:
    import mlflow

    with OpenAIServer(InstructedReader()) as server:
        argv = [one for one in flags(server, tmp_path, "--optimizer", "gepa") if one != "--no-mlflow"]
        found = main(*argv, "--mlflow-uri", f"sqlite:///{tmp_path / 'tracked.db'}")
    run_dir = Path(found.document["run_dir"])
    names = {path.name for path in run_dir.iterdir()}
    assert {"config.json", "manifest.json", "answers.jsonl", "candidates.json", "summary.json", "report.html"} <= names
    assert {"program.json", "program.config.json", "program.diff", "search.log"} <= names
    candidates = json.loads((run_dir / "candidates.json").read_text())
    assert max(one["score_val"] or 0 for one in candidates) == 1.0
    check_documents(run_dir, candidates)
    page = (run_dir / "report.html").read_text()
    assert "Optimisation of the prompts by gepa" in page
    assert "<ins>" in page
    rows = [json.loads(line) for line in (run_dir / "answers.jsonl").read_text().splitlines()]
    assert {row["program"] for row in rows} == {"before", "after"}
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'tracked.db'}")
    (experiment,) = [one for one in client.search_experiments() if one.name != "Default"]
    (tracked,) = client.search_runs([experiment.experiment_id])
    assert tracked.info.run_name == "optimize gepa, reader, 6 train questions"
    assert tracked.data.params["optimize.optimizer"] == "gepa"
    assert tracked.data.metrics["after"] == 1.0
    best = client.get_metric_history(tracked.info.run_id, "score.val.best")
    assert [one.value for one in best] == sorted(one.value for one in best)
    assert best[-1].value == 1.0
    assert "program.json" in {one.path for one in client.list_artifacts(tracked.info.run_id)}


def check_documents(run_dir: Path, candidates: list[dict[str, Any]]) -> None:
    """The files that a page is made from are as reports/search_record.py types them."""
    document = json.loads((run_dir / "summary.json").read_text())
    search, spent = document["search"], document["spent"]
    for part, kind in (
        (search, search_record.SearchFacts),
        (document["comparison"], search_record.Comparison),
        (spent, search_record.Spent),
        (document["estimated"], search_record.Estimated),
        *((one, search_record.CandidateRow) for one in candidates),
    ):
        assert set(part) == set(kind.__annotations__)
    assert search["optimizers"] == ["gepa"]
    assert search["questions"] == {"train": 6, "val": 4, "held_back": 8}
    assert search["num_candidates"] == len(candidates)
    assert spent["cost_usd"] is spent["paid_usd"] is document["estimated"]["cost_usd"] is None  # no price is known
    start, chosen = (next(one for one in candidates if one[flag]) for flag in ("is_start", "is_chosen"))
    assert (start["number"], start["found_by"], start["first_run"]) == (0, None, 0)
    assert (chosen["number"], chosen["found_by"]) == (search["chosen"], "gepa")
    assert 0 < chosen["first_run"] < spent["program_runs"]
    assert sum(one["program_runs"] for one in candidates) + 2 * 8 == pytest.approx(spent["program_runs"], rel=0.1)
    changes = {one["predictor"]: one for one in json.loads((run_dir / "prompts.json").read_text())}
    assert [name for name, one in changes.items() if one["changed"]] == search["prompts_changed"]
    answering = changes["answer_question"]
    assert answering["after"]["instructions"] == chosen["instructions"]["answer_question"]
    assert answering["before"]["instructions"] == start["instructions"]["answer_question"]


def test_help_is_instant_and_shows_examples() -> None:
    shown = subprocess.run(command(["--help"]), capture_output=True, text=True, timeout=60, check=True).stdout
    assert "python optimize.py --num-examples 30 --max-demos 3" in shown
    imported = "import sys, optimize; optimize.build_parser(); print({'dspy', 'mlflow', 'litellm'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", imported], capture_output=True, text=True, cwd=ROOT, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.slow
def test_no_prompt_holds_a_conversation_or_a_key(
    main: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOSTED_VLLM_API_KEY", "planted-key-0123456789")
    with OpenAIServer(InstructedReader(), api_key="planted-key-0123456789") as server:
        found = main(*flags(server, tmp_path, "--optimizer", "gepa", "--context-tokens", 60))
        prompts = ["\n".join(message["content"] for message in one.body["messages"]) for one in server.chat_requests]
    assert found.status == 0
    assert max(len(set(re.findall(r"to place (\d+)\.", prompt))) for prompt in prompts) < 24
    for path in (tmp_path / found.document["run_dir"]).rglob("*.*"):
        if path.suffix in (".json", ".jsonl", ".log", ".diff", ".html"):
            assert "planted-key" not in path.read_text(), path


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["unreadable", "refused"])
def test_miprov2_goes_on_without_the_proposals_that_cannot_be_read(missing: str, main: Command, tmp_path: Path) -> None:
    """Every second one here: DSPy ended the search at the first, after its demonstrations were paid for."""
    reader, asked = InstructedReader(), Counter[str]()

    def half_of_them(messages: Any, body: Any) -> Any:
        text = reader(messages, body)
        if "proposed_instruction" not in text:
            return text
        asked["proposals"] += 1
        if asked["proposals"] % 2 == 0:
            return text
        if missing == "refused":
            return Shaped(text="", finish_reason="length")
        return Shaped(text="```\nAnswer briefly.\n```", finish_reason="length")  # cut: not asked for again in JSON

    with OpenAIServer(half_of_them) as server:
        found = main(*flags(server, tmp_path, "--optimizer", "miprov2", "--prompt-max-tokens", 16_000))
    assert found.status == 0, found.err
    assert found.document["proposals_unread"] > 0
    assert found.document["after"] == 1.0 > found.document["before"]
    assert "Traceback" not in found.err
