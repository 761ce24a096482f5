from __future__ import annotations

import json
import socket
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dspy
import pytest
from openai_server import OpenAIServer, chat_fields, json_fields, off_format, rate_limited


def post(server: OpenAIServer, content: str = "hello there", **more: Any) -> Any:
    body = {"model": "m", "messages": [{"role": "user", "content": content}], **more}
    request = urllib.request.Request(
        f"{server.api_base}/chat/completions", data=json.dumps(body).encode(), method="POST"
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        return json.load(response)


def test_it_answers_with_usage_and_records_the_request() -> None:
    with OpenAIServer(lambda messages, body: f"{messages[-1]['content']} at {body['temperature']}") as server:
        reply = post(server, temperature=0.5)
        assert reply["choices"][0]["message"]["content"] == "hello there at 0.5"
        assert reply["usage"] == {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6}
        assert server.chat_requests[0].body["temperature"] == 0.5
        assert "user-agent" in server.chat_requests[0].headers


def test_faults_come_in_order_and_then_it_answers() -> None:
    with OpenAIServer(faults=[rate_limited(7), None, off_format("nonsense")]) as server:
        with pytest.raises(urllib.error.HTTPError, match="429") as caught:
            post(server)
        assert caught.value.headers["Retry-After"] == "7"
        caught.value.close()
        assert [post(server)["choices"][0]["message"]["content"] for _ in range(3)] == ["ok", "nonsense", "ok"]


def test_it_lists_its_models() -> None:
    with (
        OpenAIServer(models=["a", "b"]) as server,
        urllib.request.urlopen(f"{server.api_base}/models", timeout=5) as response,
    ):
        assert [model["id"] for model in json.load(response)["data"]] == ["a", "b"]


def test_it_stops_listening_after_the_last_answer_and_leaves_no_thread() -> None:
    threads = threading.active_count()
    with OpenAIServer(die_after=2) as server:
        assert post(server)
        assert post(server)
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", server.port), timeout=5).close()
        server.stop()
        server.stop()
    assert threading.active_count() == threads


def test_it_can_come_back_at_the_port_where_it_died() -> None:
    with OpenAIServer(die_after=1) as server:
        assert post(server)
        with OpenAIServer(port=server.port) as again:
            assert again.api_base == server.api_base
            assert post(again)


def test_concurrent_requests_never_get_more_answers_than_are_left() -> None:
    def try_post(_: int) -> bool:
        try:
            post(server)
        except OSError:
            return False
        return True

    with OpenAIServer(die_after=5) as server, ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(try_post, range(20))) == 5


def test_an_error_of_the_answer_function_fails_the_test() -> None:
    server = OpenAIServer(lambda messages, body: body["missing"])

    def use() -> None:
        with server, pytest.raises(OSError):
            post(server)

    with pytest.raises(KeyError, match="missing"):
        use()


def test_the_field_formats_are_those_that_dspy_parses() -> None:
    signature = dspy.Signature("question -> answer: str, ids: list[str]")
    chat = dspy.ChatAdapter().parse(signature, chat_fields(answer="Paris", ids='["D1:2"]'))
    assert chat == {"answer": "Paris", "ids": ["D1:2"]}
    assert dspy.JSONAdapter().parse(signature, json_fields(answer="Paris", ids=["D1:2"])) == chat
