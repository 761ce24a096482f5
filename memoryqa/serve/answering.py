"""Answers questions about chats by MemoryQA and an LM (extra [ask])."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import dspy

from memory_system import MemoryQA
from memoryqa.config import ProgramConfig
from memoryqa.errors import StoppedError
from memoryqa.memories import Memories
from memoryqa.redaction import redact
from memoryqa.replies.adapter import reading_replies
from memoryqa.serve.asking import Question, Reply, Source, Tell
from memoryqa.serve.operations import MAX_SEARCH_TOKENS, Operations
from memoryqa.serve.replies import Answered
from memoryqa.steps import run


class Answerer:
    """`lm` answers from the chats of `operations`: a `memoryqa.serve.asking.Reader`. May be called from any thread.
    model: its name, for the reply."""

    def __init__(self, operations: Operations, lm: dspy.LM, model: str) -> None:
        self._operations, self._lm, self.model = operations, lm, redact(model)

    def __call__(self, question: Question, tell: Tell) -> Reply:
        """The answer. Of several chats, one round of searches. StoppedError, one line, when the LM fails."""
        source = Source(self._operations, question, tell)
        config = ProgramConfig()
        if question.budget_tokens is not None:
            config = replace(config, context_tokens=question.budget_tokens)
        if not source.is_single:
            config = replace(config, max_hops=1)
        program = MemoryQA(Memories(), config)
        try:
            with dspy.context(lm=self._lm), reading_replies():
                found = run(program.steps(question.text, cast(Any, source)))
        except Exception as error:  # whatever LiteLLM raises, a client is told in one line and without a key
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise StoppedError(f"{self.model} did not answer: {redact(first)}") from error
        return Reply(source.named(found.answer), source.origins(found.evidence_ids), self.model, source.read)

    def answer(self, question: str, chat: str | None) -> Answered:
        """The answer from one chat, as MCP gives it; None: the only one there is."""
        name = self._operations.named(chat)
        reply = self(Question(question, [name]), lambda *_: None)
        memory = self._operations.memory(name)
        cited = [id for _, id in reply.cited]
        shown = memory.pack([memory.expand(one) for one in cited], MAX_SEARCH_TOKENS)
        return Answered(answer=reply.answer, cited=cited, evidence=shown.text, model=self.model)
