"""Makes a `Reply` of what DSPy notes about a call: its text, why it ended, and what was counted on both sides."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from memoryqa.lms.bodies import is_cached, unread_counts
from memoryqa.lms.reasons import said_in
from memoryqa.replies.reading import BROKEN, CUT, Reply, without_thoughts
from memoryqa.tokens import count_tokens

_MAX_SHOWN_CHARS = 200
_COMPLETIONS = ("choices", "candidates", "output", "message")  # where the protocols have what the model wrote


def read_reply(entry: Mapping[str, Any], settings: Mapping[str, Any]) -> Reply:
    """The reply behind `entry`, DSPy's history entry of a call of an LM with `settings`."""
    response, usage = entry.get("response"), usage_of(entry)
    prompt_tokens, completion_tokens = billed_tokens(usage)
    called_with = {**settings, **(entry.get("kwargs") or {})}
    outputs = entry.get("outputs") or ()
    if completion_tokens == 0 and any(texts_of(outputs)):  # not counted
        completion_tokens = None
    return Reply(
        text=without_thoughts("\n".join(texts_of(outputs))),
        finish_reason=_finish_reason(response),
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        counted_tokens=sum(map(count_tokens, prompt_texts(entry))),
        max_tokens=called_with.get("max_tokens") or called_with.get("max_completion_tokens"),
        from_cache=is_cached() or (not entry.get("usage") and bool(usage)),
        instead=_in_place_of_text(outputs, response),
        unread_counts=unread_counts(),
        no_completion=None if any(texts_of(outputs)) else _no_completion(response),
    )


def texts_of(outputs: Iterable[Any]) -> list[str]:
    """The texts of completions as DSPy hands them on; none for null."""
    found = [output.get("text") if isinstance(output, Mapping) else output for output in outputs]
    return [text for text in found if isinstance(text, str)]


def prompt_texts(entry: Mapping[str, Any]) -> list[str]:
    """The texts that a call sent."""
    messages = entry.get("messages")
    if not messages:
        return [str(entry.get("prompt") or "")]
    return [str(one.get("content") or "") if isinstance(one, Mapping) else str(one) for one in messages]


