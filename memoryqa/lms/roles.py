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
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from memoryqa.errors import UsageError, missing_extras_named
from memoryqa.lms.addresses import holds_address, read_address, unquoted
from memoryqa.lms.identity import LMChoice as LMChoice
from memoryqa.lms.identity import LMSettings as LMSettings
from memoryqa.lms.identity import Role as Role
from memoryqa.lms.providers import CUSTOMERS_OWN, DEFAULTS, OPENAI_PROTOCOL, TOGETHER_KEYS, DefaultModel, provider_named
from memoryqa.offline_reader import OFFLINE_MODEL
from memoryqa.redaction import redact
from memoryqa.replies.form import ReplyForm

if TYPE_CHECKING:
    import dspy

OPENAI_DEFAULT = DEFAULTS["OPENAI_API_KEY"][0].model
TOGETHER_DEFAULT = DEFAULTS["TOGETHER_API_KEY"][0].model

# Role -> the setting and the environment variable that name its LM, in order of precedence. Messages write settings
# between backticks; scripts make flags of them (harness/flags.py::with_flags).
_SOURCES: dict[Role, tuple[str, str]] = {
    "task": ("model", "MEMORY_MODEL"),
    "judge": ("judge_model", "MEMORY_JUDGE_MODEL"),
    "prompt": ("prompt_model", "MEMORY_PROMPT_MODEL"),
    "compaction": ("compaction_model", "MEMORY_COMPACTION_MODEL"),
    "index": ("tag_model", "MEMORY_INDEX_MODEL"),
}
_REASONING_MIN_TOKENS = 16_000  # DSPy refuses less
# tokens of a reply by role: a short phrase, a sentence, the tags of a session; a model that rambles stops there
_USUAL_TOKENS: dict[Role, int] = {"task": 1_024, "judge": 1_024, "index": 2_048, "compaction": 2_048, "prompt": 4_096}
_THINKING_TOKENS = 16_000  # room for thoughts before them
_USUAL_TIMEOUT_SEC, _THINKING_TIMEOUT_SEC = 120.0, 600.0


def resolve(
    role: Role,
    *,
    model: str | None = None,
    api_base: str | None = None,
    task: LMChoice | None = None,
    settings: LMSettings | None = None,
) -> LMChoice:
    """Decide on the LM of `role` by `model`, `api_base` and the environment, without network and without DSPy.

    task: `model` > MEMORY_MODEL > Together if TOGETHER_API_KEY > OpenAI if OPENAI_API_KEY > the offline reader.
    judge: `model` > MEMORY_JUDGE_MODEL > none.
    prompt: `model` > MEMORY_PROMPT_MODEL > that of `task`, the task role's choice.
    compaction: `model` > MEMORY_COMPACTION_MODEL > none.
    index: `model` > MEMORY_INDEX_MODEL > none.
    The model "offline" is the offline reader. A model that only a key decides on is the newest small one known here;
    `memoryqa.lms.catalogue.settle` replaces it by the first that the provider offers.
    Raises UsageError, one line with the fix, for a model without provider, and for an unusable `api_base` or key.
    """
    settings = settings or LMSettings()
    setting, variable = model_of(role), _SOURCES[role][1]
    if model:
        return _choice(role, model, api_base, setting, settings)
    if from_environment := _environment(variable):
        return _choice(role, from_environment, api_base, variable, settings)
    if role == "prompt":
        task = task or resolve("task", api_base=api_base)
        reason = f"the task LM, no {setting} or {variable} is set"
        return replace(task, role=role, reason=reason, settings=_merged(settings, task.settings))
    if api_base:
        raise UsageError(
            f"{api_base_of(role)} {redact(api_base)}: say which model to ask there, e.g. {setting} hosted_vllm/NAME"
        )
    if role != "task":
        return LMChoice(role, None, None, f"no {setting} or {variable} is set")
    for key in DEFAULTS:
        if _environment(key):
            return _default(role, key, f"{key} is set, no {setting} or {variable}", settings)
    reason = f"no {setting}, {variable}, TOGETHER_API_KEY or OPENAI_API_KEY is set"
    return LMChoice(role, OFFLINE_MODEL, None, reason, offline=True)


