"""What may stand between us and an answer, each in one line with its fix: networks, proxies, pages, keys, limits."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from memoryqa.lms.identity import LMChoice
from memoryqa.lms.providers import provider_named
from memoryqa.lms.reasons import reason_of
from memoryqa.lms.roles import any_key, api_base_of, model_of, those_set
from memoryqa.redaction import redact

if TYPE_CHECKING:
    from dspy.utils.exceptions import LMError

_START_COMMAND = {"ollama": "`ollama serve`", "ollama_chat": "`ollama serve`", "hosted_vllm": "`vllm serve {name}`"}
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_SAYS_REJECTED = re.compile(
    r"\W*(?:unauthori[sz]ed|forbidden|(?:invalid|incorrect) (?:api[ _-]key|authentication)(?: provided)?)\W*", re.I
)
_NO_PROXY_ADDRESS = re.compile(r"\bproxy\b|\bin authority\b|proxies", re.I)
_PAGE = re.compile(r"\s*(?:<!doctype|<html|<head|<body|<\?xml)", re.I)
_QUOTED_PAGE = re.compile(r"(?:Body starts: '|Original Response: )(\s*<.*)", re.I | re.S)  # of DSPy, of LiteLLM
_BROKEN_OFF = re.compile(
    r"(?:connection|server|peer) (?:closed|disconnected|reset)|reset by peer|bytes outstanding|broken pipe"
    r"|unexpected eof",
    re.I,
)
_KEY_UNSET = r"[A-Z0-9_]+_(?:API_)?KEY\b.{0,20}\b(?:not set|missing|required)"
_NO_JSON = re.compile(r"\Athe reply \(HTTP \d+, ([^,]+), (\d+) bytes\) is not JSON")  # DSPy's
_MAX_SHOWN_CHARS = 200
_ENCRYPTED = re.compile(r"\b(?:TLS|SSL)\b|certificate", re.I)
_UNTRUSTED = re.compile(
    r"certificate[ _]verify[ _]failed|self[- ]signed|unable to get local issuer|hostname mismatch", re.I
)
_PLAIN = re.compile(r"WRONG_VERSION_NUMBER|wrong version number|record layer failure|unexpected eof|http request", re.I)


def page_problem(text: str, error: LMError, choice: LMChoice, address: str) -> str | None:
    """The line for what is no model server's answer: a gateway's or a proxy's page, a stream, nothing."""
    quoted, no_json = _QUOTED_PAGE.search(text), _NO_JSON.search(text)
    page = quoted[1] if quoted else text
    status = f" ({error.status})" if error.status else ""
    fix = f"look at the gateway or proxy before the server, or check {api_base_of(choice.role)}"
    if _PAGE.match(page):
        title = re.search(r"<(title|h1)[^>]*>(.*?)</\1>", page, re.I | re.S)
        said = f", {' '.join(title[2].split())!r}" if title else ""
        return line(choice, f"a web page{said} answers at {address}{status}, not a model server", fix)
    if no_json is None or 300 <= (error.status or 0) < 400:
        return None
    sent = "an empty body" if no_json[2] == "0" else f"{no_json[1]} that is no JSON"
    return line(choice, f"{address} answers with {sent}{status}", fix)


def lacks_credentials(text: str) -> bool:
    lacks = r"(?:unable to locate|could not (?:find|load|resolve|automatically determine)|no|missing|nocredentials\w*)"
    return re.search(rf"{lacks}\b.{{0,30}}\bcredentials|{_KEY_UNSET}", text, re.I) is not None or (
        "NoCredentialsError" in text
    )


def credentials_advice(provider: str) -> str:
    if provider.startswith(("bedrock", "sagemaker")):
        return "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION_NAME, or AWS_PROFILE"
    if provider.startswith(("vertex", "gemini")):
        return "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"
    return f"set {' or '.join(provider_named(provider).keys) or 'the credentials of the provider'}"


def refused_setting(text: str, choice: LMChoice) -> str | None:
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
            return line(choice, f"it does not take {setting}: {first_line(text)}", advice)
    return None


def network_problem(error: LMError, choice: LMChoice, address: str) -> str | None:
    from memoryqa.lms.reasons import causes

    provider, _, name = (choice.model or "").partition("/")
    host = host_of(address)
    start = _START_COMMAND.get(provider, "the server").format(name=name)
    for cause in causes(error):
        if isinstance(cause, ConnectionRefusedError):
            if proxy := proxy_before(host, str(error)):
                return line(choice, f"the proxy {proxy} refuses the connection to {host}", proxy_advice(host))
            fix = f"start {start}, or give its address with {api_base_of(choice.role)} URL"
            return line(choice, f"no server answers at {address} (connection refused)", fix)
        if isinstance(cause, socket.gaierror):
            if proxy := proxy_before(host, str(error)):
                return line(choice, f"the proxy {proxy} does not resolve", proxy_advice(host))
            fix = f"check the network and the address, or use {model_of(choice.role)} offline (no network needed)"
            what = f"the host of {host}" if " " in host else f"the host name {host}"
            return line(choice, f"{what} does not resolve", fix)
        if isinstance(cause, TimeoutError):
            fix = "try again if the server is still loading the model, raise `timeout`, or look at its log"
            return line(choice, f"no answer in time from {address}", fix)
    if not error.status and _BROKEN_OFF.search(said := first_line(reason_of(error))):
        fix = "look at its log, or at the gateway before it; it may have been restarted, or be no model server"
        return line(choice, f"{address} broke off the connection ({said})", fix)
    return None


