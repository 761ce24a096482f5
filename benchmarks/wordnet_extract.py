"""Makes memoryqa/vocabulary/wordnet.npz from WordNet 3.0: the English words that are words before they are names.

WordNet: Miller 1995, "WordNet: A Lexical Database for English"; its files are those of Debian's package wordnet-base.
A word counts as ordinary when WordNet has it without a capital and SemCor's counts say that it is used. One that the US
census of 1990 found more often as a first name does not (John, Mike, Ruby). The census' lists are in the public domain,
carried by the package names. A plant, animal or food that nobody tagged and few are called counts (lily, basil).
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from harness.commands import run_command
from memoryqa.errors import UsageError
from memoryqa.language.ordinary_words import WORDNET

TIMES_AS_OFTEN = 20  # uses that SemCor counts per percent of the population that is called so
RARE_NAME = 0.06  # percent of the population
_KINDS_IN_LOWER_CASE = {"05", "13", "20", "27"}  # lexicographer files of animals, foods, plants, substances
_SENSE_TYPES = {"n": "1", "v": "2", "a": "3", "r": "4", "s": "5"}


@dataclass(frozen=True)
class Synset:
    """One meaning: its words as written, the lexicographer file it is in, and the offsets of what it is a kind of."""

    offset: str
    words: tuple[str, ...]
    lex_ids: tuple[int, ...]
    file: str
    type: str
    kind_of: tuple[str, ...]


def synsets(folder: Path, part: str) -> Iterator[Synset]:
    """The meanings in WordNet's data file of `part` (noun, verb, adj, adv)."""
    for line in (folder / f"data.{part}").read_text(encoding="ascii").splitlines():
        if line.startswith("  "):
            continue  # the licence
        fields = line.partition("|")[0].split()
        number = int(fields[3], 16)
        words = tuple(word.partition("(")[0] for word in fields[4 : 4 + 2 * number : 2])
        ids = tuple(int(one, 16) for one in fields[5 : 5 + 2 * number : 2])
        pointers = fields[5 + 2 * number :]
        kind_of = tuple(pointers[at + 1] for at in range(0, len(pointers) - 3, 4) if pointers[at] in ("@", "@i"))
        yield Synset(fields[0], words, ids, fields[1], fields[2], kind_of)


def uses_of_words(folder: Path) -> Counter[str]:
    """How often SemCor uses each word that WordNet writes without a capital; 0 for one that it never uses."""
    counted: Counter[str] = Counter()
    for line in (folder / "cntlist.rev").read_text(encoding="ascii").splitlines():
        key, _, count = line.split()
        word, _, sense = key.partition("%")
        counted[f"{word}%{':'.join(sense.split(':')[:3])}"] += int(count)
    uses: Counter[str] = Counter()
    for part in ("noun", "verb", "adj", "adv"):
        for synset in synsets(folder, part):
            for word, lex_id in zip(synset.words, synset.lex_ids, strict=True):
                if word.isalpha() and word == word.lower():
                    uses[word] += counted[f"{word}%{_SENSE_TYPES[synset.type]}:{synset.file}:{lex_id:02d}"]
    for part in ("noun", "verb", "adj", "adv"):
        for line in (folder / f"{part}.exc").read_text(encoding="ascii").splitlines():
            form, base = line.split()[:2]
            if form.isalpha() and base in uses:
                uses[form] += uses[base]  # "drew" is used where "draw" is
    return uses


def first_names(folder: Path) -> dict[str, float]:
    """First names in lower case, with the percent of the population that has each."""
    found: dict[str, float] = {}
    for kind in ("female", "male"):
        for line in (folder / f"dist.{kind}.first").read_text(encoding="ascii").splitlines():
            name, share = line.split()[:2]
            found[name.lower()] = max(float(share), found.get(name.lower(), 0.0))
    return found


def ordinary_words(folder: Path, names: dict[str, float]) -> list[str]:
    """The words that are seldom names, sorted."""
    uses = uses_of_words(folder)
    natural = {
        word for synset in synsets(folder, "noun") if synset.file in _KINDS_IN_LOWER_CASE for word in synset.words
    }
    return sorted(
        word
        for word, count in uses.items()
        if len(word) > 1
        and (
            count >= max(1.0, TIMES_AS_OFTEN * names.get(word, 0.0))
            or (word in natural and word in names and names[word] < RARE_NAME)
        )
    )


def names_folder() -> Path:
    """Where the installed package `names` keeps the census' lists."""
    try:
        import names
    except ImportError as error:
        raise UsageError("names is missing: pip install names==0.3.0") from error
    return Path(str(names.__file__)).parent


def run(args: argparse.Namespace) -> None:
    """Write the extract and print its size."""
    folder = Path(args.wordnet)
    if not (folder / "data.noun").is_file():
        raise UsageError(f"{folder} has no data.noun; apt-get install wordnet-base")
    ordinary = ordinary_words(folder, first_names(Path(args.names) if args.names else names_folder()))
    written = BytesIO()
    np.savez_compressed(written, ordinary=np.frombuffer("\n".join(ordinary).encode(), dtype=np.uint8))
    Path(args.output).write_bytes(written.getvalue())
    print(f"{args.output}: {len(ordinary):,} ordinary words, {len(written.getvalue()):,} bytes")


def main(argv: list[str] | None = None) -> int:
    """Exit status 0: written; 2: a package is missing."""
    described = str(__doc__).split("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wordnet_extract", description=described)
    parser.add_argument("--wordnet", metavar="FOLDER", default="/usr/share/wordnet", help="default: %(default)s")
    parser.add_argument("--names", metavar="FOLDER", help="with dist.female.first; default: of the package names")
    parser.add_argument("--output", metavar="FILE", default=str(WORDNET), help="default: the library's own")
    args = parser.parse_args(argv)
    return run_command("benchmarks.wordnet_extract", lambda: run(args))


if __name__ == "__main__":
    raise SystemExit(main())
