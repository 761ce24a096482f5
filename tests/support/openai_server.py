"""A real OpenAI-compatible HTTP server on 127.0.0.1, scripted to answer or to fail, for tests over the wire.

    with OpenAIServer(answer=lambda messages, body: chat_fields(answer="Paris")) as server:
        lm = dspy.LM("hosted_vllm/test-model", api_base=server.api_base)

It serves `POST /v1/chat/completions` and `GET /v1/models`. Faults are taken from `faults`, one per chat request in
order of arrival; a None in it, or an exhausted script, means a normal answer.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from http_stand_in import DISCONNECTED, NOT_FOUND, Fault, HttpStandIn, RecordedRequest

Message = Mapping[str, Any]
Answer = Callable[[list[Message], Mapping[str, Any]], Any]
"""(messages, whole request body) -> the assistant's text, or a `Shaped` completion. Called in the request's thread."""


@dataclass(frozen=True)
class OffFormat(Fault):
    """A normal completion with this text in the place of the answer's."""

    text: str = ""


@dataclass(frozen=True)
class Shaped(Fault):
    """A completion of this shape: why it ended, and what the server says that it counted ({}: nothing)."""

    text: str | None = ""
    finish_reason: str | None = "stop"
    usage: Mapping[str, Any] | None = None


def shaped(
    text: str | None, *, finish_reason: str | None = "stop", usage: Mapping[str, Any] | None = None
) -> Callable[[list[Message], Mapping[str, Any]], Any]:
    """An `answer` that always has this shape."""
    return lambda messages, body: Shaped(text=text, finish_reason=finish_reason, usage=usage)


def dripping(seconds: float) -> Fault:
    """A normal answer after so many seconds of white space, byte by byte."""
    return Fault(drip_sec=seconds)


def rate_limited(retry_after_sec: float | None = 0.01) -> Fault:
    """429; with a Retry-After header unless `retry_after_sec` is None."""
    headers = {} if retry_after_sec is None else {"Retry-After": str(retry_after_sec)}
    return Fault(429, _error("Rate limit reached", "requests", "rate_limit_exceeded"), headers)


def server_error() -> Fault:
    return Fault(500, _error("The server had an error", "server_error", None))


def unauthorized() -> Fault:
    return Fault(401, _error("Incorrect API key provided", "invalid_request_error", "invalid_api_key"))


def context_too_long(style: str = "openai") -> Fault:
    """400 for a prompt that is too long: `openai` nests the error and has a code, `vllm` is flat and has none."""
    text = "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens."
    if style == "vllm":
        return Fault(400, {"object": "error", "message": text, "type": "BadRequestError", "param": None, "code": 400})
    return Fault(400, _error(text, "invalid_request_error", "context_length_exceeded"))


def delayed(seconds: float) -> Fault:
    """A normal answer, `seconds` late."""
    return Fault(delay_sec=seconds)


def truncated() -> Fault:
    """A normal answer whose connection closes half way through the announced body."""
    return Fault(truncate=True)


def off_format(text: str = "I would rather talk about the weather.") -> Fault:
    """A normal completion whose text does not follow the prompt's format."""
    return OffFormat(text=text)


def chat_fields(**fields: object) -> str:
    """The fields in the format of dspy.ChatAdapter."""
    return "\n\n".join([*(f"[[ ## {name} ## ]]\n{value}" for name, value in fields.items()), "[[ ## completed ## ]]"])


def json_fields(**fields: object) -> str:
    """The fields in the format of dspy.JSONAdapter."""
    return json.dumps(fields)


