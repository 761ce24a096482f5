"""The model behind `dspy.LM`: one engine for rollouts, which were sampled in batches before, and one for evaluation.

DSPy's loop asks for one completion at a time. So all answers of a step are sampled at once, under one seed, before it
asks; one thread then gets them in the order of the sampling. A step therefore depends only on the weights, the seed and
its number, and can be repeated bit for bit.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from training.local.policy import Messages, Policy, Sample

if TYPE_CHECKING:
    from dspy.lm15 import Request, Response

PromptKey = tuple[tuple[str, str], ...]


def prompt_key(messages: Messages) -> PromptKey:
    """A hashable form of a prompt."""
    return tuple((message["role"], message["content"]) for message in messages)


class _Engine:
    """What DSPy requires of an engine besides `complete`. Copies of a program share the engine and its weights."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self

    def dump_state(self) -> dict[str, Any]:
        """Empty, because a saved program names its adapter in its config."""
        return {}


class RolloutEngine(_Engine):
    """Hands out the samples that `prepare` got, in order per prompt, and records them in `handed_out`."""

    def __init__(self) -> None:
        self._waiting: dict[PromptKey, deque[Sample]] = {}
        self.handed_out: list[tuple[PromptKey, Sample]] = []

    def prepare(self, prompts: Sequence[Messages], samples: Sequence[Sample]) -> None:
        """Replace the waiting samples; `samples[i]` belongs to `prompts[i]`."""
        self._waiting = defaultdict(deque)
        for messages, sample in zip(prompts, samples, strict=True):
            self._waiting[prompt_key(messages)].append(sample)
        self.handed_out = []

    def complete(self, request: Request) -> Response:
        """The next sample for this prompt. Raises RuntimeError if none is left."""
        key = prompt_key(messages_of(request))
        if not self._waiting.get(key):
            raise RuntimeError("DSPy asked for a completion that was not prepared: its prompt is not the expected one")
        sample = self._waiting[key].popleft()
        self.handed_out.append((key, sample))
        return response_of(request, sample)


class PolicyEngine(_Engine):
    """Answers on demand by greedy decoding; waiting calls of several threads are answered as one batch.

    `use_adapter=False` answers like the untrained model. Engines on one policy share its `lock`.
    """

    def __init__(self, policy: Policy, *, max_tokens: int, lock: threading.Lock, use_adapter: bool = True) -> None:
        self._policy = policy
        self._max_tokens = max_tokens
        self._use_adapter = use_adapter
        self._lock = lock
        self._waiting: deque[tuple[Messages, Future[Sample]]] = deque()

    def complete(self, request: Request) -> Response:
        """Wait for the model; the thread that gets it answers all waiting calls."""
        answer: Future[Sample] = Future()
        self._waiting.append((messages_of(request), answer))
        with self._lock:
            if not answer.done():
                self._answer_all()
        return response_of(request, answer.result())

    def _answer_all(self) -> None:
        batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
        prompts = [messages for messages, _ in batch]
        try:
            with nullcontext() if self._use_adapter else self._policy.without_adapter():
                samples = self._policy.generate(prompts, max_tokens=self._max_tokens, temperature=0.0)
        except BaseException as error:
            for _, answer in batch:
                answer.set_exception(error)
            raise
        for (_, answer), sample in zip(batch, samples, strict=True):
            answer.set_result(sample)


def messages_of(request: Request) -> list[dict[str, str]]:
    """The chat in DSPy's request, with its system message."""
    from dspy.lm15 import TextPart

    parts = request.system or ""
    system = parts if isinstance(parts, str) else "\n".join(part.text for part in parts if isinstance(part, TextPart))
    turns = [{"role": str(message.role), "content": message.text or ""} for message in request.messages]
    return [{"role": "system", "content": system}, *turns] if system else turns


def response_of(request: Request, sample: Sample) -> Response:
    """`sample` as the answer of a DSPy engine."""
    from dspy.lm15 import Message, Response, TextPart, Usage

    prompt_tokens, completion_tokens = len(sample.prompt_ids), len(sample.token_ids)
    return Response(
        id=None,
        model=request.model,
        message=Message.assistant([TextPart(sample.text)]),
        finish_reason="length" if sample.truncated else "stop",
        usage=Usage(
            input_tokens=prompt_tokens,
            output_tokens=completion_tokens,
            total_tokens=prompt_tokens + completion_tokens,
        ),
    )
