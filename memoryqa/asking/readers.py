"""Decides who answers."""

from __future__ import annotations

from collections.abc import Callable

from memoryqa.asking.answers import Answer, read_offline
from memoryqa.asking.view import View
from memoryqa.lms.roles import LMChoice, LMSettings, keep_litellm_offline, resolve

Reader = Callable[[View, str, int, tuple[str, str] | None], Answer]
"""(chats, question, tokens of evidence at most, the question and answer that it follows from) -> the answer."""


def choose_reader(
    model: str | None = None, api_base: str | None = None, settings: LMSettings | None = None
) -> tuple[Reader, LMChoice]:
    """Who answers by these settings and the environment, and why. No network.

    Raises UsageError, and MissingExtraError when it is an LM and [ask] is not installed.
    """
    choice = resolve("task", model=model, api_base=api_base, settings=settings)
    if choice.offline or choice.model is None:
        return read_offline, choice
    keep_litellm_offline()  # before anything imports LiteLLM, which would fetch its price list
    from memoryqa.asking.program import LMReader

    return LMReader(choice), choice
