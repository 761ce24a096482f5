"""E-mail: mbox and .eml, alone, in a folder or a zip (Google Takeout, Thunderbird, Apple Mail).

Format: RFC 4155 (mbox), RFC 5322 (messages), RFC 3676 section 4.3 (signatures). mailbox.mbox is not used, because it
needs a file on disk and reads it twice. Quoted replies and signatures are left out and counted; forwarded text is kept.
A mail's subject is its first line, unless it answers one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parseaddr, parsedate_to_datetime
from functools import lru_cache

from memoryqa.importers.format import Format
from memoryqa.importers.markup import words
from memoryqa.importers.message import Message, digest
from memoryqa.importers.mime import Headers, Part, decoded, file_name, headers_of, is_attached, parts_of, readable
from memoryqa.importers.options import Options
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source
from memoryqa.importers.spool import SeenKeys, oldest_first

_HEADER = re.compile(
    r"(?i)^(?:from|date|subject|message-id|received|return-path|delivered-to|mime-version|to|x-[\w-]+):", re.M
)
_NEEDED = re.compile(r"(?im)^from: .*@|^from:.*\S")
_PREFIX = re.compile(r"(?i)^\s*(?:(?:re|aw|sv|vs|antw|res|rif|odp|ynt|fwd?|wg|tr|enc|rv|vl)(?:\[\d+\])?\s*:\s*)+")
_FORWARDED = re.compile(r"(?i)^\s*(?:fwd?|wg|tr|enc|rv|vl|i|doorst)\s*:")
_ATTRIBUTION = re.compile(
    r"(?is)^(?:on|am|le|el|il|em|op|den|dnia|na|pe|у|в)\b.{4,200}"
    r"(?:wrote|schrieb.{0,60}|a écrit|escribió|ha scritto|escreveu|schreef.{0,60}|skrev.{0,60}|napisał.{0,3}|"
    r"написал.{0,60})\s*:$"
)
_OUTLOOK = re.compile(
    r"(?im)^(?:-{2,} ?(?:original message|ursprüngliche nachricht|mensaje original|message d'origine|"
    r"messaggio originale|mensagem original|oorspronkelijk bericht) ?-{2,}|_{20,})\s*$"
)
_OUTLOOK_HEAD = re.compile(
    r"(?im)^(?:from|von|de|da|van|från|od|от|kimden): .{3,200}\n(?:(?:sent|gesendet|enviado(?: el)?|envoyé|inviato|"
    r"verzonden|skickat|wysłano|отправлено|gönderildi|date|datum|fecha|data): .{5,80}\n)"
)
_SIGNATURE = re.compile(r"(?m)^-- ?$")
_QUOTE = re.compile(r"(?is)<blockquote\b.*</blockquote>|<div class=[\"']?gmail_quote.*")
_JUNK_LABELS = ("spam", "trash", "junk")
_ENVELOPE = b"From "
_DATED = re.compile(rb"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b.*\d{4}")  # "From now on we meet at nine" is text
_ADDRESS = re.compile(r'(?:"(?P<quoted>[^"\\]*)"|(?P<name>[^"<>@]*?)) ?<(?P<address>[^<>\s"]+@[^<>\s"]+)>')
_LONGEST_SENDER = 2000  # characters
_PLAIN_DATE = re.compile(
    r"(?:[A-Z][a-z]{2}, ?)?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)(?: \([A-Z]+\))?"
)
_MONTHS = {name: number for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}


def _documents(source: Source) -> list[str]:
    named = source.named(".mbox", ".eml", ".mbx", "mbox")
    return [name for name in named if _is_mail(source.head(name))]


def _is_mail(head: str) -> bool:
    block = head.removeprefix("From ").partition("\n\n")[0].replace("\r", "")
    if head.startswith("From "):
        return bool(_HEADER.search(block.partition("\n")[2]))
    return bool(_NEEDED.search(block)) and len(_HEADER.findall(block)) >= 3


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The mails of every file, the oldest first, each once."""
    seen = SeenKeys()
    mails = (content for name in _documents(source) for content in _contents(source, name))
    yield from oldest_first(_mail(content, seen, options, report) for content in mails)


def _contents(source: Source, name: str) -> Iterator[bytes]:
    """The bytes of each mail: all of an .eml, what stands between the envelope lines of an mbox."""
    with source.open(name) as file:
        lines: list[bytes] = []
        is_mbox, after_blank = False, True
        for line in file:
            first = line[:1]
            if first == b"F" and after_blank and _begins_mail(line, lines):
                if any(one.strip() for one in lines):
                    yield b"".join(lines)
                lines, is_mbox = [], True
            else:
                is_quoted = first == b">" and is_mbox and line.lstrip(b">").startswith(_ENVELOPE)
                lines.append(line[1:] if is_quoted else line)
            after_blank = line.isspace()
        if any(one.strip() for one in lines):
            yield b"".join(lines)


def _begins_mail(line: bytes, before: list[bytes]) -> bool:
    return line.startswith(_ENVELOPE) and (_DATED.search(line) is not None or not any(before))


