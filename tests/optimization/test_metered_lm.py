"""optimization.meter, .metered_lm and .models: what a search may spend, and when it ends."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import pytest
from dspy.utils.exceptions import ContextWindowExceededError, LMServerError
from http_stand_in import Fault
from hypothesis import given
from hypothesis import strategies as st
from openai_server import OpenAIServer, context_too_long, delayed, rate_limited, server_error, unauthorized

import memoryqa.lms.endpoint
import optimization.metered_lm
from memoryqa.lms.prices import Price
from memoryqa.lms.roles import build, resolve
from optimization.config import OptimizeConfig
from optimization.meter import Meter, SearchStopped
from optimization.metered_lm import MeteredLM
from optimization.models import choose_models


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memoryqa.lms.endpoint, "_wait_sec", lambda error, attempt: 0.001)
    monkeypatch.setattr(optimization.metered_lm, "PAUSE_SEC", 0.01)


def meter_of(price: Price | None = None, heard: list[str] | None = None) -> Meter:
    return Meter({"task": price}, (heard if heard is not None else []).append)


def metered(server: OpenAIServer, meter: Meter, max_prompt_tokens: int | None = None, **settings: Any) -> MeteredLM:
    choice = resolve("task", model="hosted_vllm/reader", api_base=server.api_base)
    return MeteredLM.of(build(choice, num_retries=2, **settings), choice, meter, max_prompt_tokens)


# -- counting ----------------------------------------------------------------------------------------------------------


def test_calls_of_all_copies_and_threads_are_counted_and_cached_ones_are_not_paid() -> None:
    meter = meter_of()
    with OpenAIServer(lambda messages, body: "four words of text") as server:
        lm = metered(server, meter)
        sample = lm.copy(rollout_id=1, temperature=1.0)
        assert deepcopy(lm).meter is meter
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lm, ["one", "two", "one", "two", "one two three four five six"]))
        sample("one")
        assert len(server.chat_requests) == 4  # equal prompts at once are sent once
    spent = meter.spent
    assert (spent.calls, spent.paid_calls, spent.largest_prompt_tokens) == (6, 4, 6)
    assert spent.prompt_tokens == 11
    assert spent.completion_tokens == 6 * 4


def test_what_is_paid_goes_by_the_servers_count_and_the_limit_by_all_calls() -> None:
    meter = meter_of(Price(0.01, 0.1))
    with OpenAIServer(lambda messages, body: "two words") as server:
        lm = metered(server, meter)
        lm("one two three")
        lm("one two three")
    assert meter.spent.paid_usd == pytest.approx(3 * 0.01 + 2 * 0.1)
    assert meter.spent.cost_usd == pytest.approx(2 * meter.spent.paid_usd)


def test_an_answer_of_a_server_that_reports_no_usage_is_paid_all_the_same() -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}

    class Silent(OpenAIServer):
        def _completion(self, body: Any, text: str | None) -> dict[str, Any]:
            return {"id": "x", "object": "chat.completion", "created": 0, "model": body["model"], "choices": [choice]}

    meter = meter_of()
    with Silent() as server:
        lm = metered(server, meter)
        assert [lm("hello"), lm("hello")] == [["ok"], ["ok"]]
    assert (meter.spent.calls, meter.spent.paid_calls) == (2, 1)
    assert meter.answering


@given(limit=st.integers(1, 12), calls=st.integers(1, 20))
def test_no_more_calls_are_admitted_than_the_limit(limit: int, calls: int) -> None:
    meter = meter_of()
    meter.set_limits(limit, None)

    def admit(_: int) -> bool:
        try:
            meter.admit("task", 1)
        except SearchStopped:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(admit, range(calls))) == min(limit, calls)
    assert meter.at_limit == (calls > limit)


def test_a_limit_can_be_lifted_but_not_another_stop() -> None:
    meter = meter_of(Price(1.0, 0.0))
    meter.set_limits(None, 2.5)
    meter.admit("task", 2)
    with pytest.raises(SearchStopped, match=r"the limit of \$2.50 is reached"):
        meter.admit("task", 1)
    meter.set_limits(None, 4.0)
    meter.admit("task", 1)
    meter.stop("interrupted")
    meter.set_limits(None, None)
    with pytest.raises(SearchStopped, match="interrupted"):
        meter.admit("task", 1)


def test_a_stop_is_no_exception_that_an_optimizer_would_turn_into_a_score() -> None:
    assert not issubclass(SearchStopped, Exception)


# -- what is not sent --------------------------------------------------------------------------------------------------


def test_a_prompt_that_is_too_long_is_not_sent_and_fails_alone() -> None:
    meter = meter_of()
    with OpenAIServer() as server:
        lm = metered(server, meter, max_prompt_tokens=3)
        with pytest.raises(ContextWindowExceededError, match="5 tokens is longer than 3; it was not sent"):
            lm("one two three four five")
        assert lm("one two") == ["ok"]
        assert len(server.chat_requests) == 1


# -- trouble -----------------------------------------------------------------------------------------------------------


def test_a_rate_limit_is_waited_out_however_long_the_retries_are() -> None:
    heard: list[str] = []
    with OpenAIServer(faults=[rate_limited()] * 8) as server:
        assert metered(server, meter_of(heard=heard))("hello") == ["ok"]
    assert heard
    assert heard[0].startswith("paused: task LM hosted_vllm/reader")


def test_a_timeout_is_asked_again() -> None:
    with OpenAIServer(faults=[delayed(3.0)]) as server:
        assert metered(server, meter_of(), timeout_sec=1.0)("hello") == ["ok"]
        assert len(server.chat_requests) == 2


def test_an_outage_that_lasts_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimization.metered_lm, "MAX_OUTAGE_SEC", 0.05)
    meter = meter_of()
    with OpenAIServer() as server:
        lm = metered(server, meter)
        lm("hello")
        server.stop()
        with pytest.raises(SearchStopped, match="no server answers at"):
            lm("again")
    assert meter.stopped is not None
    assert not meter.at_limit


def test_a_server_that_never_answered_is_no_outage() -> None:
    heard: list[str] = []
    with OpenAIServer() as server:
        server.stop()
        with pytest.raises(SearchStopped, match="no server answers at"):
            metered(server, meter_of(heard=heard))("hello")
    assert heard == []


def test_a_rejected_key_ends_the_search_at_once() -> None:
    with OpenAIServer(faults=[None, unauthorized()]) as server:
        lm = metered(server, meter_of())
        lm("hello")
        with pytest.raises(SearchStopped, match="rejected the API key"):
            lm("again")
        assert len(server.chat_requests) == 2


def test_a_prompt_that_breaks_the_server_fails_alone_while_others_are_answered() -> None:
    faults: list[Fault | None] = [None, *[server_error()] * 3, None, *[server_error()] * 3, None]
    meter = meter_of()
    with OpenAIServer(faults=faults) as server:
        lm = metered(server, meter)
        lm("hello")
        with pytest.raises(LMServerError):
            lm("poison")
        assert lm("hello again") == ["ok"]
    assert meter.stopped is None


def test_a_refused_request_fails_alone_and_is_not_repeated() -> None:
    with OpenAIServer(faults=[None, context_too_long()]) as server:
        lm = metered(server, meter_of())
        lm("hello")
        with pytest.raises(ContextWindowExceededError):
            lm("too long")
        assert len(server.chat_requests) == 2


def test_a_stop_wakes_those_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimization.metered_lm, "PAUSE_SEC", 60.0)
    waiting = threading.Event()
    meter = Meter({}, lambda line: waiting.set())
    with OpenAIServer(faults=[rate_limited()] * 9) as server, ThreadPoolExecutor(1) as threads:
        future = threads.submit(metered(server, meter), "hello")
        assert waiting.wait(30)
        meter.stop("interrupted")
        with pytest.raises(SearchStopped, match="interrupted"):
            future.result(timeout=30)


# -- models and prices -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_roles_are_the_task_the_prompts_and_where_it_is_the_metric_the_judge() -> None:
    models = choose_models(OptimizeConfig(model="offline"))
    assert list(models.choices) == ["task", "prompt"]
    assert models.choices["prompt"].offline
    judged = choose_models(OptimizeConfig(model="offline", metric="judge", judge_model="hosted_vllm/judge"))
    assert list(judged.choices) == ["task", "prompt", "judge"]
    assert judged.unpriced() == ["hosted_vllm/judge"]
    for judge in (None, "offline"):
        with pytest.raises(ValueError, match="--metric judge needs a model that judges"):
            choose_models(OptimizeConfig(model="offline", metric="judge", judge_model=judge))


def test_room_is_left_in_the_window_for_the_answer() -> None:
    models = choose_models(OptimizeConfig(model="offline", context_window=32_000))
    assert models.max_prompt_tokens("task") == 32_000 - 4_096
    assert choose_models(OptimizeConfig(model="offline")).max_prompt_tokens("task") is None
