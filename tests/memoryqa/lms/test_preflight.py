from __future__ import annotations

import importlib
import time
from collections.abc import Iterable

import dspy
import pytest
from dspy.utils.exceptions import LMError
from http_stand_in import Fault
from openai_server import OpenAIServer, context_too_long, delayed, rate_limited, server_error, truncated, unauthorized
from ports import free_port

from memoryqa.lms.preflight import LMUnavailable, diagnose, is_context_overflow, is_systemic, preflight
from memoryqa.lms.roles import LMChoice, build, resolve

SECRET = "planted-key-0123456789"


@pytest.fixture(autouse=True, scope="module")
def litellm_imported() -> None:
    """DSPy imports it at the first call that needs it; that takes seconds, on a busy machine many, and is not timed."""
    build(resolve("task", model="openai/m"))  # which keeps the import from fetching a price list
    importlib.import_module("litellm")


def refusal(model: str, api_base: str | None = None, timeout_sec: float = 5.0) -> str:
    """The message of the LMUnavailable that the pre-flight raises, checked to be one line and quick."""
    choice = resolve("task", model=model, api_base=api_base)
    started = time.monotonic()
    with pytest.raises(LMUnavailable) as caught:
        preflight(build(choice, cache=False), choice, timeout_sec=timeout_sec)
    assert time.monotonic() - started < timeout_sec + 5
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"task LM {model}: ")
    assert SECRET not in message
    return message


def error_of(faults: Iterable[Fault | None], api_base: str | None = None) -> LMError:
    with OpenAIServer(faults=faults) as server:
        lm = dspy.LM("hosted_vllm/m", api_base=api_base or server.api_base, cache=False, num_retries=0, timeout=1)
        with pytest.raises(LMError) as caught:
            lm("hello")
    return caught.value


@pytest.mark.slow
def test_a_server_that_answers_passes_with_one_tiny_uncached_call() -> None:
    with OpenAIServer() as server:
        choice = resolve("task", model="hosted_vllm/m", api_base=server.api_base)
        for _ in range(2):
            preflight(build(choice), choice)
        assert [request.body["max_tokens"] for request in server.chat_requests] == [16, 16]


@pytest.mark.slow
def test_the_pre_flight_leaves_the_lm_as_it_was() -> None:
    with OpenAIServer() as server:
        choice = resolve("task", model="hosted_vllm/m", api_base=server.api_base)
        lm = build(choice, max_tokens=99, timeout_sec=7, num_retries=4)
        preflight(lm, choice)
    assert (lm.kwargs["max_tokens"], lm.kwargs["timeout"], lm.max_retries, lm.cache) == (99, 7, 4, True)
    assert lm.history == []


def test_the_offline_reader_needs_no_call() -> None:
    choice = resolve("task")
    assert choice.offline
    preflight(dspy.LM("hosted_vllm/m", api_base="http://127.0.0.1:1/v1"), choice)  # which would fail


def test_a_rate_limit_passes_and_a_server_error_or_a_cut_answer_gets_another_chance() -> None:
    with OpenAIServer(faults=[rate_limited(60), server_error(), truncated(), None]) as server:
        choice = resolve("task", model="hosted_vllm/m", api_base=server.api_base)
        preflight(build(choice), choice)
        assert len(server.chat_requests) == 1
        preflight(build(choice), choice)
        assert len(server.chat_requests) == 4


def test_a_server_that_only_fails_is_told() -> None:
    with OpenAIServer(faults=[server_error()] * 9) as server:
        message = refusal("hosted_vllm/m", server.api_base)
        assert f"{server.api_base} answered with an error (500): The server had an error" in message


@pytest.mark.parametrize(
    ("model", "variable"),
    [
        ("openai/gpt-4o-mini", "OPENAI_API_KEY"),
        ("together_ai/some/model", "TOGETHER_API_KEY"),
        ("groq/m", "GROQ_API_KEY"),
    ],
)
def test_a_missing_key_is_told_with_the_export_line(model: str, variable: str) -> None:
    message = refusal(model)
    assert message == (
        f"task LM {model}: no API key; run `export {variable}=<your key>`, or use `model` offline (needs no key)"
    )


@pytest.mark.parametrize(
    ("model", "start"),
    [
        ("hosted_vllm/some/model", "`vllm serve some/model`"),
        ("ollama_chat/m", "`ollama serve`"),
        ("openai/m", "server"),
    ],
)
def test_a_refused_connection_is_told_with_the_address_and_the_way_to_start(model: str, start: str) -> None:
    api_base = f"http://127.0.0.1:{free_port()}/v1"
    message = refusal(model, api_base)
    assert f"no server answers at {api_base} (connection refused)" in message
    assert start in message
    assert "`api_base`" in message


def test_the_default_address_of_a_local_server_is_named_when_it_is_down() -> None:
    error = error_of([], api_base=f"http://127.0.0.1:{free_port()}/v1")
    message = diagnose(error, resolve("judge", model="ollama_chat/m"))
    assert message.startswith("judge LM ollama_chat/m: no server answers at http://localhost:11434/v1")


