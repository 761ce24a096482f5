"""The answers that a model gave last, for a page that is loaded again: a question is not paid for twice."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from memoryqa.memories import Memories
from memoryqa.serve.questions import Question, Reply

MAX_KEPT = 100


class KeptAnswers:
    """In memory alone. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._replies: OrderedDict[Any, tuple[dict[str, int], Reply]] = OrderedDict()

    def keep(self, question: Question, reply: Reply, memories: Memories) -> None:
        with self._lock:
            self._replies[_key(question)] = _sizes(question, memories), reply
            self._replies.move_to_end(_key(question))
            while len(self._replies) > MAX_KEPT:
                self._replies.popitem(last=False)

    def find(self, question: Question, memories: Memories) -> Reply | None:
        """The answer to the same question, when no message was added, forgotten or corrected that would change what was
        read for it."""
        with self._lock:
            sizes, reply = self._replies.get(_key(question), ({}, None))
        if reply is None or (sizes == _sizes(question, memories) and _is_as_read(reply, memories)):
            return reply
        with self._lock:
            self._replies.pop(_key(question), None)
        return None


def _key(question: Question) -> Any:
    only = tuple(sorted((name, repr(value)) for name, value in question.only.items()))
    return question.text, tuple(question.chats), question.budget_tokens, only


def _sizes(question: Question, memories: Memories) -> dict[str, int]:
    return {chat: len(memories[chat]) for chat in question.chats}


def _is_as_read(reply: Reply, memories: Memories) -> bool:
    try:
        return all(memories[chat].expand(turn.id) == turn for chat, turn, _ in reply.read.ranked)
    except KeyError:
        return False