def _default(role: Role, key: str, reason: str, settings: LMSettings) -> LMChoice:
    first, *others = DEFAULTS[key]
    choice = _choice(role, first.model, None, reason, settings_of_default(first, settings))
    return replace(choice, alternatives=tuple(one.model for one in others))


def settings_of_default(default: DefaultModel, given: LMSettings) -> LMSettings:
    """The settings that a default model needs, under those that were given."""
    return _merged(given, LMSettings(reasoning=default.reasoning, reasoning_effort=default.effort))


def _merged(given: LMSettings, otherwise: LMSettings) -> LMSettings:
    names = ("max_tokens", "timeout_sec", "reasoning_effort", "reasoning", "num_ctx", "structured")
    chosen = {name: getattr(given, name) for name in names}
    return LMSettings(**{name: getattr(otherwise, name) if one is None else one for name, one in chosen.items()})


def describe(choice: LMChoice) -> str:
    """One line for people: the role, its LM, its address, and the reason. Contains no secrets."""
    if choice.offline:
        what = "offline extractive reader (no LM)"
    elif choice.model is None:
        what = "none"
    else:
        what = choice.identity
    return redact(f"{choice.role} LM: {what} — {choice.reason}")


def build(
    choice: LMChoice,
    *,
    temperature: float = 0.0,
    max_tokens: int | None = None,
    timeout_sec: float | None = None,
    num_retries: int = 8,
    retry_deadline_sec: float = 180.0,
    cache: bool = True,
) -> dspy.LM:
    """Build the `dspy.LM` of `choice`, without a call. The settings of `choice` precede the arguments.

    Rate limits, timeouts, 5xx and cut connections are retried up to `num_retries` times, but no attempt starts later
    than `retry_deadline_sec` after the first: a call lasts at most `retry_deadline_sec + timeout_sec`, whatever bytes
    the server sends meanwhile. Answers are cached per model, address and prompt. Without `max_tokens` a reply may have
    1,024 tokens (tags and summaries 2,048, proposals of prompts 4,096), and that of a model that thinks first 16,000; a
    model that turns out to think gets the larger limit. Other models than those that think are stopped at DSPy's end
    mark.
    Reasoning models of OpenAI's, whoever serves them, accept only their own temperature and at least 16,000 tokens, so
    for them `temperature` is not sent and `max_tokens` is raised.
    Raises UsageError when the role has no LM or a setting is not for it, and MissingExtraError without the extra [ask].
    The offline reader ignores all settings.
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
    thinks = choice.thinks or is_reasoning_model(choice)
    usual = max(max_tokens or 0, _THINKING_TOKENS) if thinks else max_tokens or _USUAL_TOKENS[choice.role]
    limit = choice.settings.max_tokens or usual
    timeout = choice.settings.timeout_sec or timeout_sec
    lm = EndpointLM(
        _wire_model(choice),
        max_retries=num_retries,
        retry_deadline_sec=retry_deadline_sec,
        cache=cache,
        address=choice.address,
        more_tokens=None if choice.settings.max_tokens else _THINKING_TOKENS,
        timeout=timeout or (_THINKING_TIMEOUT_SEC if thinks else _USUAL_TIMEOUT_SEC),
        form=_form(choice, thinks),
        **_sampling(choice, temperature, limit),
        **_connection(choice),
    )
    if choice.settings.reasoning is False and lm.kwargs.get("max_tokens") is None:  # a name that only looks like one
        lm.kwargs.pop("max_completion_tokens", None)
        lm.kwargs |= {"temperature": temperature, "max_tokens": limit}
    return lm


def most_reply_tokens(choice: LMChoice | None) -> int:
    """Tokens of a reply that the server lets the LM of `choice` write, thoughts included; 0 without an LM. A model that
    turns out to think gets more, where `max_tokens` is not set."""
    if choice is None or choice.model is None or choice.offline:
        return 0
    kwargs = build(choice).kwargs
    return int(kwargs.get("max_tokens") or kwargs.get("max_completion_tokens") or _THINKING_TOKENS)


def _form(choice: LMChoice, thinks: bool) -> ReplyForm:
    """A thought may hold the end mark, and so may a prompt that is proposed; tags are never asked for twice."""
    return ReplyForm(
        stops=not thinks and choice.role in ("task", "judge"),
        structured=bool(choice.settings.structured),
        bounds_texts=choice.is_elsewhere,
    )


def _sampling(choice: LMChoice, temperature: float, max_tokens: int) -> dict[str, Any]:
    """Temperature, limit and effort as the model takes them."""
    settings = choice.settings
    effort = {} if settings.reasoning_effort is None else {"reasoning_effort": settings.reasoning_effort}
    if _known_to_dspy(choice):
        enough = max(max_tokens, _REASONING_MIN_TOKENS)
        return {"temperature": None, "max_tokens": None if settings.reasoning is False else enough, **effort}
    if settings.reasoning:  # an alias: DSPy does not know what is behind it
        return {"temperature": None, "max_completion_tokens": max(max_tokens, _REASONING_MIN_TOKENS), **effort}
    return {"temperature": temperature, "max_tokens": max_tokens, **effort}


def is_reasoning_model(choice: LMChoice) -> bool:
    """Whether it is a reasoning model of OpenAI's: by the setting, else by its name, as DSPy knows it."""
    return _known_to_dspy(choice) if choice.settings.reasoning is None else choice.settings.reasoning


