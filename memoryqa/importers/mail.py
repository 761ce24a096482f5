"""E-mail: mbox and .eml, alone, in a folder or a zip (Google Takeout, Thunderbird, Apple Mail).

Format: RFC 4155 (mbox), RFC 5322 (messages), RFC 3676 section 4.3 (signatures). The standard library decodes the mails;
mailbox.mbox is not used, because it needs a file on disk and reads it twice. Quoted replies and signatures are left out
and counted; forwarded text is kept. A mail's subject is its first line, unless it answers one.
"""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from datetime import datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message as Mail
from email.utils import parseaddr, parsedate_to_datetime

from memoryqa.importers.format import Format
from memoryqa.importers.markup import words
from memoryqa.importers.message import Message, digest
from memoryqa.importers.options import Options
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source
from memoryqa.importers.spool import oldest_first

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
_LATIN_1 = ("iso-8859-1", "latin-1", "latin1", "us-ascii")  # what is called so is often the larger one of Windows


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
    seen: set[int] = set()
    mails = (content for name in _documents(source) for content in _contents(source, name))
    yield from oldest_first(_mail(content, seen, options, report) for content in mails)


def _contents(source: Source, name: str) -> Iterator[bytes]:
    """The bytes of each mail: all of an .eml, what stands between the envelope lines of an mbox."""
    with source.open(name) as file:
        lines: list[bytes] = []
        is_mbox, after_blank = False, True
        for line in file:
            if after_blank and line.startswith(_ENVELOPE) and (_DATED.search(line) or not any(lines)):
                if any(one.strip() for one in lines):
                    yield b"".join(lines)
                lines, is_mbox = [], True
            else:
                lines.append(
                    line[1:] if is_mbox and line.startswith(b">") and line.lstrip(b">").startswith(_ENVELOPE) else line
                )
            after_blank = not line.strip()
        if any(one.strip() for one in lines):
            yield b"".join(lines)


def _mail(content: bytes, seen: set[int], options: Options, report: ImportReport) -> Iterator[Message]:
    mail = email.message_from_bytes(content)
    labels = f"{_header(mail, 'X-Gmail-Labels')} {_header(mail, 'X-Folder')}".lower()
    if any(label in labels for label in _JUNK_LABELS):
        report.skip("mail in the spam or the trash")
        return
    key = _header(mail, "Message-ID").strip(" <>") or digest(
        _header(mail, "Date"), _header(mail, "From"), _header(mail, "Subject")
    )
    if (mark := hash(key)) in seen:  # a number each, where an archive has millions of mails
        report.skip("copy of a mail")
        return
    seen.add(mark)
    name, address = parseaddr(_header(mail, "From"))
    subject = " ".join(_header(mail, "Subject").split())
    thread = _PREFIX.sub("", subject)
    body, attachments = _body(mail)
    said = _own(body, report, is_forwarded=_FORWARDED.match(subject) is not None)
    answered = _header(mail, "In-Reply-To").strip()
    if subject and not answered and not _PREFIX.match(subject):
        said = f"{subject}\n{said}".strip()
    if not said and not attachments:
        report.skip("mail without words of its own")
        return
    yield Message(
        speaker=name.strip() or address or "Unknown",
        text=said,
        time=_time(_header(mail, "Date"), options) or _received(mail, options),
        id=f"mail:{key}",
        reply_to=f"mail:{answered.split()[0].strip('<>')}" if answered else "",
        attachments=attachments,
        author=address.lower(),
        chat=thread,
    )


def _header(mail: Mail, name: str) -> str:
    """A header as text, whatever its encoding."""
    raw = mail.get(name)
    if raw is None:
        return ""
    try:
        return str(make_header(decode_header(raw)))
    except (HeaderParseError, LookupError, ValueError):
        return str(raw)


def _time(written: str, options: Options) -> datetime | None:
    try:
        return options.placed(parsedate_to_datetime(written))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _received(mail: Mail, options: Options) -> datetime | None:
    """When the last server took it, for a mail without a date of its own."""
    return _time(_header(mail, "Received").rpartition(";")[2].strip(), options)


def _body(mail: Mail) -> tuple[str, tuple[str, ...]]:
    """The text, plain before HTML, and the names of attached files."""
    plain, rich, attachments = list[str](), list[str](), list[str]()
    for part in mail.walk():
        if part.is_multipart():
            continue
        name, kind = _name(part), part.get_content_type()
        if name or part.get_content_disposition() == "attachment" or part.get_content_maintype() != "text":
            if part.get_content_maintype() != "multipart" and part.get_payload():
                attachments.append(name or kind)
        elif kind == "text/html":
            rich.append(_decoded(part))
        else:
            plain.append(_decoded(part))
    text = "\n".join(plain)
    return (text if text.strip() else "\n".join(words(_QUOTE.sub(" ", part)) for part in rich)), tuple(attachments)


def _name(part: Mail) -> str:
    try:
        found = part.get_filename()
        return str(make_header(decode_header(found))) if found else ""
    except (HeaderParseError, LookupError, ValueError, TypeError):
        return "file"


def _decoded(part: Mail) -> str:
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    for charset in (_charset(part), "utf-8"):
        try:
            return content.decode("cp1252" if charset in _LATIN_1 else charset)
        except (LookupError, ValueError):
            continue
    return content.decode("cp1252", errors="replace")


def _charset(part: Mail) -> str:
    try:
        return part.get_content_charset() or "utf-8"
    except (LookupError, ValueError, TypeError):
        return "utf-8"


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
