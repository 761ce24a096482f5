"""Lists of chat messages as OpenAI's interface takes them: `role` and `content`, in JSON or JSONL.

    [{"role": "user", "content": "Hi"}, ...]       {"messages": [...]}       a line of JSON per message, or per chat

Structure: https://platform.openai.com/docs/api-reference/chat. The system's prompt, calls of tools and their results
are counted, not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from memoryqa.importers.fields import outline, record, records, text
from memoryqa.importers.format import Format
from memoryqa.importers.message import ME, Message, digest
from memoryqa.importers.options import Options
from memoryqa.importers.plain.tables import kind_of, rows
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source
from memoryqa.importers.written_times import TIME_FIELDS, UnreadTimes, from_number, from_text
from memoryqa.messages import text_of

_TOOL = "result of a tool"
_SKIPPED = {"system": "system prompt", "developer": "system prompt", "tool": _TOOL, "function": _TOOL}


def _documents(source: Source) -> list[str]:
    return [name for name in source.named(".json", ".jsonl", ".ndjson") if _is_known(source, name)]


def _is_known(source: Source, name: str) -> bool:
    if kind_of(source, name) not in ("json", "jsonl"):
        return False
    found = outline(source, name)
    return any({"role", "content"} <= keys for keys in (found.keys, found.inner.get("messages", set())))


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The messages of every file; each line of JSONL with `messages` is a chat of its own."""
    for name in _documents(source):
        stem = name.rpartition("/")[2].rpartition(".")[0] or name
        place, unread = 0, UnreadTimes()
        unit = "record" if kind_of(source, name) == "json" else "line"
        for number, row in rows(source, name):
            whole = record(row)
            listed = records(whole.get("messages"))
            for message in listed if "messages" in whole else [whole]:
                place += 1
                chat = f"{stem} {number}" if "messages" in whole else ""
                time, written = _time(message, options)
                if time is None and written.strip():
                    unread.add(f"{unit} {number} of {name.rpartition('/')[2]}", written)
                yield from _message(message, stem, place, chat, time, written, report)
        unread.note(report)


def _time(one: Mapping[str, Any], options: Options) -> tuple[datetime | None, str]:
    """The time, and how it is written."""
    written = next((one[key] for key in TIME_FIELDS if one.get(key) not in (None, "")), None)
    if isinstance(written, int | float) and not isinstance(written, bool):
        return from_number(written, options), str(written)
    return from_text(text(written), options), str(written or "")


def _message(
    one: Mapping[str, Any], stem: str, place: int, chat: str, time: datetime | None, written: str, report: ImportReport
) -> Iterator[Message]:
    role = text(one.get("role")).lower()
    try:
        said, caption = text_of(one.get("content"))
    except TypeError:
        said, caption = "", ""
    if role in _SKIPPED or not (said.strip() or caption):
        has_calls = bool(one.get("tool_calls") or one.get("function_call"))
        report.skip(_SKIPPED.get(role) or ("call of a tool" if has_calls else "empty message"))
        return
    own = text(one.get("id"))
    local = own or digest(str(place), role, written or "None")
    yield Message(
        speaker=text(one.get("name")) or role.capitalize(),
        text=said,
        time=time,
        id=f"roles:{own or digest(stem, local)}",
        attachments=(caption,) if caption else (),
        author=ME if role == "user" and not one.get("name") else "",
        chat=chat,
        local=local,
    )


ROLES = Format("roles", "Messages with roles", lambda source: bool(_documents(source)), read)
