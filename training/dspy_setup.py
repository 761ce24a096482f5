"""DSPy during a training: the adapter of all its prompts, and its own output silenced.

Rollouts, validation and `train.py --mode evaluate` use the same adapter.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

import dspy
from dspy.utils.exceptions import AdapterParseError


class TrainingAdapter(dspy.ChatAdapter):
    """DSPy's chat format without its second try in JSON, whose prompt would differ from the trained one.

    A completion that lacks some fields counts as unreadable as a whole. DSPy 3.4.1 would fail when it weighs the
    existing fields (https://github.com/stanfordnlp/dspy/issues/10362), drop the rollout, and fill its group with copies
    of others.
    """

    def __init__(self) -> None:
        super().__init__(use_json_adapter_fallback=False)

    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        try:
            return super().parse(signature, completion)
        except AdapterParseError as error:
            raise AdapterParseError(
                adapter_name="ChatAdapter", signature=signature, lm_response=completion, parsed_result=None
            ) from error


@contextmanager
def quiet_dspy() -> Iterator[None]:
    """Within the block, suppress DSPy's progress bars (on stdout) and its log below errors.

    DSPy also logs a warning to the root logger for each unreadable completion; `StepRecord` counts those.
    """
    loggers = [logging.getLogger(name) for name in (None, "dspy")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