def _known_to_dspy(choice: LMChoice) -> bool:
    from dspy.clients.lm import _is_openai_reasoning_model

    return bool(_is_openai_reasoning_model(choice.model or ""))


def keep_litellm_offline() -> None:
    """Have LiteLLM use the price list that it brings; without this its import fetches one from the network."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")


def configure(lm: dspy.LM, *, num_threads: int = 8) -> None:
    """Make `lm` DSPy's default, on the main thread. Limits history and traces: by default DSPy keeps every prompt."""
    with missing_extras_named("an LM"):
        import dspy

        from memoryqa.replies.adapter import ReplyAdapter

    dspy.configure(
        lm=lm,
        num_threads=num_threads,
        track_usage=True,
        trace=None,
        max_history_size=200,
        adapter=ReplyAdapter(),
        warn_on_type_mismatch=False,  # optimizers pass strings for floats and lists: dozens of harmless warnings
    )


def api_key(model: str) -> str | None:
    """The key to send with `model`, without the spaces and line ends around it; None leaves it to DSPy.

    Raises UsageError for a key with a line break or space inside, which no server takes; the message does not show it.
    """
    name = model.partition("/")[0]
    ours = name in ("hosted_vllm", "openai")  # DSPy does not look for these under every name
    for variable in _key_variables(name):
        raw = os.environ.get(variable, "")
        key = unquoted(raw)
        if not key:
            continue
        if not key.isprintable() or " " in key or not key.isascii():
            raise UsageError(f"{variable} has a line break or another character that no key has: copy the key again")
        return key if ours or key != raw else None
    return None


def _key_variables(provider: str) -> list[str]:
    """The variables that may hold a key of `provider`: those known, and PERPLEXITYAI_API_KEY for `perplexity`."""
    known = provider_named(provider).keys
    lead = provider.upper().replace("-", "_")
    alike = (name for name in sorted(os.environ) if name.startswith(lead) and name.endswith("_API_KEY"))
    return list(dict.fromkeys((*known, *alike)))


def any_key(model: str) -> str | None:
    """The key of the provider of `model`, wherever it is sent; None without one."""
    found = (_environment(variable) for variable in _key_variables(model.partition("/")[0]))
    return next((unquoted(key) for key in found if key), None)


def is_key_missing(model: str) -> bool:
    """Whether a Together model has no key. DSPy checks the keys of other providers itself, before it connects."""
    return model.startswith("together_ai/") and not any(_environment(name) for name in TOGETHER_KEYS)


