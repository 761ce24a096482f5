"""Limits count what is billed, and what explains a failure never becomes one."""

from __future__ import annotations

import json
from typing import Any

import dspy
import pytest
from dspy.utils.exceptions import LMError
from http_stand_in import Fault
from openai_server import OpenAIServer, Shaped

from memoryqa.lms.identity import Role
from memoryqa.lms.preflight import diagnose, is_systemic
from memoryqa.lms.prices import ModelFacts, Price, TokenUse, describe_cost, total_cost
from memoryqa.lms.roles import LMChoice, build, resolve
from optimization.meter import Meter, SearchStopped
from optimization.metered_lm import MeteredLM

USD_PER_TOKEN = Price(1e-6, 1e-5)
THOUGHTFUL: dict[str, Any] = {
    "inside the completion": {"completion_tokens": 1_530, "completion_tokens_details": {"reasoning_tokens": 1_500}},
    "beside the completion": {"completion_tokens": 30, "completion_tokens_details": {"reasoning_tokens": 1_500}},
    "in the total alone": {"completion_tokens": 30, "total_tokens": 1_630},
}


def metered(server: OpenAIServer) -> tuple[Meter, MeteredLM]:
    choice = resolve("task", model="hosted_vllm/m", api_base=server.api_base)
    meter = Meter({"task": USD_PER_TOKEN}, lambda line: None)
    return meter, MeteredLM.of(build(choice), choice, meter)


def ask_twenty(lm: MeteredLM) -> None:
    for number in range(20):
        lm(f"question {number}")


@pytest.mark.parametrize("usage", THOUGHTFUL.values(), ids=THOUGHTFUL)
def test_thoughts_that_are_billed_count_against_the_limit(usage: dict[str, Any]) -> None:
    with OpenAIServer(lambda *_: Shaped(text="Paris", usage={"prompt_tokens": 100, **usage})) as server:
        meter, lm = metered(server)
        meter.set_limits(None, 0.05)
        with pytest.raises(SearchStopped, match=r"the limit of \$0\.05"):
            ask_twenty(lm)
    assert meter.spent.completion_tokens == 1_530 * meter.spent.paid_calls
    assert meter.spent.paid_usd == pytest.approx(meter.spent.paid_calls * (100e-6 + 1_530e-5))
    assert meter.spent.paid_usd <= 0.05 + 1_530e-5 + 1e-3  # the answer that reached it


def test_a_repeated_run_ends_at_the_same_place_though_the_cache_answers() -> None:
    with OpenAIServer(
        lambda *_: Shaped(text="Paris", usage={"prompt_tokens": 100, **THOUGHTFUL["in the total alone"]})
    ) as server:
        calls = []
        for _ in range(2):
            meter, lm = metered(server)
            meter.set_limits(None, 0.05)
            with pytest.raises(SearchStopped):
                ask_twenty(lm)
            calls.append(meter.spent.calls)
    assert calls[0] == calls[1]


def test_a_server_that_counts_nothing_is_billed_by_our_count() -> None:
    with OpenAIServer(lambda *_: Shaped(text="Paris is the answer", usage={})) as server:
        meter, lm = metered(server)
        lm("Where?")
    assert meter.spent.paid_usd > 0


def test_the_estimate_says_what_it_cannot_know() -> None:
    facts = {LMChoice("task", "openai/gpt-5-mini", None, ""): ModelFacts(USD_PER_TOKEN, None, reasons=True)}
    cost = total_cost([(USD_PER_TOKEN, TokenUse(1e6, 1e5))])
    assert describe_cost(cost, facts).startswith("about $2.00, and what openai/gpt-5-mini thinks before it answers")


@pytest.mark.parametrize(
    "model", ["openrouter/x/y", "groq/x", "anthropic/x", "azure/x", "deepseek/x", "unheard_of/x", "bedrock/x", "x"]
)
@pytest.mark.parametrize("status", [404, 400, 410, 500, 403])
def test_no_failure_is_too_odd_to_be_explained(model: str, status: int) -> None:
    choice = LMChoice("prompt", model, None, "`prompt_model`")
    with OpenAIServer(faults=[Fault(status, {"error": {"message": "The model `x` does not exist"}})]) as server:
        lm = dspy.LM("hosted_vllm/m", api_base=server.api_base, cache=False, num_retries=0, timeout=5)
        with pytest.raises(LMError) as failed:
            lm("hello")
    line = diagnose(failed.value, choice)
    assert line.startswith(f"prompt LM {model}: ")
    assert "\n" not in line
    assert "no further advice" not in line


def test_a_prompt_model_that_is_gone_stops_the_search() -> None:
    gone = Fault(404, {"error": {"message": "The model does not exist", "code": "model_not_found"}})
    with OpenAIServer(faults=[None, gone]) as server:
        _, lm = metered(server)
        assert lm("first") == ["ok"]
        with pytest.raises(SearchStopped):
            lm("second")
        with pytest.raises(SearchStopped):  # nobody else is paid
            lm("third")
        assert len(server.chat_requests) == 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": "no GPU left"}, "no GPU left"),
        ({"detail": "no GPU left"}, "no GPU left"),
        ({"message": "no GPU left"}, "no GPU left"),
        ({"errors": [{"message": "no GPU left"}]}, "no GPU left"),
        ({"error": {"error": {"message": "no GPU left"}}}, "no GPU left"),
        ("<html><title>403 Forbidden</title></html>", "a web page, '403 Forbidden' answers at"),
    ],
)
@pytest.mark.parametrize("status", [400, 502])
def test_the_reason_of_a_refusal_is_not_lost(body: Any, said: str, status: int) -> None:
    choice = resolve("task", model="hosted_vllm/m", api_base="http://127.0.0.1:1/v1")
    text = body if isinstance(body, str) else json.dumps(body)
    with OpenAIServer(faults=[Fault(status, text, {"Content-Type": "application/json"})]) as server:
        lm = dspy.LM("hosted_vllm/m", api_base=server.api_base, cache=False, num_retries=0, timeout=5)
        with pytest.raises(LMError) as failed:
            lm("hello")
    assert said in diagnose(failed.value, choice)
    assert not is_systemic(failed.value)


CUT_PROMPT = Shaped(text="Paris", usage={"prompt_tokens": 1_024, "completion_tokens": 3})
CUT_REPLY = Shaped(text="Par", finish_reason="length")


@pytest.mark.parametrize(
    ("role", "answer", "said"),
    [
        ("task", CUT_PROMPT, "task LM: the server read 1,024 tokens of a prompt of about"),
        ("prompt", CUT_PROMPT, "prompt LM: the server read 1,024 tokens of a prompt of about"),
        ("task", CUT_REPLY, "raise --max-tokens"),
        ("prompt", CUT_REPLY, "raise --prompt-max-tokens"),
        ("judge", CUT_REPLY, "raise --judge-max-tokens"),
    ],
)
def test_a_search_says_once_what_was_cut(role: Role, answer: Shaped, said: str) -> None:
    lines: list[str] = []
    with OpenAIServer(lambda *_: answer) as server:
        choice = resolve(role, model="hosted_vllm/m", api_base=server.api_base)
        lm = MeteredLM.of(build(choice), choice, Meter({}, lines.append))
        for number in range(3):
            lm(f"question {number} of {'many words ' * 1_500}")
    (line,) = lines
    assert said in line
