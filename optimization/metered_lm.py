"""An LM whose calls are counted and limited, and which waits out an outage."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import Any, Self

import dspy
from dspy.utils.exceptions import ContextWindowExceededError, LMError, LMRateLimitError, is_retryable_lm_error
from dspy.utils.usage_tracker import UsageTracker

from harness.flags import with_flags
from memoryqa.lms.endpoint import EndpointLM, is_unreachable
from memoryqa.lms.preflight import LMUnavailable, diagnose, is_systemic, preflight
from memoryqa.lms.roles import LMChoice
from memoryqa.lms.usage import problems_of
from memoryqa.replies.form import ReplyForm
from memoryqa.replies.reading import last_reply
from memoryqa.tokens import count_tokens
from optimization.meter import Meter, SearchStopped

PAUSE_SEC, MAX_PAUSE_SEC = 5.0, 60.0
MAX_OUTAGE_SEC = 900.0


class _Paid(UsageTracker):
    """Notes whether a server answered one call: DSPy passes on the usage of those answers only, even when it is {}."""

    def __init__(self, outer: UsageTracker | None) -> None:
        super().__init__()
        self.is_paid = False
        self._outer = outer

    def add_usage(self, lm: str, usage_entry: dict[str, Any]) -> None:
        """DSPy calls this with the usage of an answer that did not come from the cache."""
        self.is_paid = True
        if self._outer is not None:
            self._outer.add_usage(lm, usage_entry)


class MeteredLM(EndpointLM):
    """An LM with its own settings behind a `Meter`. Copies share the meter. Synchronous calls only.

    - A call that the meter does not admit raises SearchStopped. A prompt longer than `max_prompt_tokens` is not sent
      and raises ContextWindowExceededError, which fails that question.
    - A rate limit, a timeout or an unreachable server is waited out up to `MAX_OUTAGE_SEC`, instead of becoming a score
      of 0; then the search stops. It stops at once when the error would repeat itself (key, credit, model), and when
      the server has never answered: that is a wrong address, not an outage.
    - A prompt that makes the server fail while it answers others fails its question after two attempts.
    """

    meter: Meter
    choice: LMChoice
    max_prompt_tokens: int | None
    _plain: dspy.LM

    @classmethod
    def of(cls, lm: dspy.LM, choice: LMChoice, meter: Meter, max_prompt_tokens: int | None = None) -> Self:
        """Meter `lm`, which memoryqa.lms.roles.build made for `choice`."""
        metered = cls.__new__(cls)
        usual = {"max_retries": 0, "retry_deadline_sec": 0.0, "address": None, "more_tokens": None, "form": ReplyForm()}
        metered.__dict__ = {**usual, **lm.__dict__}  # the offline reader is no EndpointLM
        metered.meter, metered.choice, metered.max_prompt_tokens, metered._plain = meter, choice, max_prompt_tokens, lm
        return metered

    def __call__(self, prompt: Any = None, *, messages: Any = None, **kwargs: Any) -> Any:
        text = str(prompt) if messages is None else "\n".join(str(message["content"]) for message in messages)
        tokens = count_tokens(text)
        if self.max_prompt_tokens is not None and tokens > self.max_prompt_tokens:
            raise ContextWindowExceededError(
                message=f"a prompt of {tokens:,} tokens is longer than {self.max_prompt_tokens:,}; it was not sent",
                model=self.model,
            )
        key = f"{self.choice.identity} {self.kwargs.get('rollout_id')} {kwargs} {text}"
        with self.meter.one_at_a_time(key) if self.cache else nullcontext():
            self.meter.admit(self.choice.role, tokens)
            return self._call(prompt, messages, kwargs)

    def _call(self, prompt: Any, messages: Any, kwargs: dict[str, Any]) -> Any:
        failing_since, pause_sec, is_second = None, PAUSE_SEC, False
        while True:
            try:
                with dspy.context(usage_tracker=_Paid(dspy.settings.usage_tracker)):
                    return super().__call__(prompt, messages=messages, **kwargs)
            except LMError as error:
                self._stop_if_hopeless(error)
                if not is_retryable_lm_error(error):
                    raise
                failing_since = failing_since or time.monotonic()
                if not isinstance(error, LMRateLimitError) and self._answers():
                    if is_second:
                        raise
                    is_second = True
                    continue
                if time.monotonic() - failing_since + pause_sec > MAX_OUTAGE_SEC:
                    self._stop(f"{diagnose(error, self.choice)}; waited {MAX_OUTAGE_SEC / 60:.0f} minutes", error)
                self.meter.pause(diagnose(error, self.choice), seconds=pause_sec)
                pause_sec = min(2 * pause_sec, MAX_PAUSE_SEC)

    def _stop_if_hopeless(self, error: LMError) -> None:
        never_answered = self.endpoint_of(self.choice) not in self.meter.answering
        passes = is_unreachable(error) or is_retryable_lm_error(error)
        is_wrong_address = never_answered and passes and not isinstance(error, LMRateLimitError)
        if is_wrong_address or (is_systemic(error) and not passes):
            self._stop(diagnose(error, self.choice), error)

    @staticmethod
    def endpoint_of(choice: LMChoice) -> str:
        """The model and its address, which several roles may share."""
        return choice.identity

    def _stop(self, reason: str, error: LMError) -> None:
        self.meter.stop(reason)
        raise SearchStopped(reason) from error

    def _answers(self) -> bool:
        """Whether the server answers another, tiny prompt."""
        try:
            preflight(self._plain, self.choice)
        except LMUnavailable:
            return False
        return True

    def on_format_missed(self) -> None:
        """memoryqa/replies/adapter.py calls this when a reply of this LM is asked for again."""
        self.meter.on_format_missed()

    def update_history(self, entry: dict[str, Any]) -> None:
        """DSPy calls this with every answer, cached or not."""
        is_paid = dspy.settings.usage_tracker.is_paid and not self.choice.offline
        self.meter.record(self.choice.role, self.endpoint_of(self.choice) if is_paid else None, entry)
        super().update_history(entry)
        if (reply := last_reply()) is not None:
            flag = "`max_tokens`" if self.choice.role == "task" else f"`{self.choice.role}_max_tokens`"
            for problem in problems_of(reply, self.model):
                self.meter.note(self.choice.role, with_flags(problem.replace("`max_tokens`", flag)))