def model_of(role: Role) -> str:
    """How a message names the setting of the role's model."""
    return f"`{_SOURCES[role][0]}`"


def api_base_of(role: Role) -> str:
    """How a message names the setting of the role's server."""
    return model_of(role).replace("model", "api_base")


def _choice(role: Role, model: str, api_base: str | None, reason: str, settings: LMSettings) -> LMChoice:
    if model in ("offline", OFFLINE_MODEL):
        if api_base:
            raise UsageError(f"{reason} offline asks no server: drop {api_base_of(role)} {redact(api_base)}")
        return LMChoice(role, OFFLINE_MODEL, None, reason, offline=True)
    provider, _, name = model.partition("/")
    if not provider or not name:
        raise UsageError(f"{reason} {model!r} names no provider: write {_with_provider(role, model.strip('/'))}")
    if settings.num_ctx is not None and not provider.startswith("ollama"):
        raise UsageError(f"{reason} {model!r}: only Ollama takes a window with a request: drop `num_ctx`")
    given = _normalised_api_base(api_base_of(role), provider, api_base) if api_base else None
    from_environment, is_raw = (None, True) if given else _address_in_environment(provider)
    if provider in OPENAI_PROTOCOL or not is_raw:  # who reads the variable reads what is around the address too
        given = given or from_environment
    if settings.num_ctx is not None and given:  # Ollama takes it in its own protocol only
        given = given.removesuffix("/v1")
    return LMChoice(role, model, given, reason, from_environment=_tidy(from_environment), settings=settings)


def _tidy(address: str | None) -> str | None:
    return None if address is None else redact(address.rstrip("/"))


def _with_provider(role: Role, name: str) -> str:
    for pattern, provider in (("gpt|chatgpt|o[1345]", "openai"), ("claude", "anthropic"), ("gemini", "gemini")):
        if re.match(rf"(?:{pattern})(?:[-.\d]|$)", name):
            return f"{provider}/{name}"
    name = name or "NAME"
    return f"ollama_chat/{name}, or hosted_vllm/{name} with {api_base_of(role)} URL, or {OPENAI_DEFAULT}"


def _address_in_environment(provider: str) -> tuple[str | None, bool]:
    """The address that a variable of `provider` holds, or its region, and whether the variable holds just that."""
    for variable in provider_named(provider).addresses:
        if not (found := _environment(variable)):
            continue
        if not holds_address(variable):
            return found, True
        address = _normalised_api_base(variable, provider, found)
        return address, address == os.environ[variable].rstrip("/")
    return None, True


def _normalised_api_base(source: str, provider: str, written: str) -> str:
    ours = provider not in CUSTOMERS_OWN and provider not in ("huggingface", "watsonx")
    address = read_address(written, source, ours=ours).rstrip("/")
    # Ollama's own documentation gives the address without /v1, where its OpenAI-compatible service is
    return f"{address}/v1" if provider.startswith("ollama") and not urlsplit(address).path.strip("/") else address


def _wire_model(choice: LMChoice) -> str:
    """The name for DSPy: `openai/` sends max_completion_tokens, which other servers ignore; `hosted_vllm/` does not."""
    model = choice.model or ""
    provider, _, name = model.partition("/")
    if choice.settings.num_ctx is not None:
        return f"ollama_chat/{name}"
    own_server = choice.api_base is not None and choice.is_elsewhere
    if provider == "openai" and own_server and not _known_to_dspy(choice) and not choice.settings.reasoning:
        return f"hosted_vllm/{name}"
    return model


def _connection(choice: LMChoice) -> dict[str, Any]:
    connection: dict[str, Any] = {"api_base": choice.api_base, "api_key": api_key(choice.model or "")}
    if choice.settings.num_ctx is not None:
        connection |= {"num_ctx": choice.settings.num_ctx, "engine": "litellm"}
    return {name: value for name, value in connection.items() if value is not None}


def those_set(variables: Iterable[str]) -> list[str]:
    """Which of these environment variables have a value."""
    return [name for name in variables if _environment(name)]


def _environment(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None
