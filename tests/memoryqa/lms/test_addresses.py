"""Addresses of model servers as people write them, and the keys that belong to them."""

from __future__ import annotations

import pytest

from memoryqa.errors import UsageError
from memoryqa.lms.roles import any_key, api_key, resolve

BASE = "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize(
    "written",
    [
        BASE,
        f"{BASE}/",
        f"{BASE}//",
        f"  {BASE} \n",
        f'"{BASE}"',
        f"'{BASE}/'",
        f"{BASE}/chat/completions",
        f"{BASE}/chat/completions/",
        f"{BASE}/completions",
        f"{BASE}/models",
        f"{BASE}/responses",
    ],
)
@pytest.mark.parametrize("model", ["hosted_vllm/m", "openai/m", "groq/m"])
def test_what_is_around_an_address_is_taken_off(written: str, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve("task", model=model, api_base=written).api_base == BASE
    variable = {"openai": "OPENAI_BASE_URL"}.get(model.split("/")[0], f"{model.split('/')[0].upper()}_API_BASE")
    monkeypatch.setenv(variable, written)
    found = resolve("task", model=model)
    assert found.address == BASE
    assert found.api_base in (BASE, None)  # None: who reads the variable finds just the address there


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("http://[::1/v1", "write a whole URL"),
        ("http://[abc]:80/v1", "write a whole URL"),
        ("http://::1:8000/v1", r"brackets, e\.g\. http://\[::1\]:8000/v1"),
        ("http://:80/v1", "write a whole URL"),
        ("http://here:99999/v1", "port out of range"),
        ("http://here:0/v1", "no server has the port 0"),
        ("http://here:eighty/v1", "write a whole URL"),
        ("http://here/v1?api-version=2", "write http://here/v1$"),
        ("http://here/v1#top", "write http://here/v1$"),
        ("http://here/v1 /x", "no space or line break"),
        ("http://here/v1\x00", "no space or line break"),
        ("127.0.0.1:8000/v1", "write a whole URL"),
    ],
)
def test_an_address_that_is_none_is_one_line_with_the_name_of_what_holds_it(
    written: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        resolve("task", model="hosted_vllm/m", api_base=written)
    assert str(refused.value).startswith("`api_base` ")
    assert "\n" not in str(refused.value)
    if "\x00" not in written:  # no variable can hold it
        monkeypatch.setenv("MISTRAL_API_BASE", written)
        with pytest.raises(UsageError, match=r"\AMISTRAL_API_BASE "):
            resolve("task", model="mistral/m")


def test_clouds_keep_the_address_that_their_console_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21"
    assert resolve("task", model="azure/d", api_base=whole).api_base == whole
    monkeypatch.setenv("AWS_REGION_NAME", "eu-west-1")
    assert resolve("task", model="bedrock/m").address == "eu-west-1"


@pytest.mark.parametrize("written", ["planted-0123456789\n", '"planted-0123456789"', " 'planted-0123456789' "])
@pytest.mark.parametrize(
    ("model", "variable"),
    [("perplexity/m", "PERPLEXITYAI_API_KEY"), ("fireworks_ai/m", "FIREWORKS_AI_API_KEY"), ("groq/m", "GROQ_API_KEY")],
)
def test_a_key_is_sent_without_what_is_around_it(
    model: str, variable: str, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, written)
    assert api_key(model) == any_key(model) == "planted-0123456789"