def _mail(content: bytes, seen: SeenKeys, options: Options, report: ImportReport) -> Iterator[Message]:
    headers, rest = headers_of(content)
    labels = readable(f"{headers.get('x-gmail-labels', '')} {headers.get('x-folder', '')}").lower()
    if any(label in labels for label in _JUNK_LABELS):
        report.skip("mail in the spam or the trash")
        return
    written, sender = headers.get("date", ""), headers.get("from", "")
    subject = " ".join(readable(headers.get("subject", "")).split())
    key = headers.get("message-id", "").strip(" <>") or digest(written, sender, subject)
    if not seen.add(key):
        report.skip("copy of a mail")
        return
    name, address = _person(sender[:_LONGEST_SENDER])
    thread = _PREFIX.sub("", subject)
    body, attachments = _body(headers, rest)
    said = _own(body, report, is_forwarded=_FORWARDED.match(subject) is not None)
    answered = headers.get("in-reply-to", "").strip()
    if subject and not answered and not _PREFIX.match(subject):
        said = f"{subject}\n{said}".strip()
    if not said and not attachments:
        report.skip("mail without words of its own")
        return
    yield Message(
        speaker=name or address or "Unknown",
        text=said,
        time=_time(written, options) or _received(headers, options),
        id=f"mail:{key}",
        reply_to=f"mail:{answered.split()[0].strip('<>')}" if answered else "",
        attachments=attachments,
        author=address.lower(),
        chat=thread,
    )


@lru_cache(maxsize=4096)
def _person(written: str) -> tuple[str, str]:
    """Name and address. The name is decoded last: it may have a comma."""
    match = _ADDRESS.fullmatch(" ".join(written.split()))
    name, address = (match["quoted"] or match["name"] or "", match["address"]) if match else parseaddr(written)
    return " ".join(readable(name).split()), address


def _time(written: str, options: Options) -> datetime | None:
    try:
        return options.placed(_plain_time(written) or parsedate_to_datetime(written))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _plain_time(written: str) -> datetime | None:
    """A time as nearly all mails have it; None for others. `-0000` says that the zone is unknown."""
    match = _PLAIN_DATE.fullmatch(written)
    if match is None or match[2] not in _MONTHS:
        return None
    day, month, year, *clock, sign, hours, minutes = match.groups()
    zone = None if (sign, hours, minutes) == ("-", "00", "00") else _zone(sign, int(hours), int(minutes))
    hour, minute, second = map(int, clock)
    return datetime(int(year), _MONTHS[month], int(day), hour, minute, second, tzinfo=zone)


@lru_cache(maxsize=256)
def _zone(sign: str, hours: int, minutes: int) -> timezone:
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if sign == "-" else offset) if offset else UTC


def _received(headers: Headers, options: Options) -> datetime | None:
    """When the last server took it, for a mail without a date of its own."""
    return _time(headers.get("received", "").rpartition(";")[2].strip(), options)


def _body(headers: Headers, rest: bytes) -> tuple[str, tuple[str, ...]]:
    """The text, plain before HTML, and the names of attached files."""
    plain, rich, attachments = list[str](), list[Part](), list[str]()
    for part in parts_of(headers, rest):
        name = file_name(part.headers)
        if name or is_attached(part.headers) or not part.kind.startswith("text/"):
            if part.content:
                attachments.append(name or part.kind)
        elif part.kind == "text/html":
            rich.append(part)
        else:
            plain.append(decoded(part))
    text = "\n".join(plain)
    if text.strip() or not rich:
        return text, tuple(attachments)
    return "\n".join(words(_QUOTE.sub(" ", decoded(part))) for part in rich), tuple(attachments)


def _own(body: str, report: ImportReport, *, is_forwarded: bool = False) -> str:
    """What the writer wrote: no quoted lines, nothing below an Outlook separator, no signature. What was forwarded is
    kept, although Outlook begins it as it begins a quoted mail."""
    text = body.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")
    cuts = [_OUTLOOK.search(text), None if is_forwarded else _OUTLOOK_HEAD.search(text)]
    cut = min(filter(None, cuts), key=lambda one: one.start(), default=None)
    if cut and cut.start():
        report.skip("quoted line", text[cut.start() :].count("\n") + 1)
        text = text[: cut.start()]
    signatures = list(_SIGNATURE.finditer(text))
    if signatures:
        report.skip("signature")
        text = text[: signatures[-1].start()]
    kept: list[str] = []
    quoted = 0
    for line in text.split("\n"):
        if not line.startswith(">"):
            kept.append(line.rstrip())
            continue
        quoted += 1
        _drop_attribution(kept)
    if quoted:
        report.skip("quoted line", quoted)
    else:
        _drop_attribution(kept)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def _drop_attribution(kept: list[str]) -> None:
    """Drop "On Monday Ana wrote:", which may be broken over two lines, from the end of `kept`."""
    while kept and not kept[-1].strip():
        kept.pop()
    for count in (1, 2, 3):
        if len(kept) >= count and _ATTRIBUTION.match(" ".join(kept[-count:]).strip()):
            del kept[-count:]
            return


MAIL = Format("mail", "E-mail", lambda source: bool(_documents(source)), read)
