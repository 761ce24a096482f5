"""Reads a form with a file as it arrives: the file goes to the disk in pieces, the fields stay small."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from memoryqa.serve.api.problems import RefusedError

FILE = "file"
_MAX_FIELDS = 20
_MAX_FIELD_BYTES = 10_000
_MAX_NAME_CHARS = 100
_PREFIX = ".upload-"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_LEFT_SEC = 6 * 3600.0  # an upload to which nothing was written for so long is of a server that was killed


def remove_left(folder: Path) -> None:
    """Remove what servers that were killed left of uploads; other servers may be receiving theirs into `folder`."""
    for own in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            newest = max(path.stat().st_mtime for path in (own, *own.iterdir()))
            if time.time() - newest > _LEFT_SEC:
                shutil.rmtree(own)


class Upload:
    """A form that is being received into a folder of its own below `folder`. path: of its file, when that has come."""

    def __init__(self, content_type: str, folder: Path) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise RefusedError(415, "send a form (multipart/form-data) with the export as its file")
        self._folder = folder
        self.fields: dict[str, str] = {}
        self.path: Path | None = None
        self._open: BinaryIO | None = None
        self._header, self._value, self._disposition = b"", b"", b""
        self._name, self._content = "", bytearray()
        self._has_ended = False
        calls = {name: getattr(self, name) for name in dir(self) if name.startswith("on_")}
        try:
            self._parser = MultipartParser(options[b"boundary"], calls)  # type: ignore[arg-type]
        except FormParserError:
            raise _bad() from None

    async def receive(self, stream: AsyncIterator[bytes]) -> None:
        """Read to the end. RefusedError for what is no such form."""
        try:
            async for piece in stream:
                self._parser.write(piece)
            self._parser.finalize()
        except (FormParserError, UnicodeDecodeError):
            raise _bad() from None
        except OSError as error:
            mend = "free some space" if error.errno in _FULL else "the folder of the chats must be writable"
            raise RefusedError(503, f"the upload cannot be kept ({error.strerror}); {mend}") from None
        if not self._has_ended:
            raise _bad()
        if self.path is None:
            raise RefusedError(422, f"the form has no {FILE}")

    def __enter__(self) -> Upload:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._open is not None:
            self._open.close()
        if kind is not None and self.path is not None:
            self.path.unlink(missing_ok=True)
            self.path.parent.rmdir()

    # -- what the parser calls -----------------------------------------------------------------------------------------

    def on_part_begin(self) -> None:
        self._header, self._value, self._disposition, self._content = b"", b"", b"", bytearray()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode()
        if self._name != FILE:
            if len(self.fields) >= _MAX_FIELDS:
                raise RefusedError(422, f"a form may have {_MAX_FIELDS} fields")
            return
        if self.path is not None:
            raise RefusedError(422, "one file at a time")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._folder))
        path = own / _safe_name(options.get(b"filename", b"export").decode("utf-8", "replace"))
        self._open = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self.path = path

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._name == FILE and self._open is not None:
            self._open.write(data[start:end])
            return
        self._content += data[start:end]
        if len(self._content) > _MAX_FIELD_BYTES:
            raise RefusedError(413, f"a field may have {_MAX_FIELD_BYTES:,} bytes")

    def on_part_end(self) -> None:
        if self._name != FILE:
            self.fields[self._name] = self._content.decode()
        elif self._open is not None:
            self._open.close()

    def on_end(self) -> None:
        self._has_ended = True


def _safe_name(given: str) -> str:
    """The last part of a file name, without what a file system or a reader of names could take amiss."""
    last = given.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(one if one.isprintable() and one not in '<>:"|?*' else "_" for one in last).strip(". ")
    stem, dot, suffix = kept.rpartition(".")
    short = f"{stem[: _MAX_NAME_CHARS - 12]}.{suffix[:10]}" if dot and stem else kept[:_MAX_NAME_CHARS]
    return short.encode("utf-8", "replace").decode() or "export"


def _bad() -> RefusedError:
    return RefusedError(400, "the form cannot be read: it is cut short or damaged")