def usage_of(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the server counted, as DSPy names it; of an answer from the cache, what it had counted then. {} if nothing.

    DSPy empties the usage of cached answers, because they cost nothing; a limit that is to end a repeated run at the
    same place needs it.
    """
    if usage := entry.get("usage"):
        return dict(usage)
    found = getattr(entry.get("response"), "usage", None)
    if found is None or isinstance(found, Mapping):
        return dict(found or {})
    named = {
        "prompt_tokens": getattr(found, "input_tokens", None),
        "completion_tokens": getattr(found, "output_tokens", None),
        "total_tokens": getattr(found, "total_tokens", None),
        "completion_tokens_details": {"reasoning_tokens": getattr(found, "reasoning_tokens", None)},
    }
    return named if named["prompt_tokens"] is not None or named["completion_tokens"] is not None else {}


def billed_tokens(usage: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Tokens of the prompt and of the completion that the server bills; None where it reports none.

    Providers differ in whether thoughts are part of the completion. They are added where they cannot be: more of them
    than completion tokens, or a total that is larger than its parts. No prompt has 0 tokens: some clients write that
    for what was not counted.
    """
    prompt, completion = _count(usage.get("prompt_tokens")) or None, _count(usage.get("completion_tokens"))
    if prompt is None and completion == 0:
        completion = None
    thoughts = _count(_details(usage).get("reasoning_tokens")) or 0
    if completion is None:
        return prompt, thoughts or None
    if thoughts > completion:
        completion += thoughts
    if (total := _count(usage.get("total_tokens"))) is not None and prompt is not None:
        completion = max(completion, total - prompt)
    return prompt, completion


def is_worth_keeping(record: object) -> bool:
    """Whether the cache shall keep an answer, as DSPy hands it over: one that says nothing would be repeated for ever.

    A reply that the token limit cut is kept: the same limit would cut it again, and be paid for again.
    """
    if not isinstance(record, Mapping) or not isinstance(responses := record.get("responses"), list):
        return True
    reasons = {str(_finish_reason_of(one)).lower() for one in responses}
    if reasons & BROKEN:
        return False
    outputs = record.get("outputs") or ()
    if reasons & CUT or any(isinstance(one, Mapping) and one.get("tool_calls") for one in outputs):
        return True
    return any(text.strip() for text in texts_of(outputs))


def _finish_reason_of(response: object) -> object:
    if not isinstance(response, Mapping):
        return None
    body = response.get("provider_data")
    choices = body.get("choices") if isinstance(body, Mapping) else None
    first = choices[0] if isinstance(choices, list) and choices else {}
    found = first.get("finish_reason") if isinstance(first, Mapping) else None
    return found or response.get("finish_reason")


def reported(usage: Mapping[str, Any]) -> bool:
    """Whether a server counted anything."""
    return any(count is not None for count in billed_tokens(usage))


def header_seconds(errors: Iterable[BaseException]) -> float | None:
    """The Retry-After of the HTTP answer behind one of `errors`, in seconds; None without one.

    DSPy reads it where it makes the call itself; where LiteLLM does, it stays in the answer's headers.
    """
    for error in errors:
        headers = getattr(getattr(error, "response", None), "headers", None) or getattr(error, "headers", None)
        if isinstance(headers, Mapping) or hasattr(headers, "get"):
            assert headers is not None
            found = _seconds(headers.get("retry-after-ms"), 1e-3) or _seconds(headers.get("retry-after"))
            if found is not None:
                return found
    return None


def _seconds(value: object, unit: float = 1.0) -> float | None:
    try:
        seconds = float(str(value)) * unit
    except ValueError:
        try:
            seconds = parsedate_to_datetime(str(value)).timestamp() - time.time()
        except (TypeError, ValueError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _details(usage: Mapping[str, Any]) -> Mapping[str, Any]:
    details: Any = usage.get("completion_tokens_details")
    if hasattr(details, "model_dump"):
        details = details.model_dump()
    return details if isinstance(details, Mapping) else {}


def _count(value: object) -> int | None:
    is_count = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 and math.isfinite(value)
    return int(value) if is_count else None  # type: ignore[call-overload]  # a number, as the line above says


def _in_place_of_text(outputs: Iterable[Any], response: Any) -> str | None:
    """What a completion has where its text should be, in words."""
    refusals = (getattr(part, "text", None) for part in _parts(response) if getattr(part, "type", "") == "refusal")
    if refusal := next((one for one in refusals if isinstance(one, str) and one.strip()), None):
        return f"the model refused: {' '.join(refusal.split())[:_MAX_SHOWN_CHARS]}"
    texts = texts_of(outputs)
    found = [one for one in outputs if isinstance(one, Mapping)]
    if any(one.get("tool_calls") for one in found):
        return "the reply calls a tool and says nothing"
    if any(one.get("reasoning_content") for one in found) or any(text.strip() for text in texts):
        return "the reply holds thoughts alone"
    return None


def _parts(response: Any) -> Iterable[Any]:
    return getattr(getattr(response, "message", None), "parts", None) or ()


def _no_completion(response: Any) -> str | None:
    """What a body says that holds no completion, "" when nothing; DSPy reads such a body as an empty reply."""
    body = getattr(response, "provider_data", None)
    if not isinstance(body, Mapping) or body.get("content") is not None:  # Anthropic's may be an empty list
        return None
    if _is_streamed(body):  # the last event counts tokens and has no text
        return None
    if any(isinstance(found := body.get(name), list | Mapping) and found for name in _COMPLETIONS):
        return None
    return " ".join(said_in(body).split())


def _is_streamed(body: Mapping[str, Any]) -> bool:
    return str(body.get("object")).endswith(".chunk")


def _finish_reason(response: Any) -> str | None:
    """The server's own word where its body is at hand: DSPy makes "stop" of none, and of one that it does not know."""
    body = getattr(response, "provider_data", None)
    if isinstance(body, Mapping) and isinstance(choices := body.get("choices"), list) and choices:
        found = choices[0].get("finish_reason") if isinstance(choices[0], Mapping) else None
        return found if isinstance(found, str) else None
    if isinstance(body, Mapping) and _is_streamed(body) and getattr(response, "finish_reason", None) == "stop":
        return None  # its own word is in an event that is gone
    if isinstance(reason := getattr(response, "finish_reason", None), str):
        return reason
    choices = getattr(response, "choices", None) or (response.get("choices") if isinstance(response, Mapping) else None)
    if not choices:
        return None
    first = choices[0]
    found = first.get("finish_reason") if isinstance(first, Mapping) else getattr(first, "finish_reason", None)
    return None if found is None else str(found)
