"""An export on disk: a file, a folder or a zip, with its files by name. Nothing is unpacked, nothing is read whole."""

from __future__ import annotations

import codecs
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, TextIO

from memoryqa.errors import UsageError

HEAD_CHARS = 20_000  # of a file, to tell its format by
LONGEST_LINE = 1 << 27  # characters: logs of assistants have pictures in a line
LOOKED_INTO = 2000  # files, to tell a format by
_LIKELY = re.compile(r"(?i)message|conversation|chat|result|thread|inbox|activity|mail|session|rollout|channel|direct")
_CHUNK_CHARS = 1 << 16
_MOST_NAMES = 200_000
_MOST_PACKED, _UNPACKED_BYTES = 200, 1 << 26  # how many times larger a file of a zip may become, from that size on
_BOMS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_JUNK = ("__macosx/", ".ds_store", "thumbs.db")


class Source:
    """What lies at `path`. names: its files, relative and with `/`; a single file is its own only name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._heads: dict[str, str] = {}
        self._begun = ("", b"")  # the file whose first bytes were read last, and these
        self._is_sampled = False
        self._named: dict[tuple[str, ...], list[str]] = {}  # by endings
        self._samples: dict[tuple[str, ...], list[str]] = {}
        with reading(path):
            self.is_folder = path.is_dir()
            self.is_zip = path.is_file() and zipfile.is_zipfile(path)
            if not path.exists():
                raise UsageError(f"{path}: no such file; check the name")
            if not self.is_folder and not path.is_file():  # a pipe would be waited for, and cannot be read twice
                raise UsageError(f"{path}: no file and no folder; save the export to a file")
            if not self.is_folder and not self.is_zip and _begins_a_zip(path):
                raise UsageError(f"{path}: the zip is damaged, or its end is missing; export or download it again")
            self.names = tuple(sorted(name for name in self._listed() if not _is_junk(name)))
            if self.is_zip and self.names and all(name.lower().endswith(".zip") for name in self.names):
                inner = self.names[0].encode(errors="replace").decode()
                raise UsageError(f"{path}: the zip has nothing but zips in it; unpack it, and import {inner} from it")
            if path.is_file() and not path.stat().st_size:
                raise UsageError(f"{path}: the file is empty, and no export that is known; export it again")
        if not self.names:
            raise UsageError(f"{path}: {'the folder' if self.is_folder else 'the zip'} has no files; name the export")

    @cached_property
    def _zip(self) -> zipfile.ZipFile:
        return zipfile.ZipFile(self.path)

    def _listed(self) -> Iterator[str]:
        if self.is_zip:
            files = [one.filename for one in self._zip.infolist() if not one.is_dir()]
            if len(files) > _MOST_NAMES:
                raise UsageError(
                    f"{self.path}: more than {_MOST_NAMES:,} files; unpack it and name the export's folder"
                )
            yield from files
        elif self.is_folder:
            for number, path in enumerate(self.path.rglob("*")):
                if number > _MOST_NAMES:
                    raise UsageError(f"{self.path}: more than {_MOST_NAMES:,} files; name the folder of the export")
                if path.is_file():
                    yield path.relative_to(self.path).as_posix()
        else:
            yield self.path.name

    @property
    def title(self) -> str:
        """The name of the file or folder without its ending."""
        return self.path.name if self.is_folder else self.path.stem

    def place(self, name: str) -> str:
        """How messages call one of the files."""
        return f"{self.path}/{name}" if self.is_zip or self.is_folder else str(self.path)

    def named(self, *endings: str) -> list[str]:
        """The files whose last part ends in one of `endings`, in lower case; a file that was named itself, always."""
        if not self.is_zip and not self.is_folder:
            return list(self.names)
        if endings not in self._named:
            lowered = ((name, name.rpartition("/")[2].lower()) for name in self.names)
            self._named[endings] = [name for name, last in lowered if last.endswith(endings)]
        found = self._named[endings]
        if not self._is_sampled or len(found) <= LOOKED_INTO:
            return list(found)
        if endings not in self._samples:
            self._samples[endings] = _sample(found)
        return list(self._samples[endings])

    @property
    def looked_into(self) -> int:
        """How many of the files `sampled` shows."""
        return min(len(self.names), LOOKED_INTO)

    @contextmanager
    def sampled(self) -> Iterator[None]:
        """Within it `named` gives `LOOKED_INTO` files at most, those first whose names are an export's: a folder of
        100,000 others is not read to find none."""
        self._is_sampled = True
        try:
            yield
        finally:
            self._is_sampled = False

    def open(self, name: str) -> IO[bytes]:
        """The file's bytes. Errors while it is read are made plain by `reading`."""
        if self.is_zip:
            one = self._zip.getinfo(name)
            if one.file_size > max(_UNPACKED_BYTES, _MOST_PACKED * one.compress_size):
                size = f"{one.file_size / 1e6:,.0f} MB, {_MOST_PACKED} times what it is in the zip"
                raise UsageError(
                    f"{self.place(name)}: unpacks to {size}; if you trust it, unpack it and name the folder"
                )
            return self._zip.open(one)
        return (self.path / name if self.is_folder else self.path).open("rb")

    def text(self, name: str, errors: str = "strict") -> io.TextIOWrapper:
        """The file as text, UTF-8 or UTF-16 with its mark; lines end in \\n alone, as they are written, or in \\r where
        the file has no other."""
        start = self._start(name)
        encoding = next((encoding for mark, encoding in _BOMS if start.startswith(mark)), "utf-8-sig")
        newline = "\r" if self._ends_in_returns(name) else "\n"
        return io.TextIOWrapper(self.open(name), encoding=encoding, errors=errors, newline=newline)

    def _start(self, name: str) -> bytes:
        if self._begun[0] != name:
            with self.open(name) as file:
                self._begun = name, file.read(HEAD_CHARS)
        return self._begun[1]

    def _ends_in_returns(self, name: str) -> bool:
        start = self._start(name)
        return b"\r" in start and b"\n" not in start

    def head(self, name: str) -> str:
        """The first characters of a file, what is no text replaced; kept, because each format asks for it."""
        if name not in self._heads:
            if len(self._heads) > LOOKED_INTO:
                self._heads.clear()
            with reading(self.path), self.text(name, errors="replace") as file:
                head = file.read(HEAD_CHARS)
                self._heads[name] = head if "\n" in head else head.replace("\r", "\n")
        return self._heads[name]

    def lines(self, name: str) -> Iterator[str]:
        """The lines of a text file without their ends. Only `\\n` and `\\r\\n` end a line, or `\\r` alone."""
        with self.text(name) as file:
            ending = "\r" if self._ends_in_returns(name) else "\n"
            held, parts = 0, list[str]()  # of a line whose end is still to come
            while chunk := file.read(_CHUNK_CHARS):
                first, *others = chunk.split(ending)
                parts.append(first)
                held += len(first)
                if others:
                    yield "".join(parts).rstrip("\r\n")
                    parts = [others.pop()]
                    held = len(parts[0])
                    yield from [one.rstrip("\r\n") for one in others] if "\r" in chunk else others
                if held >= LONGEST_LINE:
                    raise _too_long(self.place(name))
            if held:
                yield "".join(parts).rstrip("\r\n")

    def close(self) -> None:
        """Close the zip."""
        if self.is_zip:
            self._zip.close()


