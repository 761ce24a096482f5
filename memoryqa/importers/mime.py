"""The parts of a mail, by the bytes: headers, texts and names of files (RFC 5322, RFC 2045 to 2047).

The standard library reads a mail line by line and decodes all of it: four times slower on small mails, and slower still
on those with pictures. What is rare (parameters in pieces, base64, encoded words) is left to it.
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator, Mapping
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message as Mail
from typing import NamedTuple

_ENVELOPE = re.compile(rb">?From .*\n")
_BLOCK = re.compile(rb"(?:[!-9;-~]+[ \t]*:.*\n?|[ \t].*\n?)*")
_WANTED = (
    rb"from|date|subject|message-id|in-reply-to|x-gmail-labels|x-folder|received|"
    rb"content-type|content-transfer-encoding|content-disposition"
)
_FIELD = re.compile(rb"(?im)^(%s)[ \t]*:[ \t]*(.*(?:\n[ \t].*)*)" % _WANTED)
_AFTER_BOUNDARY = re.compile(rb"(--)?[ \t]*(?:\r?\n|\Z)")
_FOLD = re.compile(r"[\r\n]+[ \t]*")
_PARAMETER = re.compile(r";\s*([\w*-]+)\s*=\s*(\"(?:[^\"\\]|\\.)*\"|[^;\s]*)")
_ESCAPED = re.compile(r"\\(.)")
_LONGEST_HEADER = 20_000  # characters, of which parameters in pieces are put together
_DEEPEST = 20  # parts within parts
_LATIN_1 = ("iso-8859-1", "latin-1", "latin1", "us-ascii")  # what is called so is often the larger one of Windows
_AS_THEY_ARE = ("", "7bit", "8bit", "binary")

Headers = Mapping[str, str]


class Part(NamedTuple):
    """A part that has no parts. headers: the wanted ones, by their names in lower case; each as its first is."""

    headers: Headers
    content: bytes
    kind: str


def headers_of(content: bytes) -> tuple[dict[str, str], bytes]:
    """The wanted headers, unfolded and not decoded, and what comes after all of them."""
    if b"\n" not in content:
        content = content.replace(b"\r", b"\n")
    begin = match.end() if (match := _ENVELOPE.match(content)) else 0
    block = _BLOCK.match(content, begin)
    end = begin if block is None else block.end()
    found: dict[str, str] = {}
    for field in _FIELD.finditer(content, begin, end):
        found.setdefault(field[1].decode().lower(), _unfolded(field[2]))
    body = content[end:]
    return found, body[1:] if body.startswith(b"\n") else body[2:] if body.startswith(b"\r\n") else body


def _unfolded(raw: bytes) -> str:
    try:
        value = raw.decode()
    except UnicodeDecodeError:
        value = raw.decode("cp1252", errors="replace")
    return _FOLD.sub(" ", value).strip() if "\n" in value else value.strip()


def readable(value: str) -> str:
    """A header's value with its encoded words decoded."""
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        return value


def parts_of(headers: Headers, body: bytes, depth: int = 0, default: str = "text/plain") -> Iterator[Part]:
    """The parts of a mail, those of mails within it too, in their order."""
    written = headers.get("content-type", "")
    kind = written.partition(";")[0].strip().lower() if written else default
    kind = kind if kind.count("/") == 1 else "text/plain"
    if depth > _DEEPEST:
        return
    if kind.startswith("multipart/"):
        boundary = parameter(written, "boundary").rstrip()
        if not boundary:
            yield Part(headers, body, "text/plain")
        inner = "message/rfc822" if kind == "multipart/digest" else "text/plain"
        for piece in _between(body, boundary.encode(errors="surrogateescape")) if boundary else ():
            yield from parts_of(*headers_of(piece), depth + 1, inner)
    elif kind == "message/delivery-status":
        return
    elif kind.startswith("message/"):
        yield from parts_of(*headers_of(body), depth + 1)
    else:
        yield Part(headers, body, kind)


def _between(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """What is between the lines of a boundary. The last piece ends with the body where no line closes it."""
    begin: int | None = None
    for start, end, is_last in _lines_of(body, b"--" + boundary):
        if begin is not None:
            yield body[begin : max(begin, start)]
        if is_last:
            return
        begin = end
    if begin is not None:
        yield body[begin:]


def _lines_of(body: bytes, mark: bytes) -> Iterator[tuple[int, int, bool]]:
    """Begin, end, and whether it is the last, of each line that is a boundary. The line end before it is part of it."""
    at = body.find(mark)
    while at >= 0:
        rest = _AFTER_BOUNDARY.match(body, at + len(mark))
        if rest is not None and (not at or body[at - 1 : at] == b"\n"):
            yield at - (2 if body[at - 2 : at] == b"\r\n" else 1), rest.end(), rest[1] is not None
        at = body.find(mark, at + len(mark))


def parameter(written: str, name: str) -> str:
    """A parameter of a header, "" without it."""
    if (
        "*" in written and len(written) < _LONGEST_HEADER and name in written.lower()
    ):  # RFC 2231: in pieces, or with a charset
        mail = Mail()
        mail["Content-Type"] = f"x/x{written[written.find(';') :]}" if ";" in written else "x/x"
        try:
            value = mail.get_param(name, "")
        except (LookupError, ValueError, TypeError):
            return ""
        return _of_rfc2231(value)
    for match in _PARAMETER.finditer(written):
        if match[1].lower() == name:
            return _ESCAPED.sub(r"\1", match[2][1:-1]) if match[2].startswith('"') else match[2]
    return ""


def _of_rfc2231(value: object) -> str:
    if not isinstance(value, tuple):
        return str(value)
    charset, _, text = value
    try:
        return str(text).encode("latin-1").decode(charset or "utf-8")
    except (LookupError, ValueError):
        return str(text)


def file_name(headers: Headers) -> str:
    """The name that a part has as a file, "" without one."""
    for header, name in (("content-disposition", "filename"), ("content-type", "name")):
        if found := parameter(headers.get(header, ""), name).strip():
            return " ".join(readable(found).split())
    return ""


def is_attached(headers: Headers) -> bool:
    """Whether a part says that it is an attachment."""
    return headers.get("content-disposition", "").partition(";")[0].strip().lower() == "attachment"


def decoded(part: Part) -> str:
    """The text of a part. A charset that is wrong or unknown is UTF-8, else that of Windows."""
    content = _unpacked(part)
    named = parameter(part.headers.get("content-type", ""), "charset").lower() or "utf-8"
    for charset in (named, "utf-8"):
        try:
            return content.decode("cp1252" if charset in _LATIN_1 else charset)
        except (LookupError, ValueError):
            continue
    return content.decode("cp1252", errors="replace")


def _unpacked(part: Part) -> bytes:
    encoding = part.headers.get("content-transfer-encoding", "").strip().lower()
    if encoding in _AS_THEY_ARE:
        return part.content
    if encoding == "quoted-printable":
        return quopri.decodestring(part.content)
    mail = Mail()
    mail["Content-Transfer-Encoding"] = encoding
    mail.set_payload(part.content.decode("ascii", "surrogateescape"))
    payload = mail.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
