"""Makes memoryqa/vocabulary/wordnet.npz from WordNet 3.0: kinds of things, and words that are words before names.

WordNet: Miller 1995, "WordNet: A Lexical Database for English"; its files are those of Debian's package wordnet-base.
A word counts as ordinary when WordNet has it without a capital and SemCor's counts say that it is used. One that the US
census of 1990 found more often as a first name does not (John, Mike, Ruby). The census' lists are in the public domain,
carried by the package names. A plant, animal or food that nobody tagged and few are called counts (lily, basil).

A kind has the words of all meanings below one of its own. Both the kind and its member count with the first meaning of
the word, which is the most frequent, so that "bill" is no bird's part when people ask about birds; a kind also where
it is short for two words.
"""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("benchmarks.vocabulary.wordnet_extract")

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from harness.commands import run_command
from memoryqa.errors import UsageError
from memoryqa.language.lexicon.ordinary_words import WORDNET

TIMES_AS_OFTEN = 20  # uses that SemCor counts per percent of the population that is called so
RARE_NAME = 0.06  # percent of the population
_KINDS_IN_LOWER_CASE = {"05", "13", "20", "27"}  # lexicographer files of animals, foods, plants, substances
# ... of animals, things, body parts, foods, objects, people, plants, substances; and what is below these meanings.
_FILES_OF_KINDS = {"05", "06", "08", "13", "17", "18", "20", "27"}
_ROOTS_OF_KINDS = {
    *("diversion", "sport", "dance", "illness", "emotion", "chromatic_color", "musical_style", "science"),
    *("weather_condition", "currency"),
}
_LIVING = {"05", "13", "20"}
_MOST_MEANINGS = 3  # of a word that are looked at
LEAST_MEMBERS, MOST_MEMBERS = 3, 1000  # a larger class says nothing
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


def main_meanings(folder: Path, meanings: Mapping[str, Synset]) -> dict[str, list[str]]:
    """The offset of the first meaning of each noun without a capital, and those of others of the same living thing.

    A mackerel is first a dish, then the fish.
    """
    found: dict[str, list[str]] = {}
    for line in (folder / "index.noun").read_text(encoding="ascii").splitlines():
        if not line.startswith("  "):
            word, *_, number = (fields := line.split())[:3]
            offsets = [one for one in fields[-int(number) :] if word in meanings[one].words]
            living = [one for one in offsets[1:_MOST_MEANINGS] if meanings[one].file in _LIVING]
            found[word] = offsets[:1]
            if offsets and meanings[offsets[0]].file in _LIVING:
                found[word] += living
    return found


def below(roots: Iterable[str], kinds: Mapping[str, list[str]]) -> set[str]:
    """The meanings below `roots`, at any depth, without them."""
    found: set[str] = set()
    left = list(roots)
    while left:
        for one in kinds.get(left.pop(), ()):
            if one not in found:
                found.add(one)
                left.append(one)
    return found


def kinds_of_things(folder: Path) -> dict[str, list[str]]:
    """Class -> its members, sorted: single words in lower case."""
    meanings = {synset.offset: synset for synset in synsets(folder, "noun")}
    main, kinds = main_meanings(folder, meanings), dict[str, list[str]]()
    for synset in meanings.values():
        for above in synset.kind_of:
            kinds.setdefault(above, []).append(synset.offset)
    roots = [one.offset for one in meanings.values() if not _ROOTS_OF_KINDS.isdisjoint(one.words)]
    wanted = below(roots, kinds) | set(roots)

    def own(offset: str) -> set[str]:
        words = meanings[offset].words
        return {word for word in words if word.isalpha() and word == word.lower() and offset in main.get(word, ())}

    def short_forms(offset: str) -> set[str]:
        """ "instrument" in the meaning that is "musical instrument" in full."""
        words = meanings[offset].words
        return {word for word in words if any(other.endswith(f"_{word}") for other in words)}

    found: dict[str, set[str]] = {}
    for offset, synset in meanings.items():
        if (synset.file in _FILES_OF_KINDS or offset in wanted) and (names := own(offset) | short_forms(offset)):
            members = set().union(*map(own, below([offset], kinds)))
            for name in names:
                if LEAST_MEMBERS <= len(members - {name}) <= MOST_MEMBERS:
                    found.setdefault(name, set()).update(members - {name})
    return {name: sorted(members) for name, members in sorted(found.items())}


def as_columns(kinds: Mapping[str, list[str]]) -> dict[str, np.ndarray]:
    """How memoryqa/language/lexicon/kinds.py reads them."""
    words = sorted(set(kinds).union(*kinds.values()))
    place = {word: number for number, word in enumerate(words)}
    return {
        "words": np.frombuffer("\n".join(words).encode(), dtype=np.uint8),
        "classes": np.array([place[name] for name in kinds], dtype=np.uint16),
        "counts": np.array([len(members) for members in kinds.values()], dtype=np.uint16),
        "members": np.array([place[one] for members in kinds.values() for one in members], dtype=np.uint16),
    }


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
    kinds = kinds_of_things(folder)
    columns = as_columns(kinds) | {"ordinary": np.frombuffer("\n".join(ordinary).encode(), dtype=np.uint8)}
    np.savez_compressed(written, **columns)  # type: ignore[arg-type]
    Path(args.output).write_bytes(written.getvalue())
    pairs, size = sum(map(len, kinds.values())), len(written.getvalue())
    print(f"{args.output}: {len(ordinary):,} ordinary words, {len(kinds):,} kinds, {pairs:,} members, {size:,} bytes")


def main(argv: list[str] | None = None) -> int:
    """Exit status 0: written; 2: a package is missing."""
    described = str(__doc__).split("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.vocabulary.wordnet_extract", description=described)
    parser.add_argument("--wordnet", metavar="FOLDER", default="/usr/share/wordnet", help="default: %(default)s")
    parser.add_argument("--names", metavar="FOLDER", help="with dist.female.first; default: of the package names")
    parser.add_argument("--output", metavar="FILE", default=str(WORDNET), help="default: the library's own")
    args = parser.parse_args(argv)
    return run_command("benchmarks.vocabulary.wordnet_extract", lambda: run(args))


if __name__ == "__main__":
    raise SystemExit(main())