def test_a_host_that_does_not_resolve_is_told() -> None:
    message = refusal("hosted_vllm/m", "http://no-such-host.invalid/v1")
    assert "the host name no-such-host.invalid does not resolve" in message


def test_a_rejected_key_is_told_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    with OpenAIServer(api_key="another") as server:
        message = refusal("openai/m", server.api_base)
    assert f"{server.api_base} rejected the API key (401); check the value of OPENAI_API_KEY" in message


def test_a_server_that_quotes_the_key_does_not_make_us_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTED_VLLM_API_KEY", SECRET)
    fault = Fault(400, {"error": {"message": f"cannot use {SECRET} here", "type": "x", "code": None}})
    with OpenAIServer(faults=[fault]) as server:
        choice = resolve("task", model="hosted_vllm/m", api_base=server.api_base)
        with pytest.raises(LMUnavailable) as caught:
            preflight(build(choice, cache=False), choice)
    assert "cannot use [redacted] here" in str(caught.value)
    assert caught.value.__suppress_context__  # a traceback would show the original error


def test_an_unknown_model_is_told_with_those_that_the_server_has() -> None:
    with OpenAIServer(models=["qwen3-8b", "llama-3.3"]) as server:
        message = refusal("hosted_vllm/qwen3-80b", server.api_base)
    assert f"{server.api_base} has no model 'qwen3-80b' (404); it has: qwen3-8b" in message


def test_a_long_list_of_models_is_cut() -> None:
    with OpenAIServer(models=[f"model-{number}" for number in range(50)]) as server:
        message = refusal("hosted_vllm/nothing", server.api_base)
    assert message.count("model-") == 8
    assert message.endswith(", ...")


def test_an_address_without_v1_is_told_with_the_right_one() -> None:
    with OpenAIServer(models=["m"]) as server:
        message = refusal("hosted_vllm/m", server.api_base.removesuffix("/v1"))
    assert message.endswith(f"write `api_base` {server.api_base}")


def test_an_address_with_a_wrong_path_is_told() -> None:
    with OpenAIServer() as server:
        message = refusal("hosted_vllm/m", f"{server.api_base}/wrong/v1")
    assert "check the model's name, and that `api_base` ends where /chat/completions begins" in message


def test_an_ollama_model_that_is_not_there_is_told_with_the_pull() -> None:
    not_found = Fault(404, {"error": {"message": "model not found", "type": "x", "code": None}})
    with OpenAIServer(faults=[not_found]) as server:
        assert refusal("ollama_chat/m", server.api_base).endswith("run `ollama pull m`")


def test_a_silent_server_is_given_up_at_the_timeout() -> None:
    with OpenAIServer(faults=[delayed(30)]) as server:
        started = time.monotonic()
        assert f"no answer in time from {server.api_base}" in refusal("hosted_vllm/m", server.api_base, timeout_sec=0.3)
        assert time.monotonic() - started < 3


def test_a_server_that_only_cuts_its_answers_is_told() -> None:
    with OpenAIServer(faults=[truncated()] * 3) as server:
        assert "connection closed" in refusal("hosted_vllm/m", server.api_base)


def test_the_ways_through_litellm_are_told_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", SECRET)
    assert "unknown provider 'meta-llama'; put the provider first: together_ai/meta-llama/x" in refusal("meta-llama/x")
    api_base = f"http://127.0.0.1:{free_port()}/v1"
    assert f"no server answers at {api_base} (connection refused)" in refusal("together_ai/m", api_base)
    with OpenAIServer(api_key="another") as server:
        assert "check the value of TOGETHER_API_KEY" in refusal("together_ai/m", server.api_base)


@pytest.mark.parametrize("style", ["openai", "vllm-nested"])
def test_a_prompt_that_is_too_long_is_recognised(style: str) -> None:
    nested = Fault(
        400, {"error": {"message": "maximum context length is 8192", "type": "BadRequestError", "code": 400}}
    )
    error = error_of([context_too_long() if style == "openai" else nested])
    assert is_context_overflow(error)
    assert not is_systemic(error)


def test_other_rejections_are_no_overflow() -> None:
    other = Fault(400, {"error": {"message": "temperature must be a number", "type": "x", "code": None}})
    assert not is_context_overflow(error_of([other]))
    assert not is_context_overflow(error_of([rate_limited()]))
    assert not is_context_overflow(ValueError("maximum context length"))


@pytest.mark.parametrize("fault", [rate_limited(), server_error(), truncated(), delayed(30), context_too_long()])
def test_a_failure_of_one_call_does_not_condemn_the_run(fault: Fault) -> None:
    assert not is_systemic(error_of([fault]))


def test_failures_that_every_call_would_share_condemn_the_run() -> None:
    assert is_systemic(error_of([unauthorized()]))
    assert is_systemic(error_of([], api_base=f"http://127.0.0.1:{free_port()}/v1"))
    no_credit = Fault(
        429, {"error": {"message": "no credit", "type": "insufficient_quota", "code": "insufficient_quota"}}
    )
    error = error_of([no_credit])
    assert is_systemic(error)
    assert "add credit or choose another model" in diagnose(error, LMChoice("task", "openai/m", None, "`model`"))
