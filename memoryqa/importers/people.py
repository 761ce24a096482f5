"""Who is who: one person under several spellings is joined, two people of one name stay two by their ids."""

from __future__ import annotations

import re
from collections.abc import Mapping

from memoryqa.importers.message import ME
from memoryqa.turns import printable

UNKNOWN = "Unknown"
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\x00-\x1f\x7f]")
_PHONE = re.compile(r"\+?[0-9][0-9 ().\-/]{4,}")


class People:
    """The names that messages are shown under, for one export."""

    def __init__(self, same: Mapping[str, str], me: str | None, known: Mapping[str, str] | None = None) -> None:
        """known: names by the ids of authors, as an earlier import gave them."""
        self._joined = {key_of(alias): name.strip() for alias, name in same.items()}
        self._me = me.strip() if me and me.strip() else None
        self._names: dict[tuple[str, str], str] = {}
        self._known = known or {}
        self._holders = {name: author for author, name in self._known.items()}  # whose name it is: the author's id

    def name(self, author: str, speaker: str) -> str:
        """The name of the person who wrote under `speaker`; `author` is their id, "" where the export has none."""
        key = (author, "" if author else speaker)
        found = self._names.get(key)
        if found is None:
            found = self._names[key] = self._new(author, speaker)
        return found

    def _new(self, author: str, speaker: str) -> str:
        name = " ".join(_INVISIBLE.sub(" ", printable(speaker)).split())
        if author == ME:
            return self._me or name or "Me"
        joined = self._joined.get(key_of(name)) or (self._joined.get(key_of(author)) if author else None)
        if joined is not None:
            return joined
        if author and author in self._known:
            return self._known[author]
        name = name or " ".join(_INVISIBLE.sub(" ", printable(author)).split()) or UNKNOWN
        if self._holders.setdefault(name, author) != author:
            return f"{name} ({author})" if author else name
        return name


def key_of(name: str) -> str:
    """What two spellings of one name share: case, spaces and invisible signs do not count, nor the form of a number."""
    bare = " ".join(_INVISIBLE.sub("", printable(name)).split()).casefold()
    if _PHONE.fullmatch(bare):
        return re.sub(r"[^0-9]", "", bare)
    return bare
