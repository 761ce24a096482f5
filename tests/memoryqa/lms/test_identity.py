"""Who an LM is, and that answers of two servers never pass for each other's."""

from __future__ import annotations

import pytest
from openai_server import OpenAIServer

from memoryqa.errors import UsageError
from memoryqa.lms.endpoint import EndpointLM, separate_endpoints_in_cache
from memoryqa.lms.identity import LMChoice, LMSettings
from memoryqa.lms.roles import api_key, build, is_reasoning_model, resolve


@pytest.mark.parametrize(
    ("model", "variable"),
    [
        ("openai/m", "OPENAI_BASE_URL"),
        ("openai/m", "OPENAI_API_BASE"),
        ("hosted_vllm/m", "HOSTED_VLLM_API_BASE"),
        ("ollama_chat/m", "OLLAMA_API_BASE"),
        ("azure/m", "AZURE_API_BASE"),
        ("groq/m", "GROQ_API_BASE"),
        ("anthropic/m", "ANTHROPIC_BASE_URL"),
        ("openrouter/m", "OPENROUTER_API_BASE"),
        ("litellm_proxy/m", "LITELLM_PROXY_API_BASE"),
    ],
)
def test_an_address_in_the_environment_is_part_of_who_it_is(
    model: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = (f"http://127.0.0.1:{port}/v1" for port in (1, 2))
    monkeypatch.setenv(variable, here)
    choice = resolve("task", model=model)
    assert (choice.address, choice.record) == (here, {"address": here})
    assert choice.identity == f"{model} at {here}"
    monkeypatch.setenv(variable, there)
    assert resolve("task", model=model).identity != choice.identity
    assert resolve("task", model=model, api_base=here).record == {}


@pytest.mark.parametrize("variable", ["HOSTED_VLLM_API_BASE", "OPENAI_BASE_URL"])
def test_two_servers_that_a_variable_names_share_no_cached_answer(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = "hosted_vllm/m" if variable.startswith("HOSTED") else "openai/m"
    with OpenAIServer(lambda *_: "one") as first, OpenAIServer(lambda *_: "two") as second:
        for _ in range(2):
            for server, said in ((first, "one"), (second, "two")):
                monkeypatch.setenv(variable, server.api_base)
                assert build(resolve("task", model=model))("hello") == [said]
        assert len(first.chat_requests) == len(second.chat_requests) == 1


def test_an_address_that_only_litellm_reads_separates_the_cache_too() -> None:
    separate_endpoints_in_cache()
    with OpenAIServer(lambda *_: "one") as first, OpenAIServer(lambda *_: "two") as second:
        for server, said in ((first, "one"), (second, "two")) * 2:
            lm = EndpointLM("hosted_vllm/m", address=server.api_base, engine="litellm", timeout=5)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("HOSTED_VLLM_API_BASE", server.api_base)
                assert lm("hello") == [said]
        assert len(first.chat_requests) == len(second.chat_requests) == 1


@pytest.mark.parametrize(
    "model",
    [
        "azure/gpt-5-mini",
        "openrouter/openai/o3",
        "hosted_vllm/GPT-5",
        "litellm_proxy/gpt-5.1",
        "openai/O4-MINI",
        "x/o1",
    ],
)
def test_reasoning_models_are_known_under_any_provider(model: str) -> None:
    choice = LMChoice("task", model, None, "`model`")
    assert is_reasoning_model(choice)
    lm = build(choice, temperature=0.0, max_tokens=500)
    assert lm.kwargs["temperature"] is None
    assert lm.kwargs["max_completion_tokens"] == 16_000


@pytest.mark.parametrize("model", ["openai/gpt-4.1", "azure/gpt-5-chat-latest", "hosted_vllm/octo3", "groq/llama-o3x"])
def test_other_models_are_none(model: str) -> None:
    assert not is_reasoning_model(LMChoice("task", model, None, "`model`"))


def test_an_alias_is_a_reasoning_model_by_the_setting_and_a_look_alike_is_none() -> None:
    alias = build(LMChoice("task", "azure/my-deployment", None, "", settings=LMSettings(reasoning=True)))
    assert alias.kwargs["max_completion_tokens"] == 16_000
    assert alias.kwargs["temperature"] is None
    alike = build(LMChoice("task", "hosted_vllm/gpt-5-tiny", None, "", settings=LMSettings(reasoning=False)))
    assert (alike.kwargs["temperature"], alike.kwargs["max_tokens"]) == (0.0, 1_024)
    assert "max_completion_tokens" not in alike.kwargs


def test_limits_and_effort_reach_the_server() -> None:
    settings = LMSettings(max_tokens=77, timeout_sec=9, reasoning_effort="low")
    with OpenAIServer() as server:
        lm = build(resolve("task", model="hosted_vllm/m", api_base=server.api_base, settings=settings))
        assert lm("hello") == ["ok"]
        body = server.chat_requests[0].body
    assert (body["max_tokens"], body["reasoning_effort"], lm.kwargs["timeout"]) == (77, "low", 9)


@pytest.mark.parametrize(
    "model", ["ollama_chat/qwen3:8b", "hosted_vllm/deepseek-ai/DeepSeek-R1", "x/gpt-oss-20b", "x/QwQ"]
)
def test_models_that_think_get_room_and_time(model: str) -> None:
    lm = build(LMChoice("task", model, "http://127.0.0.1:1/v1", "`model`"))
    assert (lm.kwargs["max_tokens"], lm.kwargs["timeout"]) == (16_000, 600.0)
    usual = build(LMChoice("task", "hosted_vllm/Qwen3-8B-Instruct", "http://127.0.0.1:1/v1", "`model`"))
    assert (usual.kwargs["max_tokens"], usual.kwargs["timeout"]) == (1_024, 120.0)


def test_a_window_is_asked_of_ollama_alone() -> None:
    settings = LMSettings(num_ctx=8_192)
    lm = build(resolve("task", model="ollama/m", api_base="http://here:11434/v1", settings=settings))
    assert (lm.model, lm.kwargs["num_ctx"], lm.kwargs["api_base"]) == ("ollama_chat/m", 8_192, "http://here:11434")
    with pytest.raises(UsageError, match="drop `num_ctx`"):
        resolve("task", model="hosted_vllm/m", api_base="http://here/v1", settings=settings)


@pytest.mark.parametrize("model", ["openai/m", "groq/m", "together_ai/m", "anthropic/m", "gemini/m", "deepseek/m"])
def test_line_ends_around_a_key_are_cut_off_and_one_inside_is_named_without_the_key(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = {"together_ai/m": "TOGETHER_API_KEY"}.get(model, f"{model.partition('/')[0].upper()}_API_KEY")
    monkeypatch.setenv(variable, " planted-0123456789\r\n")
    assert api_key(model) == "planted-0123456789"
    monkeypatch.setenv(variable, "planted-0123\n456789-second-half")
    with pytest.raises(UsageError, match=f"{variable} has a line break") as refused:
        api_key(model)
    assert "planted" not in str(refused.value)
    assert "second" not in str(refused.value)
