"""What a model costs and how long its prompts may be, from LiteLLM's table.

    facts = {choice: model_facts(choice) for choice in (task, judge)}
    cost_usd = total_cost((facts[choice].price, TokenUse(prompt_tokens, completion_tokens)) for choice, ... in ...)
    print(describe_cost(cost_usd, facts))

A price belongs to a model at its provider's address; the same name on another server has an unknown price. An unknown
price makes the total unknown, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from memoryqa.lms.roles import LMChoice, is_reasoning_model, keep_litellm_offline

MOST_CALLS_PER_STEP = 2  # a reply off the format is asked for once more, in JSON
MOST_CALLS_PER_VERDICT = 4  # and a verdict that cannot be read, once more in both
ANSWER_TOKENS = 60  # typical completion of one step of the program: a line or two in DSPy's format
JUDGE_PROMPT_TOKENS = 350  # typical prompt of a judge
MOST_JUDGE_PROMPT_TOKENS = 1_000  # and its longest, without the answer that it grades


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per token."""

    prompt_usd: float
    completion_usd: float

    def of(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Dollars for a call or many."""
        return prompt_tokens * self.prompt_usd + completion_tokens * self.completion_usd


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """price: None when unknown. window_tokens: the longest input the model takes; None when unknown.

    reasons: it may think before it answers, and bills that; how long cannot be known before.
    """

    price: Price | None
    window_tokens: int | None
    reasons: bool = False


@dataclass(frozen=True, slots=True)
class TokenUse:
    """Tokens sent to one LM and received from it, in all calls together."""

    prompt_tokens: float
    completion_tokens: float


def model_facts(choice: LMChoice) -> ModelFacts:
    """Price and window of the LM of `choice`. The offline reader costs nothing. No network."""
    if choice.offline:
        return ModelFacts(Price(0.0, 0.0), None)
    if choice.model is None:
        return ModelFacts(None, None)
    keep_litellm_offline()
    reasons = choice.thinks or is_reasoning_model(choice)
    if choice.is_elsewhere:
        return ModelFacts(None, None, reasons)
    import litellm

    try:
        info = litellm.get_model_info(choice.model)
    except Exception:  # noqa: BLE001 (LiteLLM raises a bare Exception for a model that is not in its table)
        return ModelFacts(None, None, reasons)
    prompt_usd, completion_usd = info.get("input_cost_per_token"), info.get("output_cost_per_token")
    price = Price(prompt_usd, completion_usd) if prompt_usd and completion_usd else None
    return ModelFacts(price, info.get("max_input_tokens"), reasons or bool(info.get("supports_reasoning")))


def total_cost(uses: Iterable[tuple[Price | None, TokenUse]]) -> float | None:
    """Dollars for all `uses`; None when one that uses tokens has an unknown price."""
    total = 0.0
    for price, use in uses:
        if not use.prompt_tokens and not use.completion_tokens:
            continue
        if price is None:
            return None
        total += price.of(use.prompt_tokens, use.completion_tokens)
    return total


def unpriced_models(facts: Mapping[LMChoice, ModelFacts]) -> list[str]:
    """Names of the models whose price is unknown, each once; a role without an LM has none."""
    return list(dict.fromkeys(choice.model for choice, one in facts.items() if choice.model and one.price is None))


def describe_cost(cost_usd: float | None, facts: Mapping[LMChoice, ModelFacts]) -> str:
    """For people: `cost_usd` of asking these LMs, or, where it is None, which model's price is unknown."""
    if all(choice.offline for choice in facts if choice.model):
        return "the offline reader runs on this machine: none of it costs anything"
    if cost_usd is None:
        return f"cost unknown: no price is known of {', '.join(unpriced_models(facts))}"
    about = "about $0.01 or less" if 0 < cost_usd < 0.01 else f"about {dollars(cost_usd)}"
    thinkers = dict.fromkeys(str(choice.model) for choice, one in facts.items() if one.reasons and choice.model)
    unknown = f", and what {', '.join(thinkers)} thinks before it answers, which is billed too and cannot be known here"
    return about + (unknown if thinkers else "")


def dollars(amount_usd: float) -> str:
    """Dollars and cents; an amount below a cent is not shown as nothing."""
    return "less than $0.01" if 0 < amount_usd < 0.01 else f"${amount_usd:,.2f}"
