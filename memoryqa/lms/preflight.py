"""Checks an LM by one tiny call before a run, and reports every kind of failure in one line with the fix."""

from __future__ import annotations

import difflib
import http.client
import json
import logging
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from memoryqa.errors import StoppedError
from memoryqa.lms.roles import TOGETHER_KEYS, VLLM_KEYS, LMChoice, api_base_of, api_key, is_key_missing, model_of
from memoryqa.redaction import redact

if TYPE_CHECKING:
    import dspy
    from dspy.utils.exceptions import LMError

_ATTEMPTS = 3
_PAUSE_SEC = 0.5
_MAX_PROBE_TOKENS = 16
_MODELS_TIMEOUT_SEC = 3.0
_MAX_MODELS_SHOWN = 8
_DEFAULT_ADDRESS = {
    "openai": "https://api.openai.com/v1",
    "together_ai": "https://api.together.xyz/v1",
    "ollama": "http://localhost:11434/v1",
    "ollama_chat": "http://localhost:11434/v1",
    "hosted_vllm": "http://localhost:8000/v1",
}
_START_COMMAND = {"ollama": "`ollama serve`", "ollama_chat": "`ollama serve`", "hosted_vllm": "`vllm serve {name}`"}
_OVERFLOW_PHRASES = ("context length", "context window", "context size", "maximum context", "too many tokens", "n_ctx")


class LMUnavailable(StoppedError):  # noqa: N818 (it names a state, like StopIteration)
    """The LM of a role cannot answer. The message is one line: model, problem, fix; it never contains a secret."""


def preflight(lm: dspy.LM, choice: LMChoice, *, timeout_sec: float = 30.0) -> None:
    """Ask `lm` for one word, uncached. Returns when it can answer, raises LMUnavailable when it cannot.

    This takes seconds. Only a server that accepts connections and stays silent takes `timeout_sec` (long, because a
    local server may still be loading the model). After server errors and cut connections it tries twice more. A rate
    limit passes: the key and the address are right, and the run has its own retries. The offline reader needs no call.
    """
    if choice.offline:
        return
    if is_key_missing(choice.model or ""):
        raise LMUnavailable(_line(choice, "no API key", _export(choice, TOGETHER_KEYS[:1])))
    from dspy.utils.exceptions import LMError, LMRateLimitError

    probe = _probe(lm, timeout_sec)
    for attempt in range(_ATTEMPTS):
        try:
            with _quiet("dspy.clients.lm"):  # which would warn that the answer was cut, as intended
                probe("Reply with the word OK.")
        except LMRateLimitError:
            return
        except LMError as error:
            if not _may_pass(error) or attempt == _ATTEMPTS - 1:
                raise LMUnavailable(diagnose(error, choice)) from None  # the original may quote the key
            time.sleep(_PAUSE_SEC)
        else:
            return


def is_systemic(error: BaseException) -> bool:
    """Whether every further call would fail too (key, credit, model, no server): then stop the run."""
    from dspy.utils.exceptions import LMAuthError, LMBillingError, LMConfigurationError, LMUnsupportedModelError

    from memoryqa.lms.endpoint import is_unreachable

    hopeless = (LMAuthError, LMBillingError, LMConfigurationError, LMUnsupportedModelError)
    return isinstance(error, hopeless) or is_unreachable(error)


def is_context_overflow(error: BaseException) -> bool:
    """Whether the prompt was longer than the model's context window.

    DSPy recognises OpenAI's error code. For vLLM, llama.cpp and Together the text of a rejected request decides.
    """
    from dspy.utils.exceptions import ContextWindowExceededError, LMInvalidRequestError

    if isinstance(error, ContextWindowExceededError):
        return True
    text = str(error).lower()
    return isinstance(error, LMInvalidRequestError) and any(phrase in text for phrase in _OVERFLOW_PHRASES)


def diagnose(error: LMError, choice: LMChoice) -> str:
    """One line for a failed call: role, model, problem, fix; no secrets. A 404 makes it ask for the server's models."""
    from dspy.utils.exceptions import LMAuthError, LMBillingError, LMNotConfiguredError

    model = choice.model or ""
    provider, _, name = model.partition("/")
    address = choice.api_base or _DEFAULT_ADDRESS.get(provider, f"the {provider} API")
    if isinstance(error, LMNotConfiguredError):
        return _line(
            choice, "no API key", _export(choice, getattr(error, "env_keys", ()) or ("the provider's key variable",))
        )
    if isinstance(error, LMAuthError):
        return _line(choice, f"{address} rejected the API key ({error.status})", _key_advice(error, provider))
    if isinstance(error, LMBillingError):
        return _line(choice, f"{address} reports no credit left ({error.status})", "add credit or choose another model")
    if network := _network_problem(error, choice, address):
        return network
    if error.status == 404:
        return _not_found(choice, address, name)
    text = error.message or str(error)
    if "LLM Provider NOT provided" in text:
        return _line(
            choice,
            f"unknown provider {provider!r}",
            f"put the provider first: together_ai/{model}, or hosted_vllm/{model} with {api_base_of(choice.role)} URL",
        )
    status = f" ({error.status})" if error.status else ""
    return _line(choice, f"{address} answered with an error{status}: {_first_line(text)}", "see the server's log")


