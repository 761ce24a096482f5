"""The formats, and which one a source is in. The order matters: the most particular first."""

from __future__ import annotations

from collections.abc import Mapping

from memoryqa.errors import UsageError
from memoryqa.importers.assistants.chatgpt import CHATGPT
from memoryqa.importers.assistants.claude import CLAUDE
from memoryqa.importers.assistants.datasets import DATASETS
from memoryqa.importers.assistants.gemini import GEMINI
from memoryqa.importers.assistants.gemini_html import GEMINI_HTML
from memoryqa.importers.assistants.sessions import SESSIONS
from memoryqa.importers.format import Format
from memoryqa.importers.mail import MAIL
from memoryqa.importers.messengers.discord import DISCORD
from memoryqa.importers.messengers.discord_html import DISCORD_HTML
from memoryqa.importers.messengers.discord_package import DISCORD_PACKAGE
from memoryqa.importers.messengers.google_chat import GOOGLE_CHAT
from memoryqa.importers.messengers.imessage import IMESSAGE
from memoryqa.importers.messengers.imessage_text import IMESSAGE_TEXT
from memoryqa.importers.messengers.kakaotalk import KAKAOTALK
from memoryqa.importers.messengers.line import LINE
from memoryqa.importers.messengers.meta import META
from memoryqa.importers.messengers.signal import SIGNAL
from memoryqa.importers.messengers.slack import SLACK
from memoryqa.importers.messengers.teams import TEAMS
from memoryqa.importers.messengers.telegram import TELEGRAM
from memoryqa.importers.messengers.telegram_html import TELEGRAM_HTML
from memoryqa.importers.plain.irc import IRC
from memoryqa.importers.plain.named_lines import NAMED_LINES
from memoryqa.importers.plain.records import RECORDS, unnamed_fields
from memoryqa.importers.plain.roles import ROLES
from memoryqa.importers.plain.subtitles import SUBTITLES
from memoryqa.importers.source import HEAD_CHARS, Source, reading
from memoryqa.importers.whatsapp.importer import WHATSAPP

_IN_ORDER = (
    *(CHATGPT, CLAUDE, GEMINI, GEMINI_HTML, SESSIONS),
    *(
        TELEGRAM,
        TELEGRAM_HTML,
        DISCORD,
        DISCORD_HTML,
        DISCORD_PACKAGE,
        SLACK,
        META,
        SIGNAL,
        IMESSAGE,
        IMESSAGE_TEXT,
        GOOGLE_CHAT,
        TEAMS,
    ),
    *(MAIL, KAKAOTALK, LINE, WHATSAPP),
    *(SUBTITLES, IRC, ROLES, DATASETS, RECORDS, NAMED_LINES),
)
_TEXTS = (".txt", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".srt", ".vtt", ".md", ".html")
FORMATS: Mapping[str, Format] = {one.name: one for one in _IN_ORDER}


def format_of(source: Source) -> Format:
    """The format of `source`. UsageError when it is none of them."""
    with reading(source.path), source.sampled():
        for one in FORMATS.values():
            if one.recognises(source):
                return one
        fields = unnamed_fields(source)
        _check_text(source)
    if source.looked_into < len(source.names):
        count = f"{source.looked_into:,} of {len(source.names):,} files were looked into"
        raise UsageError(f"{source.path}: no export that is known: {count}; name the file or folder that is the export")
    advice = f", or the fields of speaker and text with `columns`; there are {', '.join(fields)}" if fields else ""
    raise UsageError(f"{source.path}: no export that is known ({', '.join(FORMATS)}); name it with `format`{advice}")


def _check_text(source: Source) -> None:
    """UsageError for a file that is called a text and is none: that may be all that is wrong with it."""
    for name in [one for one in source.names if one.lower().endswith(_TEXTS)][:3]:
        with source.text(name) as file:
            file.read(HEAD_CHARS)
    inner = next((name for name in source.names if name.lower().endswith(".zip")), None)
    if inner is not None and not source.path.is_file():
        raise UsageError(f"{source.path}: no export that is known, but zips: import {inner} itself")
