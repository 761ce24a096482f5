"""Who an LM is: model, address, sampling. Cache, resume, manifest, verdict files and messages all take it from here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from memoryqa.lms.providers import CUSTOMERS_OWN

Role = Literal["task", "judge", "prompt", "compaction", "index"]
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")
# Models of open weights that think before they answer, by their usual names; DSPy knows OpenAI's.
_THINKERS = re.compile(
    r"(?:^|[/:._-])(?:deepseek-?r\d|qwq|qvq|qwen3(?!.*(?:instruct|coder))|magistral|gpt-oss|glm-(?:4\.[5-9]|[5-9])|minimax-m\d"
    r"|kimi-k\d(?!.*instruct)|phi-4.*reasoning|.*(?:thinking|reasoner|reasoning))",
    re.I,
)


@dataclass(frozen=True, slots=True)
class LMSettings:
    """How an LM is asked; None leaves it to what the model needs (`build`).

    max_tokens: of one reply, thoughts included. timeout_sec: of one call, from sending to the last byte.
    reasoning_effort: for models that have it. reasoning: True for a reasoning model of OpenAI's under another name,
    False for another model under such a name. num_ctx: the window to ask of Ollama, in tokens. structured: have the
    server enforce the form of replies, as JSON of a schema.
    """

    max_tokens: int | None = None
    timeout_sec: float | None = None
    reasoning_effort: str | None = None
    reasoning: bool | None = None
    num_ctx: int | None = None
    structured: bool | None = None


@dataclass(frozen=True, slots=True)
class LMChoice:
    """The LM of one role. `model`: a LiteLLM string, OFFLINE_MODEL, or None (no LM). `reason`: what decided on it.

    api_base: the address that DSPy is given. address: where the calls go, also when an environment variable of the
    provider decides; None at the provider's own. alternatives: the models to take, in this order, when the provider
    does not offer `model`, which nobody named.
    """

    role: Role
    model: str | None
    api_base: str | None
    reason: str
    offline: bool = False
    from_environment: str | None = None
    settings: LMSettings = field(default=LMSettings())
    alternatives: tuple[str, ...] = ()

    @property
    def address(self) -> str | None:
        return self.api_base or self.from_environment

    @property
    def identity(self) -> str:
        """The LM in one line: answers belong together only if they have the same.

        A token limit is not part of it: what was cut may be asked for again with a larger one.
        """
        name = str(self.model) + (f" at {self.address}" if self.address else "")
        effort = self.settings.reasoning_effort
        how = [f"reasoning effort {effort}"] if effort else []
        how += ["structured"] if self.settings.structured else []
        return f"{name} ({', '.join(how)})" if how else name

    @property
    def record(self) -> dict[str, object]:
        """What a run's config says of the LM besides its model, and what its answers depend on; nothing where usual.

        An address that a flag gave is in the config already.
        """
        known = {
            "address": None if self.api_base and not self.from_environment else self.address,
            "reasoning_effort": self.settings.reasoning_effort,
            "structured": self.settings.structured or None,
        }
        return {name: value for name, value in known.items() if value is not None}

    @property
    def provider(self) -> str:
        """The first part of the model's name."""
        return (self.model or "").partition("/")[0]

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is served at another address than its provider's, so that the provider's prices say nothing."""
        if self.address is None or self.provider in CUSTOMERS_OWN:
            return False
        return not (urlsplit(self.address).hostname or "").endswith("openai.com")

    @property
    def thinks(self) -> bool:
        """Whether the model is known to think before it answers, so that it needs more tokens and time."""
        name = self.model or ""
        return bool(self.settings.reasoning or self.settings.reasoning_effort or _THINKERS.search(name))
