"""What a message's text says besides words: attachments, deletions, edits, events."""

from __future__ import annotations

import re
from dataclasses import dataclass

from memoryqa.importers.whatsapp.events import CALL, WAITING, WAITING_BEGINNINGS, event_of
from memoryqa.importers.whatsapp.words import ATTACHED, DELETED, DELETED_BEGINNINGS, DELETED_BY_ADMIN, EDITED, OMITTED

MARK = "\u200e"  # iOS puts it before what it writes itself
_EDITED = re.compile(r"[ \n]*\u200e?<([^<>\n]{5,60})>[\u200e\s]*\Z")
_IOS_FILE = re.compile(r"(?s)(?P<caption>.*?) ?\u200e<[^<>:\n]{2,30}: ?(?P<file>[^<>\n]+)>\Z")
# report.pdf • 12 pages
_IOS_DOCUMENT = re.compile(rf"{MARK}?(?P<file>[^\n•]{{1,200}}\.\w{{1,5}}) • {MARK}?(?P<size>[^\n•]{{1,30}})")
_BARE_FILE = re.compile(r"<[^<>:\n]{2,30}: ?(?P<file>\d{5,}-[^<>\n]+\.\w{2,5})>\Z")
_ANDROID_FILE = re.compile(
    r"(?s)(?P<file>[^\n/\\]{1,200}\.\w{1,5}) \((?P<word>[^()\n]{3,40})\)(?:\n(?P<caption>.*))?\Z"
)
_OWN_NAME = re.compile(r"(?:IMG|VID|AUD|PTT|STK|DOC)-\d{8}-WA\d+\.\w+")
_ANDROID_OMITTED = re.compile(r"(?s)<(?P<what>[^<>\n]{3,60})>(?:\n(?P<caption>.*))?\Z")
_ISOLATE = "\u2068"
_MENTION = re.compile("@\u2068([^\u2069\n]{1,100})\u2069")
_MOST_OMITTED = 60  # characters
_MOST_DELETED = 90
_NULL = "null"  # what Android writes for a message that it cannot export
BEGINNING = 3  # characters
BEGINNINGS = frozenset(one[:BEGINNING] for one in (*DELETED, *DELETED_BEGINNINGS, *WAITING_BEGINNINGS, _NULL))
"""How all begins that is known by what it says: most messages begin otherwise, and are looked at no further."""


@dataclass(slots=True)
class Content:
    """What is left of a message. event: the reason to leave it out, "" for a message that somebody wrote."""

    text: str
    attachments: tuple[str, ...] = ()
    edited: bool = False
    deleted: bool = False
    event: str = ""


def content_of(text: str, names: frozenset[str] = frozenset()) -> Content:
    """The content of a message. names: the files beside the chat, which are its attachments."""
    if _ISOLATE in text:
        text = _MENTION.sub(r"@\1", text)
    if "<" not in text and MARK not in text and "(" not in text:  # nearly all
        return _plain(text)
    edited = False
    match = _EDITED.search(text) if text.rstrip("\u200e ").endswith(">") else None
    if match and EDITED.search(match[1]):
        text, edited = text[: match.start()], True
    bare = text.strip("\u200e\u200f \n")
    if _is_deleted(bare):
        return Content("", deleted=True)
    if text.startswith(MARK) and CALL.match(bare):
        return Content("", event="call")
    found = _attachment(text, bare, names)
    if found is not None:
        found.edited = edited
        return found
    if text.startswith(MARK):
        event = event_of(bare)
        if event:
            return Content("", event=event)
    return Content(text.replace(f"\n{MARK}", "\n").lstrip(MARK), edited=edited)


def _plain(text: str) -> Content:
    """A message without a sign of WhatsApp's own."""
    if len(text) > _MOST_DELETED or text[:BEGINNING].casefold() not in BEGINNINGS:  # nearly all
        return Content(text)
    if text == _NULL:
        return Content("", event=f'message that the export has as "{_NULL}"')
    if _is_deleted(text):
        return Content("", deleted=True)
    if WAITING.match(text):
        return Content("", event="message that had not arrived")
    return Content(text)


def _is_deleted(said: str) -> bool:
    if len(said) > _MOST_DELETED or said[:BEGINNING].casefold() not in BEGINNINGS:
        return False
    said = said.rstrip(".。 ")
    return said.casefold() in DELETED or DELETED_BY_ADMIN.fullmatch(said) is not None


def _attachment(text: str, bare: str, names: frozenset[str]) -> Content | None:
    match = _IOS_FILE.fullmatch(text) or _BARE_FILE.fullmatch(bare)
    if match:
        caption = (match.groupdict().get("caption") or "").strip(f"{MARK} \n")
        return Content(caption, (match["file"].strip(),))
    match = _ANDROID_FILE.fullmatch(bare)
    if match:
        file = match["file"].strip(MARK)
        if file in names or _OWN_NAME.fullmatch(file) or match["word"].casefold() in ATTACHED:
            return Content((match["caption"] or "").strip(), (file,))
    match = _ANDROID_OMITTED.fullmatch(bare)
    if match and OMITTED.search(match["what"]):
        return Content((match["caption"] or "").strip(), (match["what"].strip(),))
    before, mark, said = text.rpartition(MARK)
    named = _IOS_DOCUMENT.fullmatch(before)
    if named and OMITTED.search(said):
        return Content("", (f"{named['file'].strip()} ({named['size'].strip()})",))
    if mark and "\n" not in said and len(said) <= _MOST_OMITTED and OMITTED.search(said):
        return Content(before.strip(f"{MARK} \n•"), (said.strip(" ."),))
    return None
