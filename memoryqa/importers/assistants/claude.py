"""Claude: `conversations.json` of claude.ai's "Export data", alone, in its zip or its folder.

Structure: https://github.com/Sinity/polylogue (docs/providers/claude-ai.md) and the fields that
https://github.com/socketteer/Claude-Conversation-Exporter reads. Where messages name their parents, the branch that was
kept is read. Calls of tools, their results and thinking are counted, not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from memoryqa.importers.fields import items_of, outline, record, records, text
from memoryqa.importers.format import Format
from memoryqa.importers.message import ME, Message
from memoryqa.importers.options import Options
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source
from memoryqa.importers.spool import oldest_first

_NO_PARENT = "00000000-0000-4000-8000-000000000000"


def _documents(source: Source) -> list[str]:
    named = [name for name in source.named(".json") if "conversations" in name.lower()] or source.named(".json")[:20]
    return [name for name in named if (found := outline(source, name)).kind == "[" and "chat_messages" in found.keys]


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The kept branch of every conversation, the oldest first."""
    if options.zone is None:
        report.note_utc()
    found = (record(one) for name in _documents(source) for one in items_of(source, name))
    yield from oldest_first(_conversation(one, options, report) for one in found)


def _conversation(one: Mapping[str, Any], options: Options, report: ImportReport) -> Iterator[Message]:
    messages = records(one.get("chat_messages"))
    kept = _kept(messages, text(one.get("current_leaf_message_uuid")))
    if len(kept) < len(messages):
        report.skip("message of another branch", len(messages) - len(kept))
    for message in kept:
        said, attachments = _text(message, report), _attachments(message)
        if not said and not attachments:
            report.skip("empty message")
            continue
        is_user = message.get("sender") in ("human", "user")
        yield Message(
            speaker="User" if is_user else "Assistant",
            text=said,
            time=options.iso(text(message.get("created_at"))),
            id=f"claude:{text(message.get('uuid'))}",
            attachments=attachments,
            author=ME if is_user else "assistant",
            chat=text(one.get("name")),
            chat_id=text(one.get("uuid")),
        )


def _kept(messages: list[Mapping[str, Any]], last: str) -> list[Mapping[str, Any]]:
    """The branch that ends in `last` or, without it, in the message that was listed last."""
    parents = [text(message.get("parent_message_uuid")) for message in messages]
    known = [parent for parent in parents if parent and parent != _NO_PARENT]
    if len(set(known)) == len(known) and parents.count(_NO_PARENT) < 2:
        return messages  # no message has two answers
    by_id = {text(message.get("uuid")): message for message in messages}
    found: dict[str, Mapping[str, Any]] = {}
    last = last if last in by_id else text(messages[-1].get("uuid"))
    while last in by_id and last not in found:
        found[last] = by_id[last]
        last = text(by_id[last].get("parent_message_uuid"))
    return list(reversed(found.values()))


def _text(message: Mapping[str, Any], report: ImportReport) -> str:
    parts = list[str]()
    for part in records(message.get("content")):
        if part.get("type") == "text":
            parts.append(text(part.get("text")))
        elif part.get("type") == "tool_use" and (document := _artifact(record(part.get("input")))):
            parts.append(document)
        elif part.get("type") in ("tool_use", "tool_result"):
            report.skip("call of a tool" if part.get("type") == "tool_use" else "result of a tool")
        elif part.get("type") == "thinking":
            report.skip("reasoning of the model")
    said = "\n".join(part for part in parts if part.strip()) or text(message.get("text"))
    unnamed = (one for one in records(message.get("attachments")) if not one.get("file_name"))
    pasted = (text(one.get("extracted_content")) for one in unnamed)
    return "\n".join(part for part in (said, *pasted) if part.strip())


def _artifact(call: Mapping[str, Any]) -> str:
    """The document that a call shows beside the chat: its title and its text; "" for any other call."""
    if text(call.get("command")) not in ("create", "rewrite", "update"):
        return ""
    said = text(call.get("content")) or text(call.get("new_str"))
    return "\n".join(part for part in (text(call.get("title")), said) if part.strip()) if said.strip() else ""


def _attachments(message: Mapping[str, Any]) -> tuple[str, ...]:
    named = [*records(message.get("attachments")), *records(message.get("files"))]
    return tuple(dict.fromkeys(name for one in named if (name := text(one.get("file_name")))))


CLAUDE = Format("claude", "Claude", lambda source: bool(_documents(source)), read)