def _sample(names: list[str]) -> list[str]:
    likely = [name for name in names if _LIKELY.search(name)][: LOOKED_INTO // 2]
    known = frozenset(likely)
    others = [name for name in names if name not in known]
    return [*likely, *others[:: len(others) // (LOOKED_INTO - len(likely)) + 1]]


def whole_lines(file: TextIO, place: str) -> Iterator[str]:
    """The lines of `file` with their ends. UsageError for one that no chat has: it would be held whole."""
    while line := file.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise _too_long(place)
        yield line


def _too_long(place: str) -> UsageError:
    return UsageError(f"{place}: a line of more than {LONGEST_LINE:,} characters; this is no chat")


@contextmanager
def reading(path: Path | str) -> Iterator[None]:
    """Turn what can go wrong while a file is read into a UsageError of one line."""
    try:
        yield
    except UsageError:
        raise
    except UnicodeDecodeError as error:
        cut = "ends in the middle of a character: export it again" if "end" in error.reason else "save it as UTF-8"
        raise UsageError(f"{path}: not readable as text ({error.reason}); {cut}") from error
    except RuntimeError as error:  # zipfile on encrypted members; NotImplementedError on foreign compression
        if type(error) not in (RuntimeError, NotImplementedError):
            raise
        raise UsageError(f"{path}: the zip cannot be read ({error}); unpack it and name the folder") from error
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError) as error:
        raise UsageError(f"{path}: the zip is damaged ({error}); export or download it again") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error}); check the file") from error


def _begins_a_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _is_junk(name: str) -> bool:
    lower = name.lower()
    return any(part in f"/{lower}" for part in ("/__macosx/",)) or lower.endswith(_JUNK[1:])
