"""Checks an LM by one tiny call before a run, and reports every kind of failure in one line with the fix."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from memoryqa.lms.catalogue import LMUnavailable as LMUnavailable
from memoryqa.lms.catalogue import address_of, served_models, shown_models
from memoryqa.lms.problems import (
    credentials_advice,
    encryption_problem,
    export,
    first_line,
    key_problem,
    lacks_credentials,
    limit_problem,
    line,
    missing_key,
    network_problem,
    page_problem,
    proxy_problem,
    redirect_problem,
    refused_setting,
)
from memoryqa.lms.providers import TOGETHER_KEYS
from memoryqa.lms.reasons import reason_of, says_no_credit
from memoryqa.lms.roles import LMChoice, api_base_of, is_key_missing, model_of

if TYPE_CHECKING:
    import dspy
    from dspy.utils.exceptions import LMError

_ATTEMPTS = 3
_PAUSE_SEC = 0.5
_MAX_PROBE_TOKENS = 16
_OVERFLOW_PHRASES = ("context length", "context window", "context size", "maximum context", "too many tokens", "n_ctx")
# what providers say of a model that they do not offer, or no longer
_GONE = re.compile(
    r"model\b.{0,160}\b(?:does not exist|not exist|not found|not supported|decommissioned|deprecated|retired|shut down"
    r"|discontinued|no longer (?:available|supported|served)|not (?:a )?valid|not available|not_found|invalid model)"
    r"|(?:unknown|no such|invalid|unable to access|unsupported)\b.{0,40}\bmodel|not a valid model|model_not_found"
    r"|model_decommissioned",
    re.I | re.S,
)
_NOT_THE_MODEL = re.compile(r"\b(?:temperature|max_tokens|max_completion_tokens|parameter|role|context length)\b", re.I)


def preflight(lm: dspy.LM, choice: LMChoice, *, timeout_sec: float = 30.0) -> None:
    """Ask `lm` for one word, uncached. Returns when it can answer, raises LMUnavailable when it cannot.

    This takes seconds. Only a server that accepts connections and stays silent takes `timeout_sec` (long, because a
    local server may still be loading the model). After server errors and cut connections it tries twice more. A rate
    limit passes: the key and the address are right, and the run has its own retries. The offline reader needs no call.
    """
    if choice.offline:
        return
    if is_key_missing(choice.model or ""):
        raise LMUnavailable(line(choice, "no API key", export(choice, TOGETHER_KEYS[:1])))
    from dspy.utils.exceptions import LMError, LMRateLimitError

    from memoryqa.lms.endpoint import CutReplyError

    probe = _probe(lm, timeout_sec)
    for attempt in range(_ATTEMPTS):
        try:
            with _quiet("dspy.clients.lm"):  # which would warn that the answer was cut, as intended
                probe("Reply with the word OK.")
        except (LMRateLimitError, CutReplyError):  # the second has answered, with a thought
            return
        except LMError as error:
            if not _may_pass(error) or attempt == _ATTEMPTS - 1:
                raise LMUnavailable(diagnose(error, choice)) from None  # the original may quote the key
            time.sleep(_PAUSE_SEC)
        else:
            return


def is_systemic(error: BaseException) -> bool:
    """Whether every further call would fail too (key, credit, model, no server): then stop the run."""
    from dspy.utils.exceptions import (
        LMAuthError,
        LMBillingError,
        LMConfigurationError,
        LMError,
        LMRateLimitError,
        LMUnsupportedModelError,
    )

    from memoryqa.lms.endpoint import is_unreachable

    hopeless = (LMAuthError, LMBillingError, LMConfigurationError, LMUnsupportedModelError)
    if isinstance(error, hopeless) or is_unreachable(error) or is_model_gone(error):
        return True
    # a rate limit may speak of a quota too, and passes
    return isinstance(error, LMError) and not isinstance(error, LMRateLimitError) and says_no_credit(error)


def is_model_gone(error: BaseException) -> bool:
    """Whether the provider does not offer the model, or no longer: by status, code, or what it says."""
    from dspy.utils.exceptions import ContextWindowExceededError, LMProviderError, LMUnsupportedModelError

    if isinstance(error, LMUnsupportedModelError):
        return True
    if not isinstance(error, LMProviderError) or isinstance(error, ContextWindowExceededError):
        return False
    if error.status in (404, 410):
        return True
    text = f"{error.provider_code or ''} {error.message}"
    may_be = error.status in (200, 400, 403, 422, None)
    return may_be and _GONE.search(text) is not None and _NOT_THE_MODEL.search(text) is None


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
    """One line for a failed call: role, model, problem, fix; no secrets. A 404 makes it ask for the server's models.

    Never raises: what explains a failure must not become one.
    """
    try:
        return _diagnose(error, choice)
    except Exception as second:  # noqa: BLE001
        said = first_line(error.message or str(error))
        return line(choice, f"failed: {said}", f"no further advice ({type(second).__name__})")


def _diagnose(error: LMError, choice: LMChoice) -> str:
    from dspy.utils.exceptions import LMAuthError, LMBillingError, LMNotConfiguredError

    model = choice.model or ""
    provider, _, name = model.partition("/")
    address = address_of(choice) or f"the {provider} API"
    if isinstance(error, LMNotConfiguredError):
        return missing_key(error, choice)
    text = reason_of(error)
    first = (  # a page before the network: a gateway's 504 is a timeout too
        page_problem(text, error, choice, address)
        or redirect_problem(error, choice, address)
        or network_problem(error, choice, address)
        or encryption_problem(text, choice, address)
        or proxy_problem(text, choice, address)
    )
    if first:
        return first
    if lacks_credentials(text):
        return line(choice, f"no credentials for {provider}", credentials_advice(provider))
    if isinstance(error, LMAuthError) and not (error.status == 403 and is_model_gone(error)):
        return key_problem(error, choice, address)
    if isinstance(error, LMBillingError) or (error.status != 429 and says_no_credit(error)):
        status = "" if error.status == 200 else f" ({error.status})"
        said = "" if error.status != 200 else f": {first_line(text)}"
        return line(choice, f"{address} reports no credit left{status}{said}", "add credit or choose another model")
    if is_model_gone(error):
        return _not_found(choice, address, name, error.status or 404, text)
    if "LLM Provider NOT provided" in text:
        return line(
            choice,
            f"unknown provider {provider!r}",
            f"put the provider first: together_ai/{model}, or hosted_vllm/{model} with {api_base_of(choice.role)} URL",
        )
    if known := refused_setting(text, choice) or limit_problem(error, choice, address):
        return known
    status = f" ({error.status})" if error.status else ""
    return line(choice, f"{address} answered with an error{status}: {first_line(text)}", "see the server's log")


def _may_pass(error: LMError) -> bool:
    """Whether the error may pass: a server error or a cut connection, but no refused connection and no timeout."""
    from dspy.utils.exceptions import LMServerError, LMTransportError

    from memoryqa.lms.endpoint import is_unreachable
    from memoryqa.lms.reasons import causes

    is_timeout = any(isinstance(cause, TimeoutError) for cause in causes(error))
    return isinstance(error, LMServerError | LMTransportError) and not is_timeout and not is_unreachable(error)


def _probe(lm: dspy.LM, timeout_sec: float) -> dspy.LM:
    """A copy of `lm` without cache, retries and long answers: a thinking model may need minutes for one word."""
    from memoryqa.lms.endpoint import EndpointLM

    probe = lm.copy(cache=False, num_retries=0, timeout=timeout_sec)
    if isinstance(probe, EndpointLM):
        probe.max_retries, probe.more_tokens = 0, None
    if probe.kwargs.get("max_tokens"):  # absent for OpenAI's reasoning models, which demand a large limit
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


def _not_found(choice: LMChoice, address: str, name: str, status: int, text: str) -> str:
    served = served_models(address, choice)
    if served and name not in served:
        listed = shown_models(served, name)
        return line(choice, f"{address} has no model {name!r} ({status})", f"it has: {listed}")
    is_url = address.startswith("http")
    if not served and is_url and not address.endswith("/v1") and served_models(f"{address}/v1", choice):
        return line(
            choice,
            f"nothing at {address}/chat/completions ({status})",
            f"write {api_base_of(choice.role)} {address}/v1",
        )
    if choice.model and choice.model.startswith("ollama"):
        return line(choice, f"{address} has no model {name!r} ({status})", f"run `ollama pull {name}`")
    if status not in (404, 410):
        fix = f"choose another model by {model_of(choice.role)}"
        return line(choice, f"{address} does not offer {name!r} ({status}): {first_line(text)}", fix)
    fix = (
        f"check the model's name, and that {api_base_of(choice.role)} ends where /chat/completions begins (usually /v1)"
    )
    return line(choice, f"{address} does not know {name!r} ({status})", fix)
