"""Decides which LM plays which role, and builds it. Only this module reads the environment variables about LMs.

    choice = resolve("task", model=args.model, api_base=args.api_base)  # flags and environment -> a decision
    print(describe(choice), file=sys.stderr)
    lm = build(choice)  # the decision -> dspy.LM
    preflight(lm, choice)  # memoryqa/lms/preflight.py: one call, LMUnavailable with the fix
    configure(lm)

Roles: `task` answers the questions, `judge` grades the answers, `prompt` writes prompts for an optimizer, `compaction`
summarises what leaves the memory, `index` writes words by which turns are found. Only the task always has an LM:
without a key it is the offline extractive reader.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from memoryqa.errors import UsageError, missing_extras_named
from memoryqa.offline_reader import OFFLINE_MODEL
from memoryqa.redaction import redact

if TYPE_CHECKING:
    import dspy

Role = Literal["task", "judge", "prompt", "compaction", "index"]

OPENAI_DEFAULT = "openai/gpt-4o-mini"  # the reader that most LoCoMo papers use
TOGETHER_DEFAULT = "together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo"
TOGETHER_KEYS = ("TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN")
VLLM_KEYS = ("HOSTED_VLLM_API_KEY", "VLLM_API_KEY")

# Role -> the setting and the environment variable that name its LM, in order of precedence. Messages write settings
# between backticks; scripts make flags of them (harness/flags.py::with_flags).
_SOURCES: dict[Role, tuple[str, str]] = {
    "task": ("model", "MEMORY_MODEL"),
    "judge": ("judge_model", "MEMORY_JUDGE_MODEL"),
    "prompt": ("prompt_model", "MEMORY_PROMPT_MODEL"),
    "compaction": ("compaction_model", "MEMORY_COMPACTION_MODEL"),
    "index": ("tag_model", "MEMORY_INDEX_MODEL"),
}
# OpenAI's reasoning models, for which DSPy requires other settings; as in dspy/clients/lm.py of 3.4.1 (private there)
_REASONING_MODEL = re.compile(
    r"^openai/(?:.*/)?(?:o[1345](?:-(?:mini|nano|pro))?(?:-\d{4}-\d{2}-\d{2})?|gpt-5(?:\.\d+)*(?!-chat)(?:-.*)?)$"
)
_REASONING_MIN_TOKENS = 16_000


@dataclass(frozen=True, slots=True)
class LMChoice:
    """The LM of one role. `model`: a LiteLLM string, OFFLINE_MODEL, or None (no LM). `reason`: what decided on it."""

    role: Role
    model: str | None
    api_base: str | None
    reason: str
    offline: bool = False


def resolve(
    role: Role, *, model: str | None = None, api_base: str | None = None, task: LMChoice | None = None
) -> LMChoice:
    """Decide on the LM of `role` by `model`, `api_base` and the environment, without network and without DSPy.

    task: `model` > MEMORY_MODEL > Together if TOGETHER_API_KEY > OpenAI if OPENAI_API_KEY > the offline reader.
    judge: `model` > MEMORY_JUDGE_MODEL > none.
    prompt: `model` > MEMORY_PROMPT_MODEL > that of `task`, the task role's choice.
    compaction: `model` > MEMORY_COMPACTION_MODEL > none.
    index: `model` > MEMORY_INDEX_MODEL > none.
    The model "offline" is the offline reader.
    Raises UsageError, one line with the fix, for a model without provider and for an unusable `api_base`.
    """
    setting, variable = model_of(role), _SOURCES[role][1]
    if model:
        return _choice(role, model, api_base, setting)
    if from_environment := _environment(variable):
        return _choice(role, from_environment, api_base, variable)
    if role == "prompt":
        task = task or resolve("task", api_base=api_base)
        return replace(task, role=role, reason=f"the task LM, no {setting} or {variable} is set")
    if api_base:
        raise UsageError(
            f"{api_base_of(role)} {redact(api_base)}: say which model to ask there, e.g. {setting} hosted_vllm/NAME"
        )
    if role != "task":
        return LMChoice(role, None, None, f"no {setting} or {variable} is set")
    if _environment("TOGETHER_API_KEY"):
        return _choice(role, TOGETHER_DEFAULT, None, f"TOGETHER_API_KEY is set, no {setting} or {variable}")
    if _environment("OPENAI_API_KEY"):
        return _choice(role, OPENAI_DEFAULT, None, f"OPENAI_API_KEY is set, no {setting} or {variable}")
    reason = f"no {setting}, {variable}, TOGETHER_API_KEY or OPENAI_API_KEY is set"
    return LMChoice(role, OFFLINE_MODEL, None, reason, offline=True)


def describe(choice: LMChoice) -> str:
    """One line for people: the role, its LM, its address, and the reason. Contains no secrets."""
    if choice.offline:
        what = "offline extractive reader (no LM)"
    elif choice.model is None:
        what = "none"
    else:
        what = f"{choice.model} at {choice.api_base}" if choice.api_base else choice.model
    return redact(f"{choice.role} LM: {what} — {choice.reason}")


def build(
    choice: LMChoice,
    *,
    temperature: float = 0.0,
    max_tokens: int = 2048,  # room for a chain of thought before a one-line answer
    timeout_sec: float = 60.0,
    num_retries: int = 8,
    retry_deadline_sec: float = 180.0,
    cache: bool = True,
) -> dspy.LM:
    """Build the `dspy.LM` of `choice`, without a call.

    Rate limits, timeouts, 5xx and cut connections are retried up to `num_retries` times, but no attempt starts later
    than `retry_deadline_sec` after the first: a call lasts at most `retry_deadline_sec + timeout_sec`. Answers are
    cached per model, endpoint and prompt. OpenAI's reasoning models accept only their own temperature and at least
    16,000 tokens, so for them `temperature` is not sent and `max_tokens` is raised.
    Raises UsageError when the role has no LM, and MissingExtraError without the extra [ask]. The offline reader ignores
    all settings.
    """
    if choice.model is None:
        raise UsageError(f"the {choice.role} role has no LM: {choice.reason}")
    if choice.offline:
        from memoryqa.offline_reader.engine import offline_lm

        return offline_lm()
    keep_litellm_offline()
    with missing_extras_named("an LM"):
        from memoryqa.lms.endpoint import EndpointLM, separate_endpoints_in_cache

    if cache:
        separate_endpoints_in_cache()
    reasoning = _REASONING_MODEL.match(choice.model) is not None
    return EndpointLM(
        _wire_model(choice),
        temperature=None if reasoning else temperature,
        max_tokens=max(max_tokens, _REASONING_MIN_TOKENS) if reasoning else max_tokens,
        timeout=timeout_sec,
        max_retries=num_retries,
        retry_deadline_sec=retry_deadline_sec,
        cache=cache,
        **_connection(choice),
    )


def keep_litellm_offline() -> None:
    """Have LiteLLM use the price list that it brings; without this its import fetches one from the network."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")


