"""Checks an LM by one tiny call before a run, and reports every kind of failure in one line with the fix."""

from __future__ import annotations

import logging
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from memoryqa.lms.catalogue import LMUnavailable as LMUnavailable
from memoryqa.lms.catalogue import address_of, served_models, shown_models
from memoryqa.lms.providers import TOGETHER_KEYS, VLLM_KEYS, provider_named
from memoryqa.lms.reasons import reason_of
from memoryqa.lms.roles import LMChoice, api_base_of, is_key_missing, model_of
from memoryqa.redaction import redact

if TYPE_CHECKING:
    import dspy
    from dspy.utils.exceptions import LMError

_ATTEMPTS = 3
_PAUSE_SEC = 0.5
_MAX_PROBE_TOKENS = 16
_START_COMMAND = {"ollama": "`ollama serve`", "ollama_chat": "`ollama serve`", "hosted_vllm": "`vllm serve {name}`"}
_OVERFLOW_PHRASES = ("context length", "context window", "context size", "maximum context", "too many tokens", "n_ctx")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
# what providers say of a model that they do not offer, or no longer
_GONE = re.compile(
    r"model\b.{0,160}\b(?:does not exist|not exist|not found|not supported|decommissioned|deprecated|retired|shut down"
    r"|discontinued|no longer (?:available|supported|served)|not (?:a )?valid|not available|not_found|invalid model)"
    r"|(?:unknown|no such|invalid|unable to access|unsupported)\b.{0,40}\bmodel|not a valid model|model_not_found"
    r"|model_decommissioned",
    re.I | re.S,
)
_NO_PROXY_ADDRESS = re.compile(r"\bproxy\b|\bin authority\b|proxies", re.I)
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
        raise LMUnavailable(_line(choice, "no API key", _export(choice, TOGETHER_KEYS[:1])))
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
    from dspy.utils.exceptions import LMAuthError, LMBillingError, LMConfigurationError, LMUnsupportedModelError

    from memoryqa.lms.endpoint import is_unreachable

    hopeless = (LMAuthError, LMBillingError, LMConfigurationError, LMUnsupportedModelError)
    return isinstance(error, hopeless) or is_unreachable(error) or is_model_gone(error)


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
    may_be = error.status in (400, 403, 422, None)
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
        said = _first_line(error.message or str(error))
        return _line(choice, f"failed: {said}", f"no further advice ({type(second).__name__})")


def _diagnose(error: LMError, choice: LMChoice) -> str:
    from dspy.utils.exceptions import LMAuthError, LMBillingError, LMNotConfiguredError

    model = choice.model or ""
    provider, _, name = model.partition("/")
    address = address_of(choice) or f"the {provider} API"
    if isinstance(error, LMNotConfiguredError):
        return _line(
            choice, "no API key", _export(choice, getattr(error, "env_keys", ()) or ("the provider's key variable",))
        )
    text = reason_of(error)
    if page := _page_problem(text, error, choice, address):  # first: a gateway's 504 is a timeout too
        return page
    if network := _network_problem(error, choice, address):
        return network
    host = urlsplit(address).hostname or address
    if _NO_PROXY_ADDRESS.search(text) and (proxy := _proxy_before(host, text)):
        return _line(choice, f"the proxy {proxy} cannot be used ({_first_line(text)})", _proxy_advice(host))
    if _lacks_credentials(text):
        return _line(choice, f"no credentials for {provider}", _credentials_advice(provider))
    if isinstance(error, LMAuthError) and not (error.status == 403 and is_model_gone(error)):
        return _line(choice, f"{address} rejected the API key ({error.status})", _key_advice(error, provider))
    if isinstance(error, LMBillingError):
        return _line(choice, f"{address} reports no credit left ({error.status})", "add credit or choose another model")
    if is_model_gone(error):
        return _not_found(choice, address, name, error.status or 404, text)
    if "LLM Provider NOT provided" in text:
        return _line(
            choice,
            f"unknown provider {provider!r}",
            f"put the provider first: together_ai/{model}, or hosted_vllm/{model} with {api_base_of(choice.role)} URL",
        )
    if refused := _refused_setting(text, choice):
        return refused
    status = f" ({error.status})" if error.status else ""
    return _line(choice, f"{address} answered with an error{status}: {_first_line(text)}", "see the server's log")


