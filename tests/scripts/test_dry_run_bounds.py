"""What --dry-run calls the most: no run takes more calls, tokens or dollars when every format is missed once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from commands import Command
from judged_runs import ScriptedJudge
from locomo_files import conversation_record, question_record, write_records
from openai_server import OpenAIServer, Shaped
from scripted_reader import OFF_FORMAT, ScriptedReader

import evaluate
from memoryqa.tokens import count_tokens

pytestmark = pytest.mark.usefixtures("wide_terminal", "short_waits")
MAX_TOKENS = 200
RAMBLING = f"{OFF_FORMAT} " * 20


class Billing:
    """Misses each format once, at length, and counts what it bills: (prompt tokens, completion tokens) of each call."""

    def __init__(self) -> None:
        self.reader = ScriptedReader(queries=["a kite"], sufficient=False, follow_ups=["a boat"], answer="kite " * 60)
        self.judge = ScriptedJudge()
        self.bills: list[tuple[int, int]] = []
        self.asked: set[str] = set()

    def __call__(self, messages: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> Any:
        sent = "\n".join(str(message["content"]) for message in messages)
        is_json = "Outputs will be a JSON object" in sent
        if "the word OK" in sent:
            text = "OK"
        elif body["model"] == "judge":
            text = self.judge(messages, body) if is_json and sent in self.asked else "perhaps" if is_json else RAMBLING
        else:
            text = self.reader(messages, body) if is_json else RAMBLING
        self.asked.add(sent)
        use = count_tokens(sent), count_tokens(text)
        assert use[1] <= (body.get("max_tokens") or 0)
        self.bills.append(use)
        counted = {"prompt_tokens": use[0], "completion_tokens": use[1], "total_tokens": sum(use)}
        return Shaped(text=text, usage=counted)


@pytest.mark.slow
@pytest.mark.parametrize("max_hops", [1, 3])
def test_evaluating_and_judging_keep_within_what_a_dry_run_calls_the_most(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], max_hops: int
) -> None:
    questions = [question_record(number % 5 + 1, question=f"What grew in bed {number}?") for number in range(5)]
    records = [conversation_record(name, qa=questions) for name in ("conv-26", "conv-30", "conv-48")]
    data = write_records(tmp_path / "data.json", records)
    run, billing = Command("evaluate.py", evaluate.main, capsys), Billing()
    with OpenAIServer(billing) as server:
        wire = ["--model", "hosted_vllm/reader", "--api-base", server.api_base, "--max-tokens", MAX_TOKENS]
        wire += ["--judge-model", "hosted_vllm/judge", "--judge-api-base", server.api_base, "--judge-votes", 3]
        wire += ["--data", data, "--num-test", 4, "--context-tokens", 200, "--max-hops", max_hops, "--no-mlflow"]
        most = run(*wire, "--dry-run").document
        assert billing.bills == []
        found = run(*wire, "--run-dir", tmp_path / "r")
    assert found.status == 0, found.err
    calls = most["lm_calls_at_most"] + most["judge_lm_calls_at_most"]
    bills = billing.bills
    assert calls / 3 < len(bills) <= calls + 2, "and the pre-flight calls"
    assert sum(sent for sent, _ in bills) <= most["prompt_tokens_at_most"]
    assert sum(received for _, received in bills) <= most["completion_tokens_at_most"]


def test_the_most_in_dollars_is_that_of_replies_as_long_as_they_may_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_records(tmp_path / "data.json", [conversation_record("conv-48")])

    def dry(*argv: object) -> tuple[dict[str, Any], str]:
        done = Command("evaluate.py", evaluate.main, capsys)("--data", data, "--split", "all", "--dry-run", *argv)
        return json.loads(done.out[-1]), done.err

    for model, cap, limit in (
        ("openai/gpt-4o-mini", None, 1_024),
        ("openai/gpt-4o-mini", 5_000, 5_000),
        ("openai/gpt-5-mini", None, 16_000),
        ("openai/gpt-5-mini", 2_000, 16_000),  # OpenAI's protocol takes no less of these
    ):
        found, told = dry("--model", model, *(() if cap is None else ("--max-tokens", cap)))
        assert found["completion_tokens_at_most"] == found["lm_calls_at_most"] * limit
        assert found["cost_usd_at_most"] > 3 * found["cost_usd"]
        assert "at most $" in told
    judged, _ = dry("--model", "openai/gpt-4o-mini", "--judge-model", "openai/gpt-4o")
    plain, _ = dry("--model", "openai/gpt-4o-mini")
    more = judged["completion_tokens_at_most"] - plain["completion_tokens_at_most"]
    assert more == judged["judge_lm_calls_at_most"] * 1_024
    assert judged["cost_usd_at_most"] > plain["cost_usd_at_most"]
