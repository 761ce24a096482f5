"""memoryqa.lms.prices: what asking an LM costs, and that an unknown price stays unknown."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from memoryqa.lms.prices import (
    ModelFacts,
    Price,
    TokenUse,
    describe_cost,
    dollars,
    model_facts,
    total_cost,
    unpriced_models,
)
from memoryqa.lms.roles import LMChoice, resolve

OFFLINE = resolve("task", model="offline")
OWN_SERVER = LMChoice("task", "hosted_vllm/reader", "http://127.0.0.1:1/v1", "a test")
PAID = LMChoice("judge", "openai/gpt-4o-mini", None, "a test")
NO_JUDGE = LMChoice("judge", None, None, "a test")
UNKNOWN, FREE, CHEAP = ModelFacts(None, None), ModelFacts(Price(0.0, 0.0), None), ModelFacts(Price(1e-6, 2e-6), None)


def test_an_unknown_price_is_unknown_and_never_zero() -> None:
    facts = model_facts(resolve("task", model="hosted_vllm/reader", api_base="http://127.0.0.1:1/v1"))
    assert (facts.price, facts.window_tokens) == (None, None)
    assert model_facts(resolve("task", model="offline")).price == Price(0.0, 0.0)


@pytest.mark.slow
def test_a_known_model_has_its_price_at_its_providers_address_only() -> None:
    known = resolve("task", model="openai/gpt-4o-mini")
    facts = model_facts(known)
    assert facts.price is not None
    assert 0 < facts.price.prompt_usd < facts.price.completion_usd < 1e-5
    assert facts.window_tokens == 128_000
    assert model_facts(resolve("task", model="openai/gpt-4o-mini", api_base="http://127.0.0.1:1/v1")).price is None


@pytest.mark.slow
def test_looking_up_a_price_leaves_litellm_on_the_list_that_it_brings() -> None:
    """In a process of its own: once LiteLLM is imported, the list is read."""
    code = (
        "import os; from memoryqa.lms.prices import model_facts; from memoryqa.lms.roles import resolve;"
        "model_facts(resolve('task', model='openai/gpt-4o-mini'));"
        "print(os.environ['LITELLM_LOCAL_MODEL_COST_MAP'])"
    )
    environment = {name: value for name, value in os.environ.items() if name != "LITELLM_LOCAL_MODEL_COST_MAP"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "True"


def test_one_unknown_price_makes_the_total_unknown_where_it_is_used() -> None:
    priced = (Price(1e-6, 2e-6), TokenUse(1_000_000, 500_000))
    assert total_cost([priced, priced]) == pytest.approx(4.0)
    assert total_cost([priced, (None, TokenUse(1, 0))]) is None
    assert total_cost([priced, (None, TokenUse(0, 1))]) is None
    assert total_cost([priced, (None, TokenUse(0, 0))]) == pytest.approx(2.0)
    assert total_cost([]) == 0.0


@pytest.mark.parametrize(
    ("cost_usd", "facts", "line"),
    [
        (1.2345, {PAID: CHEAP}, "about $1.23"),
        (1234.5, {OFFLINE: FREE, PAID: CHEAP}, "about $1,234.50"),
        (None, {OWN_SERVER: UNKNOWN, PAID: CHEAP}, "cost unknown: no price is known of hosted_vllm/reader"),
        (None, {OWN_SERVER: UNKNOWN, NO_JUDGE: UNKNOWN}, "cost unknown: no price is known of hosted_vllm/reader"),
        (0.0, {OFFLINE: FREE}, "the offline reader runs on this machine: none of it costs anything"),
        (0.0, {OFFLINE: FREE, NO_JUDGE: UNKNOWN}, "the offline reader runs on this machine: none of it costs anything"),
    ],
)
def test_a_cost_is_described_in_dollars_or_as_unknown(
    cost_usd: float | None, facts: dict[LMChoice, ModelFacts], line: str
) -> None:
    assert describe_cost(cost_usd, facts) == line


def test_a_model_is_named_once_however_many_roles_it_has() -> None:
    other = LMChoice("prompt", OWN_SERVER.model, OWN_SERVER.api_base, "another test")
    assert unpriced_models({OWN_SERVER: UNKNOWN, other: UNKNOWN, PAID: CHEAP}) == ["hosted_vllm/reader"]


@pytest.mark.parametrize(
    ("amount", "shown"), [(0.0, "$0.00"), (0.004, "less than $0.01"), (0.01, "$0.01"), (3, "$3.00")]
)
def test_less_than_a_cent_is_not_shown_as_nothing(amount: float, shown: str) -> None:
    assert dollars(amount) == shown
