"""Answers a question about a chat by MemoryQA and an LM (extra [ask])."""

from __future__ import annotations

import dspy

from memory_system import MemoryQA
from memoryqa.errors import StoppedError
from memoryqa.redaction import redact
from memoryqa.serve.operations import MAX_SEARCH_TOKENS, Operations
from memoryqa.serve.replies import Answered


class Answerer:
    """`lm` answers from the chats of `operations`. May be called from any thread. model: its name, for the reply."""

    def __init__(self, operations: Operations, lm: dspy.LM, model: str) -> None:
        self._operations, self._lm, self._model = operations, lm, model

    def __call__(self, question: str, chat: str | None) -> Answered:
        """The answer and its citations. StoppedError, one line, when the LM fails."""
        memory = self._operations.memory(chat)
        program = MemoryQA(memory)
        try:
            with dspy.context(lm=self._lm):
                found = program(question=question)
        except Exception as error:  # whatever LiteLLM raises, a client is told in one line and without a key
            raise StoppedError(f"{self._model} did not answer: {redact(str(error).splitlines()[0])}") from error
        cited = memory.pack([memory.expand(one) for one in found.evidence_ids], MAX_SEARCH_TOKENS)
        return Answered(
            answer=found.answer, cited=list(found.evidence_ids), evidence=cited.text, model=redact(self._model)
        )
