"""Answers questions of clients from chats, and tells what happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from memoryqa.asking.answers import CONTEXT_TOKENS
from memoryqa.asking.finding import as_asked
from memoryqa.asking.readers import Reader
from memoryqa.asking.view import View
from memoryqa.asking.watch import Watch
from memoryqa.evidence import Evidence
from memoryqa.lms.roles import LMChoice
from memoryqa.memories import Memories
from memoryqa.redaction import redact
from memoryqa.serve.kept import KeptAnswers
from memoryqa.serve.operations import MAX_SEARCH_TOKENS, Operations
from memoryqa.serve.questions import Question, Read, Reply
from memoryqa.serve.replies import Answered

Tell = Callable[[str, Any], None]


class Asking:
    """Lets `reader` answer from the chats of `operations`, from any thread. StoppedError when a model fails: nobody
    answers in its place."""

    def __init__(self, operations: Operations, reader: Reader, choice: LMChoice) -> None:
        self._operations, self._reader = operations, reader
        self._answers = KeptAnswers()
        self.model = None if choice.offline or choice.model is None else redact(choice.identity)

    def __call__(self, question: Question, tell: Tell = lambda *_: None, watch: Watch | None = None) -> Reply:
        """The answer. `tell` is passed "queries" with a list of them and "evidence" with a `Read`, as they come.

        watch: is passed what a model writes, and may stop it, which raises BrokenOffError.
        """
        question, memories = self._dated(question), self._operations.current(question.chats)
        view = _Told(memories, question.chats, tell, **question.only)
        view.watch = watch or Watch()
        with self._operations.there(question.chats):
            found = self._reader(view, question.text, question.budget_tokens or CONTEXT_TOKENS, None)
        cited = list(dict.fromkeys((one.chat, one.turn.id) for one in found.cited))
        reply = Reply(found.text, cited, found.model, view.read, found.problems)
        if found.model is not None and not found.problems:  # one that was cut may come whole the next time
            self._answers.keep(question, reply, memories)
        return reply

    def kept(self, question: Question) -> Reply | None:
        """What the model answered to the same question before, if what it read is still so; None without that."""
        return self._answers.find(self._dated(question), self._operations.current(question.chats))

    def _dated(self, question: Question) -> Question:
        """The question of a day: of today, where it says none."""
        only = {**question.only, **as_asked(question.text, question.only.get("asked"))}
        return replace(question, only=only)

    def answer(self, question: str, chat: str | None, asked: str | None = None, watch: Watch | None = None) -> Answered:
        """The answer from one chat, as MCP gives it; None: the only one there is, and today. watch: see `__call__`."""
        name = self._operations.named(chat)
        reply = self(Question(question, [name], only={"asked": asked}), watch=watch)
        cited = [id for _, id in reply.cited]
        memory = self._operations.memory(name)
        shown = memory.pack([memory.expand(one) for one in cited], MAX_SEARCH_TOKENS)
        who, problems = reply.model or "offline", list(reply.problems)
        return Answered(answer=reply.answer, cited=cited, evidence=shown.text, model=who, problems=problems)


class _Told(View):
    """A view that tells what is searched and found. read: what was found last."""

    watch: Watch

    def __init__(self, memories: Memories, chats: Sequence[str], tell: Tell, **only: Any) -> None:
        super().__init__(memories, chats, **only)
        self._tell = tell
        self.read = Read("", 0, ())

    def search(self, queries: str | Sequence[str], *args: Any, **how: Any) -> Evidence:
        self.watch.check()
        if not isinstance(queries, str) and len(queries) > 1:
            self._tell("queries", list(queries[1:]))
        found = super().search(queries, *args, **how)
        sources = [self.source(turn.id) for turn in found.turns]
        ranked = [(one.chat, one.turn, score) for one, score in zip(sources, found.scores, strict=True)]
        self.read = Read(str(found), found.tokens, ranked)
        self._tell("evidence", self.read)
        return found
