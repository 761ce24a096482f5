"""Prompts that fit the model: counted by its own tokenizer, and made shorter by showing less evidence."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from memoryqa.config import ProgramConfig


def fit_context(
    longest_prompt: Callable[[ProgramConfig], int], config: ProgramConfig, max_tokens: int
) -> ProgramConfig:
    """`config`, with `context_tokens` reduced until no prompt is longer than `max_tokens`.

    `longest_prompt` gives the tokens of the longest one under a config, as the model counts them; 0 where there is no
    prompt, because no line of evidence fits. Neither Arbor nor
    vLLM cuts a prompt: it is refused there, or trained on without its beginning, where the instructions stand.
    Raises ValueError when a prompt is too long even with next to no evidence.
    """
    longest = longest_prompt(config)
    while longest > max_tokens:
        # as many of our tokens as are too many of the model's; what that misses, the next round finds
        share = 1.02 * (longest - max_tokens) / longest
        reduced = config.context_tokens - math.ceil(config.context_tokens * share)
        shorter = longest_prompt(replace(config, context_tokens=reduced)) if reduced > 0 else 0
        if not 0 < shorter < longest:  # 0: there is no room for a single line
            raise ValueError(
                f"--max-prompt-length {max_tokens}: the longest prompt has {longest} tokens, and less evidence does "
                "not make it fit; raise it"
            )
        config, longest = replace(config, context_tokens=reduced), shorter
    return config
