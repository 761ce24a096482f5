"""What a model costs and how much it reads, from LiteLLM's table: by its name, and only at its provider's address."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from memoryqa.lms.roles import LMChoice
from optimization.meter import Price


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """price: None when unknown, which is never 0. window_tokens: what the model takes in; None when unknown."""

    price: Price | None
    window_tokens: int | None


def model_facts(choice: LMChoice) -> ModelFacts:
    """Of the LM of `choice`. The offline reader costs nothing; a model on another server has that server's price.

    Call `memoryqa.lms.roles.build` before: it keeps the import of LiteLLM from fetching a price list.
    """
    if choice.offline:
        return ModelFacts(Price(0.0, 0.0), None)
    elsewhere = choice.api_base is not None and not (urlsplit(choice.api_base).hostname or "").endswith("openai.com")
    if choice.model is None or elsewhere:
        return ModelFacts(None, None)
    import litellm

    try:
        info = litellm.get_model_info(choice.model)
    except Exception:  # noqa: BLE001 (LiteLLM raises a bare Exception for a model that is not in its table)
        return ModelFacts(None, None)
    prompt_usd, completion_usd = info.get("input_cost_per_token"), info.get("output_cost_per_token")
    price = Price(prompt_usd, completion_usd) if prompt_usd and completion_usd else None
    return ModelFacts(price, info.get("max_input_tokens"))
