"""Defaults that age: providers that have retired each of the models that are asked when nobody names one."""

from __future__ import annotations

import difflib
import socket
import threading
import time
from contextlib import suppress
from types import SimpleNamespace

import pytest
from http_stand_in import Fault, FixedAnswers, HttpStandIn, RecordedRequest
from openai_server import OpenAIServer

from memoryqa.lms.catalogue import LMUnavailable, nearest, served_models, settle
from memoryqa.lms.preflight import preflight
from memoryqa.lms.providers import DEFAULTS
from memoryqa.lms.roles import LMSettings, build, describe, resolve

SECRET = "planted-key-0123456789"
ADDRESS = {"OPENAI_API_KEY": "OPENAI_BASE_URL", "TOGETHER_API_KEY": "TOGETHER_AI_API_BASE"}
OFFERS = [(key, number) for key, models in DEFAULTS.items() for number in range(len(models))]


@pytest.mark.parametrize(("key", "number"), OFFERS)
def test_the_newest_default_that_the_provider_offers_is_taken(
    key: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = DEFAULTS[key]
    offered = [one.model.partition("/")[2] for one in defaults[number:]]
    with OpenAIServer(models=["another", *reversed(offered)]) as server:
        monkeypatch.setenv(key, SECRET)
        monkeypatch.setenv(ADDRESS[key], server.api_base)
        choice = settle(resolve("task"))
        assert choice.model == defaults[number].model
        assert choice.settings.reasoning_effort == defaults[number].effort
        said = describe(choice)
        preflight(build(choice), choice)
    assert "choose another by `model`" in said
    assert number == 0 or "is not offered" in said
    assert SECRET not in said


def test_what_was_given_for_the_model_stays() -> None:
    with OpenAIServer(models=["gpt-4o-mini"]) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", SECRET)
        patch.setenv("OPENAI_BASE_URL", server.api_base)
        choice = settle(resolve("task", settings=LMSettings(max_tokens=99, timeout_sec=5)))
    assert (choice.settings.max_tokens, choice.settings.timeout_sec) == (99, 5)
    assert (choice.settings.reasoning, choice.settings.reasoning_effort) == (None, None)


def test_a_provider_with_none_of_them_is_named_with_what_it_has() -> None:
    with OpenAIServer(models=["qwen3-8b"]) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", SECRET)
        patch.setenv("OPENAI_BASE_URL", server.api_base)
        with pytest.raises(LMUnavailable, match=r"offers none of the models.*it has: qwen3-8b") as refused:
            settle(resolve("task"))
    assert SECRET not in str(refused.value)


def test_a_list_that_cannot_be_read_settles_nothing() -> None:
    with OpenAIServer() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", SECRET)
        patch.setenv("OPENAI_BASE_URL", f"{server.api_base}/nowhere")
        assert settle(resolve("task")) == resolve("task")


def test_a_model_that_a_person_named_is_never_replaced() -> None:
    with OpenAIServer(models=["gpt-4o-mini"]) as server:
        choice = resolve("task", model="openai/retired", api_base=server.api_base)
        assert settle(choice) is choice
        assert server.requests == []


@pytest.mark.parametrize(
    "retired",
    [
        Fault(404, {"error": {"message": "The model `m` does not exist", "code": "model_not_found"}}),
        Fault(400, {"error": {"message": "The model `m` has been decommissioned.", "code": "model_decommissioned"}}),
        Fault(
            400,
            {"error": {"message": "Unable to access model m. Please visit our site", "code": "model_not_available"}},
        ),
        Fault(410, {"error": {"message": "gone"}}),
        Fault(400, {"error": {"message": "meta/m is not a valid model ID", "code": 400}}),
        Fault(403, {"error": {"message": "Project does not have access: model not found", "code": "model_not_found"}}),
    ],
)
def test_a_retired_name_gets_the_three_nearest(retired: Fault) -> None:
    offered = ["llama-4-70b-turbo", "qwen3-8b", "llama-3.3-70b", "llama-3.1-70b-turbo", "whisper", "flux"]
    with OpenAIServer(faults=[retired] * 3, models=offered) as server:
        choice = resolve("task", model="hosted_vllm/llama-3.3-70b-turbo", api_base=server.api_base)
        with pytest.raises(LMUnavailable) as refused:
            preflight(build(choice, cache=False), choice)
    listed = str(refused.value).partition("it has: ")[2].removesuffix(", ...").split(", ")
    assert sorted(listed) == ["llama-3.1-70b-turbo", "llama-3.3-70b", "llama-4-70b-turbo"]


@pytest.mark.parametrize(
    "body", [[{"id": "a"}, {"name": "models/b"}, {"x": 1}, "c"], {"models": [{"name": "a"}, "b", "c"]}]
)
def test_lists_of_any_form_are_read(body: object) -> None:
    with FixedAnswers({"/v1/models": Fault(body=body)}) as server:
        choice = resolve("task", model="hosted_vllm/m", api_base=f"{server.base_url}/v1")
        assert served_models(choice.api_base or "", choice) == ["a", "b", "c"]


@pytest.mark.parametrize("address", ["", "the groq API", "ftp://x", "http:///v1", "http://127.0.0.1:1/v1"])
def test_an_address_that_is_none_is_asked_nothing(address: str) -> None:
    assert served_models(address, resolve("task", model="groq/m")) == []


def test_a_list_that_drips_is_given_up() -> None:
    with FixedAnswers({"/v1/models": Fault(body={"data": []}, drip_sec=30)}) as server:
        started = time.monotonic()
        assert served_models(f"{server.base_url}/v1", resolve("task", model="hosted_vllm/m"), timeout_sec=0.4) == []
        assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("begins", "then"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b""),
    ],
    ids=["its head", "the size of a chunk", "a provisional answer", "nothing"],
)
def test_a_list_is_given_up_whatever_drips_before_it(begins: bytes, then: bytes) -> None:
    over = threading.Event()

    def drip() -> None:
        with suppress(OSError), listening.accept()[0] as connection:
            connection.recv(65_536)
            connection.sendall(begins)
            while not over.wait(0.05):
                connection.sendall(then)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip)
        thread.start()
        started = time.monotonic()
        try:
            address = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
            assert served_models(address, resolve("task", model="hosted_vllm/m"), timeout_sec=0.4) == []
            assert time.monotonic() - started < 10
        finally:
            over.set()
            thread.join()


