"""Sessions of coding assistants on the command line: Claude Code, Codex, Gemini CLI.

Structure, from https://github.com/MemPalace/mempalace (convo_miner.py) and the tools' own files:
    ~/.claude/projects/PROJECT/SESSION.jsonl     {"type": "user", "message": {"role", "content"}, "timestamp", "uuid"}
    ~/.codex/sessions/2025/05/13/rollout-*.jsonl {"timestamp", "type": "response_item", "payload": {"type": "message"}}
        before September 2025 a line is a payload alone, and the first is {"id", "timestamp", "instructions"};
        before June 2025 rollout-*.json is {"session": {"id", "timestamp"}, "items": [...]}: times are the session's
    ~/.gemini/tmp/HASH/chats/session-*.json      {"sessionId", "messages": [{"type": "user", "content", "timestamp"}]}
    ~/.gemini/tmp/HASH/chats/session-*.jsonl     {"sessionId", "projectHash"}, then a message a line, again as it grows,
                                                 and {"$rewindTo": id} (chatRecordingService.ts of gemini-cli)
What the person and the assistant said is read; calls of tools, their results and reasoning are counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from memoryqa.importers.fields import begun, items_of, outline, record, text
from memoryqa.importers.format import Format
from memoryqa.importers.json_stream import JsonReader
from memoryqa.importers.message import ME, Message, digest
from memoryqa.importers.options import Options
from memoryqa.importers.plain.tables import rows
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source
from memoryqa.importers.spool import oldest_first

_CODEX_TYPES = {"session_meta", "response_item", "event_msg", "turn_context", "compacted"}
_OLD_CODEX = ("codex-items", "codex-lines")
_SKIPPED_PARTS = {
    "tool_use": "call of a tool",
    "tool_result": "result of a tool",
    "thinking": "reasoning of the model",
    "redacted_thinking": "reasoning of the model",
}
_NOT_TYPED = (
    *("<environment_context>", "<user_instructions>", "<permissions instructions>", "<turn_aborted>", "# AGENTS.md "),
    *("<system-reminder>", "<command-name>", "<command-message>", "<local-command", "<bash-", "<task-notification>"),
    "[Request interrupted by user",
)


def _kind(source: Source, name: str) -> str:
    """`claude-code`, `codex` or one of `gemini`; "" for any other file."""
    found = outline(source, name)
    messages = found.inner.get("messages", set())
    if "sessionId" in found.keys and {"type", "content"} <= messages:
        return "gemini"
    if found.kind == "[" and {"sessionId", "messageId", "message"} <= found.keys:
        return "gemini-log"
    if found.kind == "{" and {"session", "items"} <= found.keys and "type" in found.inner.get("items", set()):
        return "codex-items"
    for line in source.head(name).split("\n")[:12]:
        one = begun(line)
        if one.get("type") in ("user", "assistant") and {"sessionId", "message"} <= one.keys():
            return "claude-code"
        if one.get("type") in _CODEX_TYPES and "payload" in one:
            return "codex"
        if {"sessionId", "projectHash"} <= one.keys() and "messages" not in one:
            return "gemini-lines"
        if {"id", "timestamp", "instructions"} <= one.keys() and not {"type", "role"} & one.keys():
            return "codex-lines"
    return ""


def _documents(source: Source) -> list[tuple[str, str]]:
    kinds = ((name, _kind(source, name)) for name in source.named(".jsonl", ".json"))
    return [(name, kind) for name, kind in kinds if kind]


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The messages of every session, the oldest session first."""
    if options.zone is None:
        report.note_utc()
    yield from oldest_first(_session(source, name, kind, options, report) for name, kind in _documents(source))


def _session(source: Source, name: str, kind: str, options: Options, report: ImportReport) -> Iterator[Message]:
    listed = rows(source, name)
    if kind == "gemini-lines":
        kind, listed = "gemini", _kept(listed, report)
    elif kind.startswith("gemini"):
        listed = enumerate(items_of(source, name, *(("messages",) if kind == "gemini" else ())), start=1)
    at = ""
    if kind in _OLD_CODEX:
        at, listed = _begun(source, name, kind), _enveloped(listed if kind == "codex-lines" else _items(source, name))
        kind = "codex"
        report.note("old logs of Codex have one time, that of the session's beginning")
    readers = {"claude-code": _claude_code, "codex": _codex, "gemini": _gemini, "gemini-log": _gemini}
    stem = PurePosixPath(name).stem
    seen: set[str] = set()
    for number, one in listed:
        fields = record(one)
        role, said, attachments = readers[kind](fields, report)
        if role not in ("user", "assistant"):
            continue
        if not said.strip() and not attachments:
            continue
        if role == "user" and said.lstrip().startswith(_NOT_TYPED):
            report.skip("context that the program added")
            continue
        own = text(fields.get("uuid")) or text(fields.get("id"))
        key = f"{kind}:{own}" if own and own not in seen else f"{kind}:{digest(stem, str(number))}"
        seen.add(own)
        yield Message(
            speaker="User" if role == "user" else "Assistant",
            text=said,
            time=options.iso(text(fields.get("timestamp")) or at),
            id=key,
            attachments=attachments,
            author=ME if role == "user" else "assistant",
            chat=stem,
        )


