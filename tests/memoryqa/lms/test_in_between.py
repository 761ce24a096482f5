"""What stands between us and a model server: proxies, gateways, and how long they ask us to wait."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from dspy.utils.exceptions import LMError
from http_stand_in import Fault
from openai_server import OpenAIServer

from memoryqa.errors import UsageError
from memoryqa.lms.preflight import LMUnavailable, preflight
from memoryqa.lms.replies import header_seconds
from memoryqa.lms.roles import build, resolve
from tuning.client import TunerClient

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def told(server: OpenAIServer) -> str:
    choice = resolve("task", model="hosted_vllm/m", api_base=server.api_base)
    lm = build(choice, cache=False, num_retries=0, timeout_sec=20)
    with pytest.raises(LMUnavailable) as caught:
        preflight(lm, choice, timeout_sec=20)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("variable", "proxy"),
    [
        ("HTTP_PROXY", "http://127.0.0.1:9"),
        ("http_proxy", "127.0.0.1:9"),
        ("ALL_PROXY", "socks5://127.0.0.1:9"),
        ("all_proxy", "socks5h://127.0.0.1:9"),
        ("HTTP_PROXY", "socks4://127.0.0.1:9"),
        ("http_proxy", "nonsense://x"),
        ("HTTP_PROXY", "http://[bad"),
        ("HTTP_PROXY", "http://me:plan ted@host:x"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_with_the_way_around_it(
    variable: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, proxy)
    with OpenAIServer() as server:
        line = told(server)
    assert "the proxy" in line
    assert "export NO_PROXY=127.0.0.1" in line
    assert "ted@" not in line
    assert "see the server's log" not in line


@pytest.mark.parametrize("url", ["http://127.0.0.1:8799", "http://localhost:8799", "http://[::1]:8799"])
@pytest.mark.parametrize("proxy", ["socks5://h:1", "socks4://h:1", "nonsense://x", "http://[bad", "http://h:x"])
def test_the_client_of_a_service_on_this_machine_asks_no_proxy(
    url: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with TunerClient(url) as client:
        assert client.url == url


@pytest.mark.parametrize("proxy", ["socks5://h:1", "socks4://h:1", "nonsense://x", "http://h:x"])
def test_a_proxy_that_cannot_be_used_is_no_fault_of_the_services_address(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(UsageError, match=r"ALL_PROXY.* (?:unset it|NO_PROXY)"):
        TunerClient("http://tuner.example:8799")


@pytest.mark.parametrize("status", [403, 502, 503, 504])
@pytest.mark.parametrize(
    "page",
    [
        "<html><head><title>Bad  Gateway</title></head></html>",
        "\n<!DOCTYPE html>\n<html><body><h1>Bad Gateway</h1></body></html>",
        '<?xml version="1.0"?><html><title>Bad Gateway</title></html>',
    ],
)
def test_a_web_page_is_a_gateways_and_says_nothing_of_the_key(status: int, page: str) -> None:
    class Gateway(OpenAIServer):
        def respond(self, request: Any) -> Fault:
            return Fault(status, page, {"Content-Type": "text/html"})

    with Gateway() as server:
        line = told(server)
    assert "a web page, 'Bad Gateway' answers at" in line
    assert "API key" not in line


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"Retry-After": "7"}, None),  # a plain dict of another case is not a server's
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "60"}, 1.5),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
    ],
)
def test_how_long_a_server_asks_us_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    behind = ValueError("another client's")
    behind.response = SimpleNamespace(headers=headers)  # type: ignore[attr-defined]
    assert header_seconds([LMError(message="x", model="m"), behind]) == seconds


def test_a_date_to_wait_for_is_read_as_seconds_from_now() -> None:
    from email.utils import formatdate

    behind = ValueError("another client's")
    behind.response = SimpleNamespace(headers={"retry-after": formatdate(time.time() + 90, usegmt=True)})  # type: ignore[attr-defined]
    found = header_seconds([behind])
    assert found is not None
    assert 80 < found <= 91
