"""The kinds of questions of a data set: their names, in order, and how each is scored.

A question carries the number of its kind (`Question.category`). What the number means is its data set's own: kind 1 is
"multi_hop" in LoCoMo and "contradiction_resolution" in BEAM. `LOCOMO` is what a run without kinds of its own speaks of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

F1Rule = Literal["tokens", "parts", "before_semicolon", "declines"]
"""How an answer of a kind is scored (locomo/evaluate.py). `declines`: the right answer is that nothing is known."""

_RULES: tuple[str, ...] = get_args(F1Rule)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of question.

    is_apart: its figures stand in rows of their own, outside of the headline; a search for the few best turns cannot
    answer it, because it asks about the whole conversation.
    """

    number: int
    name: str
    rule: F1Rule = "tokens"
    is_apart: bool = False

    @property
    def is_declined(self) -> bool:
        """Whether the conversation does not hold the answer, so that the right one is to say so."""
        return self.rule == "declines"


@dataclass(frozen=True, slots=True)
class Kinds:
    """All kinds of a data set, in the order of its tables. Numbers and names are distinct.

    counted_label, declined_label, answerable_label: what tables call the kinds that count, those that are to be
    declined, and all but those.
    noun, noun_plural: what tables call one of them, and several.
    """

    members: tuple[Kind, ...]
    counted_label: str = "kinds that count"
    declined_label: str = "to be declined"
    answerable_label: str = "the others"
    noun: str = "kind"
    noun_plural: str = "kinds"

    @property
    def names(self) -> dict[int, str]:
        """Number -> name, in order."""
        return {kind.number: kind.name for kind in self.members}

    @property
    def declined(self) -> frozenset[int]:
        """Numbers of the kinds that are to be declined."""
        return frozenset(kind.number for kind in self.members if kind.is_declined)

    @property
    def answerable(self) -> frozenset[int]:
        """Numbers of all other kinds."""
        return frozenset(kind.number for kind in self.members if not kind.is_declined)

    @property
    def apart(self) -> frozenset[int]:
        """Numbers of the answerable kinds that stay outside of the headline."""
        return frozenset(kind.number for kind in self.members if kind.is_apart)

    @property
    def counted(self) -> frozenset[int]:
        """Numbers of the kinds that the headline is over: answerable and not apart."""
        return self.answerable - self.apart

    @property
    def declined_names(self) -> frozenset[str]:
        """Names of the kinds that are to be declined."""
        return frozenset(kind.name for kind in self.members if kind.is_declined)

    @property
    def counted_key(self) -> str:
        """What metrics call the kinds that count: `f1_categories_1_4` of LoCoMo, `f1_counted` of any other data set."""
        return "categories_1_4" if self == LOCOMO else "counted"

    def kind(self, number: int) -> Kind:
        """Kind `number`. Raises ValueError when there is none."""
        for kind in self.members:
            if kind.number == number:
                return kind
        raise ValueError(f"unknown category {number!r}; it is one of {sorted(self.names)}")

    def to_json(self) -> dict[str, Any]:
        """What `kinds_of` reads, for a run's files."""
        return asdict(self)


LOCOMO = Kinds(
    (
        Kind(1, "multi_hop", "parts"),
        Kind(2, "temporal"),
        Kind(3, "open_domain", "before_semicolon"),
        Kind(4, "single_hop"),
        Kind(5, "adversarial", "declines"),
    ),
    counted_label="categories 1-4",
    declined_label="category 5",
    answerable_label="1-4",
    noun="category",
    noun_plural="categories",
)
"""The paper's names for the file's category ids. Several papers permute them: compare ids, not names."""


def kinds_of(document: Mapping[str, Any]) -> Kinds:
    """The kinds that a run's manifest.json or summary.json names in its `data`; LoCoMo's where it names none.

    Raises ValueError when `kinds` is there and is not what `Kinds.to_json` writes.
    """
    data = document.get("data")
    found = data.get("kinds") if isinstance(data, Mapping) else None
    if found is None:
        return LOCOMO
    try:
        members = tuple(Kind(**one) for one in found["members"])
        kinds = Kinds(**{**found, "members": members})
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"kinds is not what a run writes ({error})") from error
    texts = [getattr(kinds, one.name) for one in fields(Kinds)[1:]]
    if not members or not all(map(_is_kind, members)) or not all(isinstance(text, str) for text in texts):
        raise ValueError("kinds is not what a run writes (a value of another type)")
    if len(kinds.names) < len(members) or len(set(kinds.names.values())) < len(members):
        raise ValueError("kinds names a number or a name twice")
    return kinds


def _is_kind(kind: Kind) -> bool:
    return (
        type(kind.number) is int
        and isinstance(kind.name, str)
        and kind.rule in _RULES
        and isinstance(kind.is_apart, bool)
    )