def _may_pass(error: LMError) -> bool:
    """Whether the error may pass: a server error or a cut connection, but no refused connection and no timeout."""
    from dspy.utils.exceptions import LMServerError, LMTransportError

    from memoryqa.lms.endpoint import causes, is_unreachable

    is_timeout = any(isinstance(cause, TimeoutError) for cause in causes(error))
    return isinstance(error, LMServerError | LMTransportError) and not is_timeout and not is_unreachable(error)


def _probe(lm: dspy.LM, timeout_sec: float) -> dspy.LM:
    """A copy of `lm` without cache, retries and long answers: a thinking model may need minutes for one word."""
    from memoryqa.lms.endpoint import EndpointLM

    probe = lm.copy(cache=False, num_retries=0, timeout=timeout_sec)
    if isinstance(probe, EndpointLM):
        probe.max_retries = 0
    if "max_tokens" in probe.kwargs:  # absent for OpenAI's reasoning models, which demand a large limit
        probe.kwargs["max_tokens"] = _MAX_PROBE_TOKENS
    return probe


@contextmanager
def _quiet(logger_name: str) -> Iterator[None]:
    logger = logging.getLogger(logger_name)
    was_disabled, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = was_disabled


def _network_problem(error: LMError, choice: LMChoice, address: str) -> str | None:
    from memoryqa.lms.endpoint import causes

    provider, _, name = (choice.model or "").partition("/")
    host = urlsplit(address).hostname or address
    start = _START_COMMAND.get(provider, "the server").format(name=name)
    for cause in causes(error):
        if isinstance(cause, ConnectionRefusedError):
            fix = f"start {start}, or give its address with {api_base_of(choice.role)} URL"
            return _line(choice, f"no server answers at {address} (connection refused)", fix)
        if isinstance(cause, socket.gaierror):
            fix = f"check the network and the address, or use {model_of(choice.role)} offline (no network needed)"
            return _line(choice, f"the host name {host} does not resolve", fix)
        if isinstance(cause, TimeoutError):
            fix = "try again if the server is still loading the model, else look at its log"
            return _line(choice, f"no answer in time from {address}", fix)
    return None


def _not_found(choice: LMChoice, address: str, name: str) -> str:
    served = _served_models(address, choice)
    if served and name not in served:
        shown = difflib.get_close_matches(name, served, n=_MAX_MODELS_SHOWN, cutoff=0.3) or served
        listed = ", ".join(shown[:_MAX_MODELS_SHOWN]) + (", ..." if len(served) > _MAX_MODELS_SHOWN else "")
        return _line(choice, f"{address} has no model {name!r} (404)", f"it has: {listed}")
    if not served and not address.endswith("/v1") and _served_models(f"{address}/v1", choice):
        return _line(
            choice, f"nothing at {address}/chat/completions (404)", f"write {api_base_of(choice.role)} {address}/v1"
        )
    if choice.model and choice.model.startswith("ollama"):
        return _line(choice, f"{address} has no model {name!r} (404)", f"run `ollama pull {name}`")
    fix = (
        f"check the model's name, and that {api_base_of(choice.role)} ends where /chat/completions begins (usually /v1)"
    )
    return _line(choice, f"{address} does not know {name!r} (404)", fix)


def _served_models(api_base: str, choice: LMChoice) -> list[str]:
    """The names that `GET <api_base>/models` lists; empty when it fails, because they only improve a message."""
    key = api_key(choice.model or "")
    request = urllib.request.Request(f"{api_base}/models", headers={"Authorization": f"Bearer {key}"} if key else {})
    try:
        with urllib.request.urlopen(request, timeout=_MODELS_TIMEOUT_SEC) as response:
            return [str(model["id"]) for model in json.load(response)["data"]]
    except urllib.error.HTTPError as error:
        error.close()
        return []
    except (OSError, ValueError, LookupError, TypeError, http.client.HTTPException):
        return []


def _key_advice(error: LMError, provider: str) -> str:
    names = {"hosted_vllm": VLLM_KEYS[:1], "together_ai": TOGETHER_KEYS[:1], "openai": ("OPENAI_API_KEY",)}
    variables = names.get(provider) or tuple(getattr(error, "env_keys", ()))
    return f"check the value of {' or '.join(variables)}" if variables else "check the key's environment variable"


def _export(choice: LMChoice, variables: tuple[str, ...]) -> str:
    return f"run `export {variables[0]}=<your key>`, or use {model_of(choice.role)} offline (needs no key)"


def _line(choice: LMChoice, problem: str, fix: str) -> str:
    return redact(f"{choice.role} LM {choice.model}: {problem}; {fix}")


def _first_line(text: str, max_chars: int = 200) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "no message")[:max_chars]
