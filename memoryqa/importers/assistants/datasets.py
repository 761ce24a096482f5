"""Conversations with assistants as data sets have them, in JSON or JSONL, a record each.

    {"id", "conversations": [{"from": "human", "value": "..."}, {"from": "gpt", "value": "..."}]}        ShareGPT
    {"messages": [{"role", "content"}]} in a list     {"conversation": [{"human": "...", "assistant": "..."}]}
    {"instruction", "input", "output", "history"}     Alpaca
    {"prompt", "chosen", "rejected"}, {"prompt", "response"}, {"question", "answer"}    what was rejected is left out

Structure: https://github.com/hiyouga/LLaMA-Factory (data/README.md), https://github.com/lm-sys/FastChat.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Any

from memoryqa.errors import UsageError
from memoryqa.importers.fields import items_of, outline, record, records, text
from memoryqa.importers.format import Format
from memoryqa.importers.json_stream import JsonReader
from memoryqa.importers.message import ME, Message, digest
from memoryqa.importers.options import Options
from memoryqa.importers.plain.tables import kind_of, rows
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source, reading
from memoryqa.importers.written_times import TIME_FIELDS, from_number, from_text
from memoryqa.messages import text_of

_LISTS = ("conversations", "conversation", "messages", "dialogue", "dialog", "turns", "items")
_PAIRS = (
    ("instruction", "output"),
    ("instruction", "response"),
    ("prompt", "chosen"),
    ("prompt", "response"),
    ("prompt", "completion"),
    ("prompt", "output"),
    ("query", "response"),
    ("question", "answer"),
)
_MARKS = frozenset((*_LISTS, "prompt", "instruction", "question", "query"))
_MINE = frozenset(("human", "user", "prompter"))
_ITS = frozenset(("gpt", "assistant", "chatgpt", "model", "bot", "bard", "bing", "claude", "gemini", "agent"))
_TOOLS = frozenset(("tool", "function", "function_call", "function_response", "observation", "ipython"))
_LOOKED_AT = 3  # records


def _documents(source: Source) -> list[str]:
    return [name for name in source.named(".json", ".jsonl", ".ndjson") if _is_known(source, name)]


def _is_known(source: Source, name: str) -> bool:
    if kind_of(source, name) not in ("json", "jsonl"):
        return False
    found = outline(source, name)
    if not (found.keys & _MARKS) and not any(inner & _MARKS for inner in found.inner.values()):
        return False
    with suppress(UsageError), reading(source.path):
        return any(_said(record(one)) for _, one in islice(_records(source, name), _LOOKED_AT))
    return False


def _records(source: Source, name: str) -> Iterator[tuple[int, Any]]:
    """A document that is one conversation is one record; one with a list of them has many."""
    found = outline(source, name)
    if kind_of(source, name) != "json" or found.kind != "{":
        yield from rows(source, name)
        return
    listed = next((key for key, inner in found.inner.items() if inner & _MARKS), "")
    if listed:
        yield from enumerate(items_of(source, name, listed), start=1)
        return
    with source.text(name) as file:
        reader = JsonReader(file, source.place(name))
        yield 1, reader.value()
        reader.end()


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The conversations of every file, in their order."""
    for name in _documents(source):
        stem = name.rpartition("/")[2].rpartition(".")[0] or name
        for number, one in _records(source, name):
            whole = record(one)
            said = _said(whole)
            if not said:
                report.skip("record without a conversation")
            yield from _conversation(whole, said, stem, number, options, report)


def _conversation(
    whole: Mapping[str, Any],
    said: list[tuple[str, object, object]],
    stem: str,
    number: int,
    options: Options,
    report: ImportReport,
) -> Iterator[Message]:
    own = next((found for key in ("id", "conversation_id", "conversation_hash") if (found := text(whole.get(key)))), "")
    key = own or f"{stem} {number}"
    title = text(whole.get("title")) or f"{stem} {number}"
    begun = _written(whole)
    for place, (role, content, time) in enumerate(said):
        kind = role.strip().lower()
        if kind == "system" or kind in _TOOLS:
            report.skip("system prompt" if kind == "system" else "call or result of a tool")
            continue
        words, caption = _content(content)
        if not words.strip() and not caption:
            report.skip("empty message")
            continue
        is_mine = kind in _MINE
        speaker = "User" if is_mine else "Assistant" if kind in _ITS else role.strip() or "Unknown"
        local = digest(key, str(place))
        yield Message(
            speaker=speaker,
            text=words,
            time=_time(time, options) or _time(begun, options),
            id=f"dataset:{digest(stem, local)}",
            attachments=(caption,) if caption else (),
            author=ME if is_mine else "assistant" if kind in _ITS else "",
            chat=title,
            chat_id=key,
            local=local,
        )


def _said(whole: Mapping[str, Any]) -> list[tuple[str, object, object]]:
    """Role, content and time of each message of a record; nothing for one that is no conversation."""
    for key in _LISTS:
        if found := [one for turn in records(whole.get(key)) for one in _turn(turn)]:
            return found
    for asked, answered in _PAIRS:
        if asked in whole and answered in whole:
            return _pair(whole, asked, answered)
    return []


def _turn(turn: Mapping[str, Any]) -> Iterator[tuple[str, object, object]]:
    role = text(turn.get("from")) or text(turn.get("role"))
    content = turn.get("value", turn.get("content", turn.get("text")))
    if role and content is not None:
        yield role, content, _written(turn)
        return
    if role or not ({"human", "user"} & turn.keys() and {"assistant", "gpt", "bot"} & turn.keys()):
        return
    for kind in ("human", "user", "assistant", "gpt", "bot"):
        if kind in turn:
            yield kind, turn[kind], _written(turn)


def _pair(whole: Mapping[str, Any], asked: str, answered: str) -> list[tuple[str, object, object]]:
    question, answer = whole[asked], whole[answered]
    if isinstance(answer, list):  # the whole conversation, or what comes behind the prompt
        turns = [one for turn in records(answer) for one in _turn(turn)]
        before = [] if turns and turns[0][0].lower() in _MINE else _asked(question)
        return before + turns
    if isinstance(answer, dict):
        answer = answer.get("content", answer.get("value"))
    history = whole.get("history")
    earlier = [one for one in history if isinstance(one, list) and len(one) == 2] if isinstance(history, list) else []
    said: list[tuple[str, object, object]] = [
        (role, part, None) for pair in earlier for role, part in zip(("user", "assistant"), pair, strict=True)
    ]
    if isinstance(question, str) and text(whole.get("input")).strip() and asked == "instruction":
        question = f"{question}\n{text(whole.get('input'))}"
    return [*said, *_asked(question), ("assistant", answer, None)]


def _asked(question: object) -> list[tuple[str, object, object]]:
    if isinstance(question, list):
        return [one for turn in records(question) for one in _turn(turn)]
    return [("user", question, None)]


def _content(content: object) -> tuple[str, str]:
    try:
        return text_of(content)
    except TypeError:
        return text(content), ""


def _written(fields: Mapping[str, Any]) -> object:
    return next((fields[key] for key in TIME_FIELDS if fields.get(key) not in (None, "")), None)


def _time(written: object, options: Options) -> datetime | None:
    if isinstance(written, int | float) and not isinstance(written, bool):
        return from_number(written, options)
    return from_text(written, options) if isinstance(written, str) else None


DATASETS = Format("datasets", "Data set of conversations", lambda source: bool(_documents(source)), read)
