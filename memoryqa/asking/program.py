"""The LM that answers (extra [ask]): `memory_system.MemoryQA` over a view of the chats."""

from __future__ import annotations

from typing import Any

from memoryqa.asking.answers import CONTEXT_TOKENS, Answer
from memoryqa.asking.view import View
from memoryqa.asking.watch import Watch
from memoryqa.config import ProgramConfig
from memoryqa.errors import StoppedError, missing_extras_named
from memoryqa.lms.catalogue import settle
from memoryqa.lms.prices import model_facts
from memoryqa.lms.roles import LMChoice, build, is_key_missing
from memoryqa.redaction import redact
from memoryqa.steps import run

_RETRIES, _RETRY_SEC = 2, 20.0  # a person waits


class LMReader:
    """Answers by the LM of `choice`; nothing of what is asked or answered is kept on the disk.

    A model that fails raises StoppedError, one line with the fix; nobody answers for it.
    """

    def __init__(self, choice: LMChoice) -> None:
        with missing_extras_named(f"the model {redact(str(choice.model))}"):
            import dspy  # noqa: F401
            import litellm  # noqa: F401
        self._choice = choice
        self._lm: Any = None
        self._streams = True  # until its server is found not to

    def __call__(
        self, view: View, question: str, context_tokens: int = CONTEXT_TOKENS, before: tuple[str, str] | None = None
    ) -> Answer:
        import dspy
        from dspy.utils.exceptions import AdapterParseError, LMError

        from memory_system import MemoryQA
        from memoryqa.lms.preflight import diagnose
        from memoryqa.lms.usage import measure_usage
        from memoryqa.replies.adapter import ReplyAdapter, reading_replies, why_unread

        if before is not None:
            question = f"{question} (This follows: {' '.join(before)})"
        program = MemoryQA({}, ProgramConfig(context_tokens=context_tokens))
        if view.watch is not None:
            self._watch(program, view.watch)
        how = {"adapter": ReplyAdapter(), "trace": None, "disable_history": True, "warn_on_type_mismatch": False}
        try:
            with dspy.context(lm=self._built(), **how), measure_usage() as usage, reading_replies():
                found = run(program.steps(question, view))  # type: ignore[arg-type]  # all of a memory that it needs
        except LMError as error:
            raise StoppedError(diagnose(error, self._choice)) from None  # the original may quote the key
        except AdapterParseError as error:
            raise StoppedError(redact(f"{self._choice.model} did not answer: {why_unread(error)}")) from None
        if view.watch is not None:
            self._streams &= program.answer_question.streams
        price = model_facts(self._choice).price
        known = usage.prompt_tokens is not None and usage.completion_tokens is not None
        return Answer(
            found.answer,
            tuple(view.source(one) for one in found.evidence_ids),
            tuple(view.source(one) for one in found.retrieved_ids),
            found.context_tokens,
            redact(self._choice.identity),
            usage.prompt_tokens,
            usage.completion_tokens,
            price.of(usage.prompt_tokens or 0, usage.completion_tokens or 0) if price and known else None,
            (*found.problems, *usage.problems),
        )

    def _built(self) -> Any:
        """The LM. Raises StoppedError when there is no key for it."""
        if self._lm is None:
            if is_key_missing(self._choice.model or ""):
                raise StoppedError(f"{self._choice.model} needs TOGETHER_API_KEY; or use `model` offline")
            self._choice = settle(self._choice)
            self._lm = build(self._choice, num_retries=_RETRIES, retry_deadline_sec=_RETRY_SEC, cache=False)
        return self._lm

    def _watch(self, program: Any, watch: Watch) -> None:
        """Let the calls of `program` be watched, and its answer be passed on as it is written."""
        from memoryqa.asking.watched import WatchedPredictor

        for name in ("write_queries", "assess_evidence"):
            setattr(program, name, WatchedPredictor(getattr(program, name), watch))
        program.answer_question = WatchedPredictor(program.answer_question, watch, "answer" if self._streams else None)