def proxy_before(host: str, said: str) -> str | None:
    """The proxy that stands between us and `host` by the environment, if there is one."""
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    proxy = proxies.get("https") or proxies.get("http") or proxies.get("all")
    if not proxy or proxy_bypass(host):
        return None
    return re.sub(r"//.*@", "//", proxy)  # a password may be one that no rule knows


def proxy_advice(host: str) -> str:
    """How to go around the proxies that the environment names."""
    named = those_set(_PROXIES)
    unset = f"unset {', '.join(named or _PROXIES[3:])}"
    return unset if " " in host else f"export NO_PROXY={host}, or {unset}"


def proxy_problem(text: str, choice: LMChoice, address: str) -> str | None:
    """The line for a proxy whose address no client can use."""
    host = host_of(address)
    if not _NO_PROXY_ADDRESS.search(text) or not (proxy := proxy_before(host, text)):
        return None
    return line(choice, f"the proxy {proxy} cannot be used ({first_line(text)})", proxy_advice(host))


def key_problem(error: LMError, choice: LMChoice, address: str) -> str:
    """The line for a key that was rejected, with what the server said of it, or that none was sent."""
    variables = _key_variables(error, choice.provider)
    if variables and not any_key(choice.model or ""):
        return line(choice, f"{address} rejected the API key ({error.status}): none is set", export(choice, variables))
    said = first_line(reason_of(error))
    why = "" if said == "no message" or _SAYS_REJECTED.fullmatch(said) else f": {said}"
    advice = f"check the value of {' or '.join(variables)}" if variables else "check the key's environment variable"
    return line(choice, f"{address} rejected the API key ({error.status}){why}", advice)


def missing_key(error: LMError, choice: LMChoice) -> str:
    """The line for a key without which a provider is not asked."""
    return line(choice, "no API key", export(choice, _key_variables(error, choice.provider) or ("the key's variable",)))


def _key_variables(error: LMError, provider: str) -> tuple[str, ...]:
    """Those that may hold the key; none where a server needs none."""
    named = tuple(getattr(error, "env_keys", ()) or ()) or provider_named(provider).keys
    return named[:1] if provider in ("hosted_vllm", "together_ai") else named


def redirect_problem(error: LMError, choice: LMChoice, address: str) -> str | None:
    """The line for a server that sends us elsewhere, which a call with a key in it does not follow."""
    status = error.status or 0
    if not 300 <= status < 400:
        return None
    fix = f"write the address that it redirects to (`curl -i {address}` shows it), or https:// for http://"
    return line(choice, f"{address} redirects to another address ({status})", f"{fix}: {api_base_of(choice.role)} URL")


def limit_problem(error: LMError, choice: LMChoice, address: str) -> str | None:
    """The line for a server that has too much to do, or lets us ask no more for now."""
    from dspy.utils.exceptions import LMRateLimitError

    said = first_line(reason_of(error))
    if isinstance(error, LMRateLimitError) or error.status == 429:
        wait = f", and asks to wait {_long(error.retry_after)}" if error.retry_after else ""
        fix = "try again then" if wait else "try again later, with fewer threads, or at a provider with other limits"
        return line(choice, f"{address} limits the rate (429): {said}{wait}", fix)
    if error.status in (502, 503, 504, 529) or re.search(r"overload|at capacity", said, re.I):
        status = f" ({error.status})" if error.status else ""
        return line(choice, f"{address} has too much to do, or is not ready{status}: {said}", "try again later")
    return None


def encryption_problem(text: str, choice: LMChoice, address: str) -> str | None:
    """The line for an address whose encryption fails."""
    if not _ENCRYPTED.search(text):
        return None
    if _UNTRUSTED.search(text):
        fix = "export SSL_CERT_FILE=FILE with the certificate of its authority, or write http:// where it has no other"
        return line(choice, f"the certificate of {address} is not trusted ({_innermost(text)})", fix)
    if _PLAIN.search(text) and address.startswith("https:"):
        return line(choice, f"{address} does not speak TLS ({_innermost(text)})", f"write http{address[5:]}")
    return None


def host_of(address: str) -> str:
    """The host of an address; of a provider whose address is unknown, its name in words."""
    return urlsplit(address).hostname or address


def _innermost(text: str) -> str:
    return first_line(re.sub(r".*?\[SSL:\s*\w+\]\s*", "", text, flags=re.S).replace("(_ssl.c:1006)", "").strip())


def _long(seconds: float) -> str:
    """A time to wait, for people."""
    if seconds > 366 * 86_400:
        return "more than a year"
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def export(choice: LMChoice, variables: tuple[str, ...]) -> str:
    return f"run `export {variables[0]}=<your key>`, or use {model_of(choice.role)} offline (needs no key)"


def line(choice: LMChoice, problem: str, fix: str) -> str:
    """One line for the user. `problem` may end with a server's words, whose full stop goes before the fix."""
    return redact(f"{choice.role} LM {choice.model}: {problem.rstrip('. ')}; {fix}")


def first_line(text: str, max_chars: int = 200) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "no message")[:max_chars]