def _items(source: Source, name: str) -> Iterator[tuple[int, Any]]:
    yield from enumerate(items_of(source, name, "items"), start=1)


def _enveloped(listed: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """Records of old logs of Codex as those of new ones."""
    for number, one in listed:
        fields = record(one)
        if fields.get("type") or fields.get("role"):
            payload = fields if fields.get("type") else {**fields, "type": "message"}
            yield number, {"type": "response_item", "payload": payload, "id": fields.get("id")}


def _begun(source: Source, name: str, kind: str) -> str:
    """When the session began, "" where its head does not say so."""
    first = begun(source.head(name).split("\n")[0])
    if kind == "codex-lines":
        return text(first.get("timestamp"))
    with source.text(name) as file:
        reader = JsonReader(file, source.place(name))
        return next((text(record(reader.value()).get("timestamp")) for key in reader.fields() if key == "session"), "")


def _kept(lines: Iterable[tuple[int, Any]], report: ImportReport) -> Iterator[tuple[int, Any]]:
    """The messages of a log that only grows, each as its last line has it, without those that were taken back."""
    messages: dict[str, tuple[int, Any]] = {}
    is_of_agent = False
    for number, one in lines:
        fields = record(one)
        own, back = text(fields.get("id")), fields.get("$rewindTo")
        if isinstance(back, str):
            listed = list(messages)
            gone = listed[listed.index(back) :] if back in messages else listed
            report.skip("message that was taken back", len(gone))
            for key in gone:
                del messages[key]
        elif own:
            messages[own] = number, one
        elif fields.get("kind") == "subagent":
            is_of_agent = True
    if is_of_agent:
        report.skip("message of the program to itself", len(messages))
        return
    yield from messages.values()


def _claude_code(one: Mapping[str, Any], report: ImportReport) -> tuple[str, str, tuple[str, ...]]:
    if one.get("type") not in ("user", "assistant"):
        report.skip("record of the session")
        return "", "", ()
    if one.get("isMeta") is True or one.get("isSidechain") is True or one.get("isCompactSummary") is True:
        report.skip("message of the program to itself")
        return "", "", ()
    message = record(one.get("message"))
    said, attachments = _parts(message.get("content"), report)
    return text(message.get("role")) or text(one.get("type")), said, attachments


def _codex(one: Mapping[str, Any], report: ImportReport) -> tuple[str, str, tuple[str, ...]]:
    payload = record(one.get("payload"))
    if one.get("type") != "response_item" or payload.get("type") != "message":
        kind = text(payload.get("type"))
        is_said_twice = one.get("type") == "event_msg" or one.get("type") != "response_item"
        report.skip(
            "record of the session"
            if is_said_twice
            else "reasoning of the model"
            if kind == "reasoning"
            else "result of a tool"
            if kind.endswith("output")
            else "call of a tool"
        )
        return "", "", ()
    said, attachments = _parts(payload.get("content"), report)
    return text(payload.get("role")), said, attachments


def _gemini(one: Mapping[str, Any], report: ImportReport) -> tuple[str, str, tuple[str, ...]]:
    kind = text(one.get("type"))
    shown = one.get("displayContent")  # what was typed, without the files that the program put in
    said, attachments = _parts(shown or one.get("content", one.get("message")), report)
    for calls in (one.get("toolCalls"), one.get("thoughts")):
        if isinstance(calls, list) and calls:
            report.skip("call of a tool" if calls is one.get("toolCalls") else "reasoning of the model", len(calls))
    if kind not in ("user", "gemini", "model"):
        report.skip("record of the session")
        return "", "", ()
    return "user" if kind == "user" else "assistant", said, attachments


def _parts(content: object, report: ImportReport) -> tuple[str, tuple[str, ...]]:
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        return text(content), ()
    texts, attachments = list[str](), list[str]()
    for part in content:
        fields = record(part)
        kind = text(fields.get("type"))
        if isinstance(part, str) or isinstance(fields.get("text"), str):
            texts.append(part if isinstance(part, str) else text(fields.get("text")))
        elif kind in _SKIPPED_PARTS:
            report.skip(_SKIPPED_PARTS[kind])
        elif "image" in kind:
            attachments.append("image")
    return "\n".join(one for one in texts if one.strip()), tuple(attachments)


SESSIONS = Format("sessions", "Sessions on the command line", lambda source: bool(_documents(source)), read)
