"""A file or folder of any format, read once: which format it is, by content, and what is in it.

    found = read(Path("realtalk/"))                 # or read(path, "beam") to force a format
    found.format, found.sha256, found.parsed.questions

A folder is a set of REALTALK chats, a BEAM chat (`chat.json` and its questions) or folders of those.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from locomo.formats import beam, locomo, longmemeval, plain, reading, realtalk
from locomo.formats.names import FORMATS
from locomo.formats.records import DataError, Parsed

_MAX_DEPTH = 3  # of a BEAM chat's folder below the one that was named: chats/100K/1


@dataclass(frozen=True, slots=True)
class Found:
    """What was read. name: the file's without its ending, or the folder's. sha256: see `Dataset`."""

    format: str
    name: str
    sha256: str
    parsed: Parsed


def read(path: Path, wanted: str | None = None) -> Found:
    """The data at `path`, in the format `wanted` or in the one that its content shows.

    Raises DataError, which names the file, for what cannot be read and for a format that is unknown.
    """
    if wanted is not None and wanted not in FORMATS:
        raise DataError(f"unknown format {wanted!r}; it is one of {', '.join(FORMATS)}")
    try:
        if path.is_dir():
            return _read_folder(path, wanted)
        return _read_file(path, path.read_bytes(), wanted)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        if isinstance(error, DataError):
            raise DataError(f"{path}: {error}") from error
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise DataError(f"{path}: cannot be read ({reason}); give the path of a data file or folder") from error


def _read_file(path: Path, content: bytes, wanted: str | None) -> Found:
    digest = hashlib.sha256(content).hexdigest()
    document = plain.decode(content) if wanted in (None, "plain") else reading.decode(content)
    chosen = wanted or _format_of(document)
    if chosen == "beam" and path.name == beam.CHAT:
        return _read_beam(path.parent, [path])
    if chosen == "plain":
        return _read_plain(path, digest, document)
    return Found(chosen, path.stem, digest, _PARSERS[chosen](document, path.name))


def _format_of(document: object) -> str:
    """LoCoMo for what no format recognises: its parser says what is wrong."""
    return next((name for name, recognises in _RECOGNISERS.items() if recognises(document)), "locomo")


def _parse_chat_alone(document: object, file_name: str) -> Parsed:
    return beam.parse({beam.conversation_id(file_name.rpartition(".")[0], ""): (document, None)})


_PARSERS: Mapping[str, Callable[[object, str], Parsed]] = {
    "locomo": lambda document, file_name: locomo.parse_document(document),
    "realtalk": lambda document, file_name: realtalk.parse({file_name: document}),
    "beam": _parse_chat_alone,
    "longmemeval": lambda document, file_name: longmemeval.parse_document(document),
}
_RECOGNISERS: Mapping[str, Callable[[object], bool]] = {
    "realtalk": realtalk.recognises,
    "beam": beam.recognises,
    "longmemeval": longmemeval.recognises,
    "plain": plain.recognises,
}


def _read_plain(path: Path, digest: str, document: object) -> Found:
    """Messages, and the questions in the file of that name beside them, if there is one."""
    beside = next((one for ending in plain.QUESTIONS if (one := path.with_suffix(ending)).is_file()), None)
    if beside is None:
        return Found("plain", path.stem, digest, plain.parse(document, path.stem))
    content = beside.read_bytes()
    try:
        questions = plain.decode(content, columns=("question",))
    except DataError as error:
        raise DataError(f"{beside.name}: {error}") from error
    digests = {path.name: digest, beside.name: hashlib.sha256(content).hexdigest()}
    return Found("plain", path.stem, _digest_of(digests), plain.parse(document, path.stem, questions))


def _read_folder(folder: Path, wanted: str | None) -> Found:
    chats = _beam_chats(folder)
    if chats and wanted in (None, "beam"):
        return _read_beam(folder, chats)
    if wanted in (None, "realtalk"):
        return _read_realtalk(folder)
    raise DataError(f"holds no data of format {wanted}; name a file of it")


def _beam_chats(folder: Path) -> list[Path]:
    """The `chat.json`s at most `_MAX_DEPTH` folders below, in natural order."""
    found = [path for depth in range(_MAX_DEPTH + 1) for path in folder.glob("*/" * depth + beam.CHAT)]
    return sorted(found, key=lambda path: [(len(part), part) for part in path.parts])


def _read_beam(folder: Path, chats: list[Path]) -> Found:
    digests: dict[str, str] = {}
    read_chats: dict[str, tuple[object, object]] = {}
    for path in chats:
        home = path.resolve().parent
        name = beam.conversation_id(home.name, home.parent.name)
        if name in read_chats:
            raise DataError(f"two folders are chat {name}; rename one")
        chat = _decoded(path, folder, digests)
        probing = next((one for one in _questions_beside(path) if one.is_file()), None)
        read_chats[name] = (chat, None if probing is None else _decoded(probing, folder, digests))
    parsed = beam.parse(read_chats)
    name = next(iter(read_chats)) if (folder / beam.CHAT) in chats else _folder_name(read_chats, folder)
    return Found("beam", name, _digest_of(digests), parsed)


def _questions_beside(chat: Path) -> tuple[Path, Path]:
    return chat.with_name(beam.QUESTIONS), chat.parent / beam.QUESTIONS.removesuffix(".json") / beam.QUESTIONS


def _folder_name(chats: Mapping[str, object], folder: Path) -> str:
    """`beam-100k` for chats of one size, else the folder's name."""
    sizes = {name.rpartition("-")[0] for name in chats}
    return next(iter(sizes)).lower() if len(sizes) == 1 else folder.resolve().name


def _read_realtalk(folder: Path) -> Found:
    """All chats of the folder; other files are left alone, and noted."""
    digests: dict[str, str] = {}
    documents: dict[str, object] = {}
    others = []
    for path in sorted(folder.glob("*.json")):
        kept = dict(digests)
        try:
            document = _decoded(path, folder, kept)
        except DataError:
            if realtalk.is_chat(path.name):
                raise
            document = None  # not named as a chat, so it need not be one
        if realtalk.recognises(document):
            documents[path.name], digests = document, kept
        else:
            others.append(path.name)
    if not documents:
        raise DataError(
            "cannot be read (a folder without chats of REALTALK or BEAM); give the path of a data file or folder"
        )
    parsed = realtalk.parse(documents)
    if others:
        parsed = replace(parsed, notes=(*parsed.notes, f"left out {', '.join(others)}: no chat"))
    return Found("realtalk", "realtalk", _digest_of(digests), parsed)


def _decoded(path: Path, folder: Path, digests: dict[str, str]) -> object:
    content = path.read_bytes()
    name = path.relative_to(folder).as_posix()
    digests[name] = hashlib.sha256(content).hexdigest()
    try:
        return reading.decode(content)
    except DataError as error:
        raise DataError(f"{name}: {error}") from error


def _digest_of(digests: Mapping[str, str]) -> str:
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