def test_the_last_part_of_a_name_counts_most() -> None:
    served = ["meta-llama/Llama-3.3-70B-Instruct", "mistralai/Mixtral", "meta-models/Other"]
    assert nearest("meta-llama/Llama-3.3-70B-Instruct-Turbo", served)[0] == served[0]
    assert nearest("zzz", ["abc"]) == []


def test_the_nearest_of_many_names_is_found_though_few_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def matcher(junk: None, one: str, other: str) -> difflib.SequenceMatcher[str]:
        compared.append(other)
        return difflib.SequenceMatcher(junk, one, other)

    monkeypatch.setattr("memoryqa.lms.catalogue.difflib", SimpleNamespace(SequenceMatcher=matcher))
    served = [f"host-{number % 97}/model-{number}-instruct-{number % 7}b" for number in range(20_000)]
    served[9_999] = "meta-llama/Llama-3.3-70B-Instruct"
    for name in ("Llama-3.3-70B-Instruct-Turbo", "meta-llama/llama-3.3-70b", "LLAMA-3-70B-INSTRUCT"):
        compared.clear()
        assert nearest(name, served)[0] == served[9_999]
        assert len(compared) <= 1_000


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_key_follows_no_redirect(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTED_VLLM_API_KEY", "a-key-of-no-known-form")
    with FixedAnswers({"/v1/models": Fault(body={"data": [{"id": "m"}]})}) as other:
        moved = Fault(status, "", {"Location": f"http://localhost:{other.port}/v1/models"})
        with FixedAnswers({"/v1/models": moved}) as server:
            choice = resolve("task", model="hosted_vllm/m", api_base=f"{server.base_url}/v1")
            assert served_models(f"{server.base_url}/v1", choice) == []
        assert other.requests == []


class Paged(HttpStandIn):
    """Lists three models, one a page, as Anthropic and OpenAI do, or as Gemini does."""

    def __init__(self, *, by_token: bool, endless: bool = False) -> None:
        super().__init__()
        self.by_token, self.endless = by_token, endless

    def respond(self, request: RecordedRequest) -> Fault:
        number = int(request.path.rpartition("m")[2]) + 1 if "=" in request.path else 1
        has_more = self.endless or number < 3
        if self.by_token:
            return Fault(body={"models": [{"name": f"models/m{number}"}], "nextPageToken": f"m{number}" * has_more})
        return Fault(body={"data": [{"id": f"m{number}"}], "has_more": has_more, "last_id": f"m{number}"})


@pytest.mark.parametrize("model", ["anthropic/m", "openai/m", "gemini/m"])
def test_all_pages_of_a_list_are_read(model: str) -> None:
    with Paged(by_token=model.startswith("gemini")) as server:
        assert served_models(server.base_url, resolve("task", model=model)) == ["m1", "m2", "m3"]


def test_a_list_without_end_or_bottom_is_none() -> None:
    with Paged(by_token=False, endless=True) as server:
        assert served_models(server.base_url, resolve("task", model="openai/m")) == []
        assert len(server.requests) <= 50
    with FixedAnswers({"/models": Fault(body="[" * 200_000)}) as server:
        assert served_models(server.base_url, resolve("task", model="openai/m")) == []
