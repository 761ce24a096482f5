"""What a model keeps of a prompt (keys and values), computed once for all answers to it.

The answers of a group have one prompt, which is most of their tokens: to compute it for each of them anew would cost as
many times as much as the group is large.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def prompt_cache(model: Any, ids: Tensor, attended: Tensor) -> Any:
    """The cache of the tokens `ids`, (B, P), of which those count where `attended` is 1; None if the model has another
    kind, whose rows cannot be repeated."""
    from transformers.cache_utils import DynamicLayer

    result = model(
        input_ids=ids,
        attention_mask=attended,
        position_ids=(attended.cumsum(dim=1) - 1).clamp(min=0),
        logits_to_keep=1,
        use_cache=True,
    )
    cache = getattr(result, _name(model), None)
    layers = getattr(cache, "layers", None)
    return cache if layers and all(isinstance(layer, DynamicLayer) for layer in layers) else None


def with_cache(model: Any, cache: Any) -> dict[str, Any]:
    """`cache` as an argument of the model and of its `generate`; nothing for None."""
    return {} if cache is None else {_name(model): cache}


def _name(model: Any) -> str:
    """transformers 5 renames the argument in its course."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return "cache" if "cache" in inspect.signature(inner.forward).parameters else "past_key_values"
