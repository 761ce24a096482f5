"""Make memoryqa/vocabulary/emoji_kinds.json.gz: kinds of things in fourteen languages, from the keywords of emoji.

    npm pack cldr-annotations-full && tar xzf cldr-annotations-full-*.tgz
    python -m benchmarks.vocabulary.emoji_kinds package/annotations

Unicode's CLDR gives each emoji a name and keywords in every language: a carrot is "Karotte", with "Gemüse", "Möhre". A
keyword that several things have is a class, and their names and rarer keywords are its members. Only emoji of things
are read (food, animals, plants, sports, instruments, clothes, vehicles, tools, parts of the body), not faces or signs.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.commands import run_command
from memoryqa.errors import UsageError
from memoryqa.language.lexicon.emoji_kinds import EMOJI_KINDS
from memoryqa.language.locales.files import CODES

_THINGS = (  # ranges of code points
    (0x1F32D, 0x1F37F),
    (0x1F3A3, 0x1F3C6),
    (0x1F3CF, 0x1F3D3),
    (0x1F3F8, 0x1F43F),
    (0x1F440, 0x1F462),
    (0x1F4A1, 0x1F4FF),
    (0x1F528, 0x1F52E),
    (0x1F54A, 0x1F54A),
    (0x1F577, 0x1F577),
    (0x1F680, 0x1F6A4),
    (0x1F6B2, 0x1F6B2),
    (0x1F6CB, 0x1F6FC),
    (0x1F93A, 0x1F96F),
    (0x1F97B, 0x1F9CB),
    (0x1F9E0, 0x1F9FF),
    (0x1FA70, 0x1FADF),
    (0x26BD, 0x26BE),
    (0x26F3, 0x26F9),
)
_FEWEST, _MOST = 4, 90  # things that have a class for a keyword
_FEWEST_NAMED = 6  # ... where it is the name of one of them, too: a bird, but not a dog with its bone
_MOST_MEMBERS = 200


def words_of(annotation: Mapping[str, Sequence[str]]) -> list[str]:
    """The name and the keywords of an emoji that are one word, in lower case."""
    found = [*annotation.get("tts", ()), *annotation.get("default", ())]
    return [one.lower() for one in dict.fromkeys(found) if " " not in one and len(one) < 24]


def classes_of(annotations: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[str, list[str]]:
    """Class -> members, in the order of the code points."""
    things = [
        words_of(annotations[sign])
        for first, last in _THINGS
        for sign in map(chr, range(first, last + 1))
        if sign in annotations
    ]
    counts: dict[str, int] = {}
    for words in things:
        for word in words:
            counts[word] = counts.get(word, 0) + 1
    names = {words[0] for words in things if words}
    table: dict[str, dict[str, None]] = {}
    for words in things:
        members = [word for word in words if counts[word] < _FEWEST]
        for word in words:
            if (_FEWEST_NAMED if word in names else _FEWEST) <= counts[word] <= _MOST:
                table.setdefault(word, {}).update(dict.fromkeys(members))
    return {word: list(members)[:_MOST_MEMBERS] for word, members in sorted(table.items()) if members}


def read_all(folder: Path) -> Iterator[tuple[str, dict[str, list[str]]]]:
    for code in CODES[1:]:
        path = folder / code / "annotations.json"
        if not path.is_file():
            raise UsageError(f"{path}: there is no such file; unpack cldr-annotations-full and give its annotations")
        yield code, classes_of(json.loads(path.read_text(encoding="utf-8"))["annotations"]["annotations"])


def write(folder: Path) -> None:
    tables = dict(read_all(folder))
    text = json.dumps(tables, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    EMOJI_KINDS.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{EMOJI_KINDS}: {EMOJI_KINDS.stat().st_size} bytes, {sum(map(len, tables.values()))} classes")


def main(argv: list[str] | None = None) -> int:
    """Exit status 0: written; 2: bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.vocabulary.emoji_kinds",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="the folder `annotations` of cldr-annotations-full")
    args = parser.parse_args(argv)
    return run_command("benchmarks.vocabulary.emoji_kinds", lambda: write(args.folder))


if __name__ == "__main__":
    raise SystemExit(main())
