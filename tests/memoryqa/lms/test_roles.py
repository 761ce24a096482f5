from __future__ import annotations

import subprocess
import sys

import dspy
import pytest
from checkout import ROOT
from openai_server import OpenAIServer

from memoryqa.errors import MissingExtraError
from memoryqa.lms import roles as lms
from memoryqa.lms.roles import LMChoice, build, configure, describe, resolve
from memoryqa.offline_reader import OFFLINE_MODEL

SECRET = "planted-key-0123456789"


def test_the_task_model_follows_its_order_of_precedence(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve("task").offline
    assert resolve("task").model == "offline/extractive-reader"
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    assert resolve("task").model == lms.OPENAI_DEFAULT
    monkeypatch.setenv("TOGETHER_API_KEY", SECRET)
    assert resolve("task").model == lms.TOGETHER_DEFAULT
    monkeypatch.setenv("MEMORY_MODEL", "groq/some-model")
    assert resolve("task").model == "groq/some-model"
    assert resolve("task", model="anthropic/other").model == "anthropic/other"
    assert resolve("task", model="offline") == LMChoice("task", OFFLINE_MODEL, None, "`model`", offline=True)


def test_a_key_that_is_set_but_empty_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", " ")
    monkeypatch.setenv("MEMORY_MODEL", "")
    assert resolve("task").offline


def test_a_judge_a_compactor_and_a_tagger_exist_only_when_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    assert resolve("judge").model is None
    assert resolve("compaction").model is None
    assert resolve("index").model is None
    monkeypatch.setenv("MEMORY_JUDGE_MODEL", "openai/gpt-4o")
    monkeypatch.setenv("MEMORY_COMPACTION_MODEL", "openai/gpt-4o-mini")
    monkeypatch.setenv("MEMORY_INDEX_MODEL", "openai/gpt-4o-mini")
    assert resolve("judge").model == "openai/gpt-4o"
    assert resolve("judge", model="groq/x").model == "groq/x"
    assert resolve("compaction").model == resolve("index").model == "openai/gpt-4o-mini"
    with pytest.raises(ValueError, match="judge role has no LM"):
        build(LMChoice("judge", None, None, "nobody asked"))


def test_the_prompt_model_is_the_tasks_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    task = resolve("task", model="hosted_vllm/m", api_base="http://here:8000/v1")
    prompt = resolve("prompt", task=task)
    assert (prompt.role, prompt.model, prompt.api_base) == ("prompt", "hosted_vllm/m", "http://here:8000/v1")
    assert resolve("prompt").offline
    monkeypatch.setenv("MEMORY_PROMPT_MODEL", "openai/gpt-4o")
    assert resolve("prompt", task=task).model == "openai/gpt-4o"


@pytest.mark.parametrize(
    ("model", "fix"),
    [
        ("gpt-4o-mini", "write openai/gpt-4o-mini"),
        ("o3-mini", "write openai/o3-mini"),
        ("claude-sonnet-4-5", "write anthropic/claude-sonnet-4-5"),
        ("gemini-2.5-flash", "write gemini/gemini-2.5-flash"),
        ("qwen3", "write ollama_chat/qwen3, or hosted_vllm/qwen3 with `api_base` URL"),
        ("openai/", "write"),
        ("/gpt-4o", "write openai/gpt-4o"),
    ],
)
def test_a_model_without_provider_is_refused_with_the_fix(model: str, fix: str) -> None:
    with pytest.raises(ValueError) as caught:
        resolve("task", model=model)
    assert fix in str(caught.value)
    assert "`model`" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("api_base", ["localhost:8000/v1", "8000", "ftp://x", "http://"])
def test_an_api_base_that_is_no_url_is_refused(api_base: str) -> None:
    with pytest.raises(ValueError, match=r"write a whole URL, e\.g\. http://localhost:8000/v1"):
        resolve("task", model="hosted_vllm/m", api_base=api_base)


def test_an_api_base_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(ValueError, match="no name or password in the URL") as refused:
        resolve("task", model="hosted_vllm/m", api_base="http://me:planted@here:8000/v1")
    assert "planted" not in str(refused.value)


def test_an_api_base_without_a_model_is_refused() -> None:
    with pytest.raises(ValueError, match=r"say which model to ask there, e\.g\. `model` hosted_vllm/NAME"):
        resolve("task", api_base="http://localhost:8000/v1")
    with pytest.raises(ValueError, match="drop `api_base`"):
        resolve("task", model="offline", api_base="http://localhost:8000/v1")


@pytest.mark.parametrize(
    ("model", "given", "used"),
    [
        ("ollama_chat/m", "http://localhost:11434", "http://localhost:11434/v1"),
        ("ollama/m", "http://localhost:11434/", "http://localhost:11434/v1"),
        ("ollama_chat/m", "http://localhost:11434/v1", "http://localhost:11434/v1"),
        ("hosted_vllm/m", "http://localhost:8000/v1/", "http://localhost:8000/v1"),
        ("hosted_vllm/m", "http://localhost:8000", "http://localhost:8000"),
    ],
)
def test_only_ollamas_address_gets_its_v1_added(model: str, given: str, used: str) -> None:
    assert resolve("task", model=model, api_base=given).api_base == used


def test_openais_own_address_variable_is_part_of_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://proxy:1/v1")
    assert resolve("task", model="openai/m").api_base == "http://proxy:1/v1"
    assert resolve("task", model="openai/m", api_base="http://other:1/v1").api_base == "http://other:1/v1"
    assert resolve("task", model="hosted_vllm/m").api_base is None


def test_the_description_tells_the_lm_and_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    assert describe(resolve("task")) == (
        "task LM: offline extractive reader (no LM) — "
        "no `model`, MEMORY_MODEL, TOGETHER_API_KEY or OPENAI_API_KEY is set"
    )
    assert describe(resolve("judge")) == "judge LM: none — no `judge_model` or MEMORY_JUDGE_MODEL is set"
    at_server = resolve("task", model="hosted_vllm/m", api_base="http://here/v1")
    assert describe(at_server) == "task LM: hosted_vllm/m at http://here/v1 — `model`"
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    assert describe(resolve("task")) == (
        f"task LM: {lms.OPENAI_DEFAULT} (reasoning effort low) — OPENAI_API_KEY is set, no `model` or MEMORY_MODEL"
    )


@pytest.mark.parametrize("model", ["hosted_vllm/test-model", "openai/test-model", "ollama_chat/test-model"])
def test_a_local_server_gets_max_tokens_by_its_old_name(model: str) -> None:
    with OpenAIServer() as server:
        lm = build(resolve("task", model=model, api_base=server.api_base), max_tokens=77)
        assert lm("hello") == ["ok"]
    body = server.chat_requests[0].body
    assert body["model"] == "test-model"
    assert body["max_tokens"] == 77
    assert body["temperature"] == 0
    assert "max_completion_tokens" not in body


@pytest.mark.parametrize(
    ("model", "variable"), [("openai/test-model", "OPENAI_API_KEY"), ("hosted_vllm/test-model", "HOSTED_VLLM_API_KEY")]
)
def test_a_local_server_gets_the_key_of_its_provider(
    model: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, SECRET)
    with OpenAIServer(api_key=SECRET) as server:
        lm = build(resolve("task", model=model, api_base=server.api_base))
        assert lm("hello") == ["ok"]
    assert SECRET not in repr(lm)
    assert SECRET not in str(lm.dump_state())


@pytest.mark.parametrize("name", ["o3", "o1-mini", "gpt-5", "gpt-5-mini", "gpt-5.1"])
def test_openais_reasoning_models_get_the_settings_that_they_demand(name: str) -> None:
    lm = build(LMChoice("task", f"openai/{name}", None, "`model`"), temperature=0.0, max_tokens=500)
    assert lm.kwargs["temperature"] is None
    assert lm.kwargs["max_completion_tokens"] == 16_000


@pytest.mark.parametrize("name", ["gpt-4o-mini", "gpt-5-chat-latest", "gpt-4.1"])
def test_other_openai_models_keep_temperature_and_max_tokens(name: str) -> None:
    lm = build(LMChoice("task", f"openai/{name}", None, "`model`"), temperature=0.0, max_tokens=500)
    assert lm.kwargs["temperature"] == 0.0
    assert lm.kwargs["max_tokens"] == 500


def test_configure_makes_the_lm_the_default_and_caps_what_is_kept() -> None:
    lm = build(LMChoice("task", "hosted_vllm/m", "http://127.0.0.1:1/v1", "`model`"))
    configure(lm, num_threads=3)
    assert dspy.settings.lm is lm
    assert dspy.settings.num_threads == 3
    assert dspy.settings.track_usage
    assert dspy.settings.trace is None
    assert dspy.settings.max_history_size == 200


def test_importing_and_resolving_need_neither_dspy_nor_litellm() -> None:
    script = (
        "import sys; from harness import flags, runs\n"
        "from memoryqa.lms import preflight, roles; roles.resolve('task')\n"
        "assert not {'dspy', 'litellm', 'numpy'} & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("model", ["offline", "openai/gpt-4o-mini"])
def test_without_dspy_the_extra_that_brings_it_is_named(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("memoryqa.lms.endpoint")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "dspy", None)
    with pytest.raises(MissingExtraError, match=r"needs the package dspy: pip install 'memoryqa\[ask\]'$"):
        build(resolve("task", model=model))
