"""ChatGPT: `conversations.json` of "Export data", alone, in its zip or its folder.

Structure: https://github.com/mitkury/chatgpt-export-parser (docs/chatgpt-data-export-format.md). A conversation is a
tree; what is read is the branch that was kept, from `current_node` up to the root. Calls of tools, their results and
the model's reasoning are counted, not read; images that a tool made are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from memoryqa.importers.fields import items_of, outline, record, records, seconds, text
from memoryqa.importers.format import Format
from memoryqa.importers.message import ME, Message
from memoryqa.importers.options import Options
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source
from memoryqa.importers.spool import oldest_first

_CITED = re.compile("\ue200[^\ue201]*\ue201|[\ue200-\ue2ff]")  # marks of sources, which only the page can show
_REASONING = {"thoughts", "reasoning_recap"}


def _documents(source: Source) -> list[str]:
    named = [name for name in source.named(".json") if "conversations" in name.lower()] or source.named(".json")[:20]
    return [name for name in named if (found := outline(source, name)).kind == "[" and "mapping" in found.keys]


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The kept branch of every conversation, the oldest first."""
    if options.zone is None:
        report.note_utc()
    found = (record(one) for name in _documents(source) for one in items_of(source, name))
    yield from oldest_first(_conversation(one, options, report) for one in found)


def _conversation(one: Mapping[str, Any], options: Options, report: ImportReport) -> Iterator[Message]:
    nodes = record(one.get("mapping"))
    chat_id = text(one.get("conversation_id")) or text(one.get("id"))
    kept = _branch(nodes, text(one.get("current_node")))
    others = [node for key, node in nodes.items() if key not in kept and record(record(node).get("message"))]
    if others:
        report.skip("message of another branch", len(others))
    at = seconds(one.get("create_time"))
    for key in kept:
        message = record(record(nodes[key]).get("message"))
        written = seconds(message.get("create_time"))
        at = at if written is None else written
        role, said, attachments = _content(message, report)
        if not said and not attachments:
            continue
        yield Message(
            speaker="User" if role == "user" else "Assistant",
            text=said,
            time=None if at is None else options.moment(at),
            id=f"chatgpt:{chat_id}:{text(message.get('id')) or key}",
            attachments=attachments,
            author=ME if role == "user" else "assistant",
            chat=text(one.get("title")),
            chat_id=chat_id,
        )


def _branch(nodes: Mapping[str, Any], last: str) -> dict[str, None]:
    """Ids of the nodes from the root to `last`; without it, to the newest message."""
    if last not in nodes:
        ages = {key: seconds(record(record(node).get("message")).get("create_time")) for key, node in nodes.items()}
        last = max(nodes, key=lambda key: ages[key] or 0.0, default="")
    found: list[str] = []
    while last in nodes and last not in found:
        found.append(last)
        last = text(record(nodes[last]).get("parent"))
    return dict.fromkeys(reversed(found))


def _content(message: Mapping[str, Any], report: ImportReport) -> tuple[str, str, tuple[str, ...]]:
    """Role, text and attachments; text and attachments are empty for what is not read, which is then counted."""
    role = text(record(message.get("author")).get("role"))
    content, metadata = record(message.get("content")), record(message.get("metadata"))
    kind = text(content.get("content_type"))
    said, attachments = _parts(content.get("parts"))
    reason = ""
    if not message:
        return role, "", ()
    if role == "tool":
        said, reason = "", "" if attachments else "result of a tool"
    elif role not in ("user", "assistant") or kind == "user_editable_context":
        reason = "system prompt or custom instructions"
    elif metadata.get("is_visually_hidden_from_conversation") is True:
        reason = "hidden message"
    elif kind in _REASONING:
        reason = "reasoning of the model"
    elif role == "assistant" and (recipient := text(message.get("recipient"))) not in ("", "all"):
        said = _canvas(text(content.get("text")) or said) if recipient.startswith("canmore.") else ""
        if said:
            return role, said, ()
        reason = "call of a tool"
    elif role == "user":
        attachments += tuple(text(one.get("name")) or "file" for one in records(metadata.get("attachments")))
    said = _CITED.sub("", said or text(content.get("text")))
    if reason or not (said or attachments):
        report.skip(reason or "empty message")
        return role, "", ()
    return role, said if role != "tool" else "", attachments


def _canvas(written: str) -> str:
    """The document that a call puts into the canvas beside the chat: its name and its text; "" for any other call."""
    try:
        call = record(json.loads(written))
    except (ValueError, RecursionError):
        return ""
    edits = (text(edit.get("replacement")) for edit in records(call.get("updates")))
    return "\n".join(part for part in (text(call.get("name")), text(call.get("content")), *edits) if part.strip())


def _parts(parts: object) -> tuple[str, tuple[str, ...]]:
    texts, attachments = list[str](), list[str]()
    for part in parts if isinstance(parts, list) else []:
        fields = record(part)
        kind = text(fields.get("content_type"))
        if isinstance(part, str):
            texts.append(part)
        elif kind == "audio_transcription":
            texts.append(text(fields.get("text")))
        elif "image" in kind:
            prompt = text(record(record(fields.get("metadata")).get("dalle")).get("prompt"))
            attachments.append(f"image: {prompt}" if prompt else "image")
        elif kind and "audio" not in kind and "video" not in kind:  # the transcription stands beside them
            attachments.append(kind.replace("_", " "))
    return "\n".join(one for one in texts if one.strip()), tuple(attachments)


CHATGPT = Format("chatgpt", "ChatGPT", lambda source: bool(_documents(source)), read)
