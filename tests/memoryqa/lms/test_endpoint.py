from __future__ import annotations

import asyncio
import copy
import time
from pathlib import Path

import dspy
import pytest
from dspy.utils.exceptions import LMInvalidRequestError, LMRateLimitError, LMServerError, LMTransportError
from http_stand_in import Fault
from openai_server import (
    OpenAIServer,
    chat_fields,
    context_too_long,
    delayed,
    json_fields,
    off_format,
    rate_limited,
    server_error,
    truncated,
)

from memoryqa.lms.endpoint import EndpointCache, EndpointLM, separate_endpoints_in_cache

MODEL = "hosted_vllm/test-model"


def lm_at(server: OpenAIServer, **settings: object) -> EndpointLM:
    return EndpointLM(MODEL, api_base=server.api_base, **{"cache": False, "timeout": 5, **settings})


@pytest.mark.slow
@pytest.mark.parametrize("fault", [rate_limited(), truncated(), delayed(30)])
def test_a_passing_failure_is_retried(fault: Fault) -> None:
    with OpenAIServer(faults=[fault]) as server:
        assert lm_at(server, timeout=1)("hello") == ["ok"]
        assert len(server.chat_requests) == 2


@pytest.mark.slow
@pytest.mark.parametrize("fault", [rate_limited(), truncated(), delayed(30)])
def test_an_awaited_call_is_retried_alike(fault: Fault) -> None:
    with OpenAIServer(faults=[fault]) as server:
        assert asyncio.run(lm_at(server, timeout=1).acall("hello")) == ["ok"]
        assert len(server.chat_requests) == 2
    with OpenAIServer(faults=[rate_limited()] * 10) as server:
        with pytest.raises(LMRateLimitError):
            asyncio.run(lm_at(server, max_retries=2).acall("hello"))
        assert len(server.chat_requests) == 3


def test_a_server_error_is_retried_after_a_backoff() -> None:
    with OpenAIServer(faults=[server_error()]) as server:
        started = time.monotonic()
        assert lm_at(server)("hello") == ["ok"]
        assert 0.5 <= time.monotonic() - started < 5


def test_the_number_of_retries_is_bounded() -> None:
    with OpenAIServer(faults=[rate_limited()] * 10) as server:
        with pytest.raises(LMRateLimitError):
            lm_at(server, max_retries=3)("hello")
        assert len(server.chat_requests) == 4


def test_a_wait_past_the_deadline_is_not_begun() -> None:
    with OpenAIServer(faults=[rate_limited(3600)]) as server:
        started = time.monotonic()
        with pytest.raises(LMRateLimitError):
            lm_at(server)("hello")
        assert time.monotonic() - started < 2
        assert len(server.chat_requests) == 1


def test_a_silent_server_costs_the_deadline_and_one_timeout_at_most() -> None:
    with OpenAIServer(faults=[delayed(5.0)] * 10) as server:
        started = time.monotonic()
        with pytest.raises(LMTransportError, match="timed out"):
            lm_at(server, timeout=0.2, retry_deadline_sec=1.0)("hello")
        assert time.monotonic() - started < 4  # 1.2 on an idle machine; without the deadline, minutes


def test_a_rejected_request_is_not_retried() -> None:
    with OpenAIServer(faults=[context_too_long()] * 2) as server:
        with pytest.raises(LMInvalidRequestError):
            lm_at(server)("hello")
        assert len(server.chat_requests) == 1


@pytest.mark.slow
def test_a_server_that_is_gone_is_given_up_within_seconds() -> None:
    with OpenAIServer(die_after=1) as server:
        lm = lm_at(server)
        assert lm("first") == ["ok"]
        started = time.monotonic()
        with pytest.raises(LMTransportError, match="refused"):
            lm("second")
        assert time.monotonic() - started < 5


def test_an_answer_off_the_format_costs_a_second_call_in_json() -> None:
    with OpenAIServer(lambda messages, body: json_fields(answer="Paris"), faults=[off_format()]) as server:
        with dspy.context(lm=lm_at(server)):
            assert dspy.Predict("question -> answer")(question="Where?").answer == "Paris"
        assert len(server.chat_requests) == 2


def test_copies_and_deep_copies_keep_the_retries() -> None:
    with OpenAIServer(lambda messages, body: chat_fields(answer="Paris"), faults=[rate_limited()] * 3) as server:
        lm = lm_at(server, max_retries=2)
        with pytest.raises(LMRateLimitError):
            copy.deepcopy(lm).copy(rollout_id=1, temperature=1.0)("hello")
        assert len(server.chat_requests) == 3


def test_two_servers_with_the_same_model_do_not_share_cached_answers() -> None:
    separate_endpoints_in_cache()
    with OpenAIServer(lambda *_: "one") as first, OpenAIServer(lambda *_: "two") as second:
        for _ in range(2):
            assert lm_at(first, cache=True)("hello") == ["one"]
            assert lm_at(second, cache=True)("hello") == ["two"]
        assert len(first.chat_requests) == len(second.chat_requests) == 1


def test_the_cache_of_a_server_outlives_the_lm_and_a_change_of_timeout(tmp_path: Path) -> None:
    with OpenAIServer() as server:
        for timeout in (5, 6):
            dspy.configure_cache(disk_cache_dir=str(tmp_path / "cache"))
            separate_endpoints_in_cache()
            assert lm_at(server, cache=True, timeout=timeout)("hello") == ["ok"]
            dspy.cache.disk_cache.close()
        assert len(server.chat_requests) == 1


def test_the_cache_is_replaced_once_and_keeps_its_storage() -> None:
    before = dspy.cache
    separate_endpoints_in_cache()
    separate_endpoints_in_cache()
    assert isinstance(dspy.cache, EndpointCache)
    assert dspy.cache.memory_cache is before.memory_cache


def test_a_failing_server_raises_its_last_error() -> None:
    with OpenAIServer(faults=[server_error()] * 3) as server, pytest.raises(LMServerError):
        lm_at(server, max_retries=0)("hello")