def _page_problem(text: str, error: LMError, choice: LMChoice, address: str) -> str | None:
    """The line for a web page in place of an answer: a gateway's or a proxy's, not the model server's."""
    if not re.match(r"\s*(?:<!doctype|<html|<head|<body|<\?xml)", text, re.I):
        return None
    title = re.search(r"<(title|h1)[^>]*>(.*?)</\1>", text, re.I | re.S)
    said = f", {' '.join(title[2].split())!r}" if title else ""
    status = f" ({error.status})" if error.status else ""
    fix = f"look at the gateway or proxy before the server, or check {api_base_of(choice.role)}"
    return _line(choice, f"a web page{said} answers at {address}{status}, not a model server", fix)


def _lacks_credentials(text: str) -> bool:
    lacks = r"(?:unable to locate|could not (?:find|load|resolve|automatically determine)|no|missing|nocredentials\w*)"
    return re.search(rf"{lacks}\b.{{0,30}}\bcredentials", text, re.I) is not None or "NoCredentialsError" in text


def _credentials_advice(provider: str) -> str:
    if provider.startswith(("bedrock", "sagemaker")):
        return "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION_NAME, or AWS_PROFILE"
    if provider.startswith(("vertex", "gemini")):
        return "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"
    return f"set {' or '.join(provider_named(provider).keys) or 'the credentials of the provider'}"


def _refused_setting(text: str, choice: LMChoice) -> str | None:
    """The line for a setting that the model does not take."""
    refused = re.search(
        r"(?:unsupported|not supported|unrecognized|unknown|invalid|unexpected|only the default|does not support)",
        text,
        re.I,
    )
    if not refused:
        return None
    for setting in ("reasoning_effort", "max_tokens", "max_completion_tokens", "temperature"):
        if setting in text:
            flag = "max_tokens" if setting.startswith("max_") else setting
            advice = {"reasoning_effort": "drop `reasoning_effort`, or choose a model that reasons"}.get(
                flag, "if a reasoning model is behind this name, give `reasoning`; else lower the setting"
            )
            return _line(choice, f"it does not take {setting}: {_first_line(text)}", advice)
    return None


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


def _network_problem(error: LMError, choice: LMChoice, address: str) -> str | None:
    from memoryqa.lms.endpoint import causes

    provider, _, name = (choice.model or "").partition("/")
    host = urlsplit(address).hostname or address
    start = _START_COMMAND.get(provider, "the server").format(name=name)
    for cause in causes(error):
        if isinstance(cause, ConnectionRefusedError):
            if proxy := _proxy_before(host, str(error)):
                return _line(choice, f"the proxy {proxy} refuses the connection to {host}", _proxy_advice(host))
            fix = f"start {start}, or give its address with {api_base_of(choice.role)} URL"
            return _line(choice, f"no server answers at {address} (connection refused)", fix)
        if isinstance(cause, socket.gaierror):
            if proxy := _proxy_before(host, str(error)):
                return _line(choice, f"the proxy {proxy} does not resolve", _proxy_advice(host))
            fix = f"check the network and the address, or use {model_of(choice.role)} offline (no network needed)"
            return _line(choice, f"the host name {host} does not resolve", fix)
        if isinstance(cause, TimeoutError):
            fix = "try again if the server is still loading the model, raise `timeout`, or look at its log"
            return _line(choice, f"no answer in time from {address}", fix)
    return None


def _proxy_before(host: str, said: str) -> str | None:
    """The proxy that stands between us and `host` by the environment, if there is one."""
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    proxy = proxies.get("https") or proxies.get("http") or proxies.get("all")
    if not proxy or proxy_bypass(host):
        return None
    return re.sub(r"//.*@", "//", proxy)  # a password may be one that no rule knows


def _proxy_advice(host: str) -> str:
    return f"export NO_PROXY={host}, or unset {', '.join(_PROXIES[3:])}"


def _not_found(choice: LMChoice, address: str, name: str, status: int, text: str) -> str:
    served = served_models(address, choice)
    if served and name not in served:
        listed = shown_models(served, name)
        return _line(choice, f"{address} has no model {name!r} ({status})", f"it has: {listed}")
    is_url = address.startswith("http")
    if not served and is_url and not address.endswith("/v1") and served_models(f"{address}/v1", choice):
        return _line(
            choice,
            f"nothing at {address}/chat/completions ({status})",
            f"write {api_base_of(choice.role)} {address}/v1",
        )
    if choice.model and choice.model.startswith("ollama"):
        return _line(choice, f"{address} has no model {name!r} ({status})", f"run `ollama pull {name}`")
    if status not in (404, 410):
        fix = f"choose another model by {model_of(choice.role)}"
        return _line(choice, f"{address} does not offer {name!r} ({status}): {_first_line(text)}", fix)
    fix = (
        f"check the model's name, and that {api_base_of(choice.role)} ends where /chat/completions begins (usually /v1)"
    )
    return _line(choice, f"{address} does not know {name!r} ({status})", fix)


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