class OpenAIServer(HttpStandIn):
    """The server.

    `models`: the names that `/v1/models` lists; any other gets a 404, an empty list accepts all.
    `api_key`: when given, anything but `Authorization: Bearer <api_key>` gets a 401.
    `die_after`: with that many chat requests answered (faults included) it stops listening, as if killed; None = never.
    `streams`: whether it streams where it is asked to, a few characters every `pause_sec`.
    """

    def __init__(
        self,
        answer: Answer = lambda messages, body: "ok",
        *,
        faults: Iterable[Fault | None] = (),
        models: Iterable[str] = (),
        api_key: str | None = None,
        die_after: int | None = None,
        streams: bool = True,
        pause_sec: float = 0.0,
        port: int = 0,
    ) -> None:
        super().__init__(port)
        self.streams, self.pause_sec = streams, pause_sec
        self.answer = answer
        self.models = list(models)
        self.api_key = api_key
        self._faults = deque(faults)
        self._answers_left = die_after

    def goes_wrong(self, *faults: Fault | None) -> None:
        """Take these as the next faults."""
        self._faults = deque(faults)

    @property
    def api_base(self) -> str:
        """`http://127.0.0.1:<port>/v1`"""
        return f"{self.base_url}/v1"

    @property
    def chat_requests(self) -> list[RecordedRequest]:
        """A snapshot of the chat requests so far, in order of arrival."""
        with self.lock:
            return [request for request in self.requests if request.path.endswith("/chat/completions")]

    def respond(self, request: RecordedRequest) -> Fault:
        match request.method, request.path:
            case "GET", "/v1/models":
                return Fault(body={"object": "list", "data": [{"id": name} for name in self.models]})
            case "POST", "/v1/chat/completions":
                return self._chat(request)
        return NOT_FOUND

    def _chat(self, request: RecordedRequest) -> Fault:
        with self.lock:
            if self._answers_left is not None and self._answers_left <= 0:
                return DISCONNECTED  # as when a process is killed
            if self._answers_left is not None:
                self._answers_left -= 1
            is_last = self._answers_left == 0
            fault = (self._faults.popleft() if self._faults else None) or Fault()
        self.stopping.wait(fault.delay_sec)
        if is_last:
            self.stop_listening()  # before replying: a client that has the last answer finds the port closed
        if fault.status != 200:
            return Fault(fault.status, fault.body, fault.headers)
        shape = fault if isinstance(fault, OffFormat | Shaped) else None
        if request.body.get("stream") and self.streams and self._refusal(request) is None:
            pieces = streamed(self._completion(request.body, shape))
            headers = {"Content-Type": "text/event-stream"}
            return Fault(headers=headers, body="", pieces=pieces, pause_sec=self.pause_sec, truncate=fault.truncate)
        return self._refusal(request) or Fault(
            body=self._completion(request.body, shape), truncate=fault.truncate, drip_sec=fault.drip_sec
        )

    def _refusal(self, request: RecordedRequest) -> Fault | None:
        if self.api_key is not None and request.headers.get("authorization") != f"Bearer {self.api_key}":
            return unauthorized()
        model = request.body.get("model")
        if self.models and model not in self.models:
            return Fault(404, _error(f"The model `{model}` does not exist.", "NotFoundError", "model_not_found"))
        return None

    def _completion(self, body: Mapping[str, Any], shape: OffFormat | Shaped | None) -> dict[str, Any]:
        messages = list(body["messages"])
        found: Any = self.answer(messages, body) if shape is None else shape
        text = found if isinstance(found, str) else found.text
        prompt_tokens = sum(len(str(message["content"]).split()) for message in messages)
        completion = chat_completion(body["model"], text, prompt_tokens, len((text or "").split()))
        if isinstance(found, Shaped):
            completion["choices"][0]["finish_reason"] = found.finish_reason
            if found.usage is not None:
                completion["usage"] = dict(found.usage)
        return completion


def chat_completion(model: str, text: str | None, prompt_tokens: int, completion_tokens: int) -> dict[str, Any]:
    """The body of a completed chat request."""
    return {
        "id": "chatcmpl-test",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
    }


def streamed(completion: Mapping[str, Any], chars: int = 7) -> tuple[str, ...]:
    """A completion as server-sent events, `chars` characters of its text each."""
    (choice,) = completion["choices"]
    text = choice["message"]["content"] or ""
    deltas: list[dict[str, Any]] = [{"content": text[start : start + chars]} for start in range(0, len(text), chars)]
    same = {**completion, "object": "chat.completion.chunk", "usage": None}
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in [{"role": "assistant"}, *deltas]]
    choices.append({"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]})
    events = [{**same, "choices": [one]} for one in choices]
    events.append({**same, "choices": [], "usage": completion["usage"]})
    return (*(f"data: {json.dumps(one)}\n\n" for one in events), "data: [DONE]\n\n")


def _error(message: str, kind: str, code: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}