def configure(lm: dspy.LM, *, num_threads: int = 8) -> None:
    """Make `lm` DSPy's default, on the main thread. Limits history and traces: by default DSPy keeps every prompt."""
    with missing_extras_named("an LM"):
        import dspy

    dspy.configure(
        lm=lm,
        num_threads=num_threads,
        track_usage=True,
        trace=None,
        max_history_size=200,
        warn_on_type_mismatch=False,  # optimizers pass strings for floats and lists: dozens of harmless warnings
    )


def api_key(model: str) -> str | None:
    """The key to send with `model` where DSPy may not find it itself; None leaves it to DSPy."""
    names = {"hosted_vllm": VLLM_KEYS, "openai": ("OPENAI_API_KEY",)}.get(model.partition("/")[0], ())
    return next((value for name in names if (value := _environment(name))), None)


def is_key_missing(model: str) -> bool:
    """Whether a Together model has no key. DSPy checks the keys of other providers itself, before it connects."""
    return model.startswith("together_ai/") and not any(_environment(name) for name in TOGETHER_KEYS)


def model_of(role: Role) -> str:
    """How a message names the setting of the role's model."""
    return f"`{_SOURCES[role][0]}`"


def api_base_of(role: Role) -> str:
    """How a message names the setting of the role's server."""
    return model_of(role).replace("model", "api_base")


def _choice(role: Role, model: str, api_base: str | None, reason: str) -> LMChoice:
    if model in ("offline", OFFLINE_MODEL):
        if api_base:
            raise UsageError(f"{reason} offline asks no server: drop {api_base_of(role)} {redact(api_base)}")
        return LMChoice(role, OFFLINE_MODEL, None, reason, offline=True)
    provider, _, name = model.partition("/")
    if not provider or not name:
        raise UsageError(f"{reason} {model!r} names no provider: write {_with_provider(role, model.strip('/'))}")
    if provider == "openai":
        api_base = api_base or _environment("OPENAI_BASE_URL") or _environment("OPENAI_API_BASE")
    return LMChoice(role, model, _normalised_api_base(role, provider, api_base), reason)


def _with_provider(role: Role, name: str) -> str:
    for pattern, provider in (("gpt|chatgpt|o[1345]", "openai"), ("claude", "anthropic"), ("gemini", "gemini")):
        if re.match(rf"(?:{pattern})(?:[-.\d]|$)", name):
            return f"{provider}/{name}"
    name = name or "NAME"
    return f"ollama_chat/{name}, or hosted_vllm/{name} with {api_base_of(role)} URL, or {OPENAI_DEFAULT}"


def _normalised_api_base(role: Role, provider: str, api_base: str | None) -> str | None:
    if not api_base:
        return None
    parts = urlsplit(api_base)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(f"{api_base_of(role)} {redact(api_base)}: write a whole URL, e.g. http://localhost:8000/v1")
    if parts.username or parts.password:  # DSPy's client would resolve all of it as a host name
        raise UsageError(
            f"{api_base_of(role)} {redact(api_base)}: no name or password in the URL; a key goes into the environment"
        )
    api_base = api_base.rstrip("/")
    # Ollama's own documentation gives the address without /v1, where its OpenAI-compatible service is
    return f"{api_base}/v1" if provider.startswith("ollama") and not parts.path.strip("/") else api_base


def _wire_model(choice: LMChoice) -> str:
    """The name for DSPy: `openai/` sends max_completion_tokens, which other servers ignore; `hosted_vllm/` does not."""
    model = choice.model or ""
    provider, _, name = model.partition("/")
    own_server = choice.api_base is not None and not (urlsplit(choice.api_base).hostname or "").endswith("openai.com")
    if provider == "openai" and own_server and not _REASONING_MODEL.match(model):
        return f"hosted_vllm/{name}"
    return model


def _connection(choice: LMChoice) -> dict[str, Any]:
    connection = {"api_base": choice.api_base, "api_key": api_key(choice.model or "")}
    return {name: value for name, value in connection.items() if value is not None}


def _environment(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None
