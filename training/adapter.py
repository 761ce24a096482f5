"""How DSPy writes prompts and reads completions during training; the same in rollouts, validation and evaluation."""

from __future__ import annotations

from typing import Any

import dspy
from dspy.utils.exceptions import AdapterParseError


class TrainingAdapter(dspy.ChatAdapter):
    """DSPy's chat format without its second try in JSON, which would be another prompt than the one that is trained.

    A completion that has some fields and lacks others counts as unreadable as a whole: DSPy 3.4.1 divides two lists
    when it weighs the fields that are there (https://github.com/stanfordnlp/dspy/issues/10362), drops the rollout, and
    fills up its group with copies of others.
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
