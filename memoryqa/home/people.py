"""Who is who in a chat: names that mean one person, and who says "I". Both are kept in the chat's file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from memoryqa.archive.imports import OWNER, People
from memoryqa.archive.summary import Summary, summary
from memoryqa.checks import shown
from memoryqa.errors import UsageError
from memoryqa.importers.people import key_of
from memoryqa.memory import AdaptiveMemory


def join_people(memory: AdaptiveMemory, same: Mapping[str, str], me: str | None = None) -> int:
    """Show what was said under each name, number or id of `same` under the name that it means; later imports do, too.

    me: the name of the one who says "I"; what an app's export calls "Me" or "User" is shown under it. Returns how many
    turns are shown under another name than before. UsageError for an empty name.
    """
    kept = memory.people()
    joins = {_name(alias): _name(name) for alias, name in same.items()}
    renamed = _renamed(memory, kept, joins, me)
    changed = memory.rename(renamed)
    memory.keep_people(joined(kept, joins, me, renamed))
    return changed


def joined(kept: People, joins: Mapping[str, str], me: str | None, renamed: Mapping[str, str]) -> People:
    """`kept` with `joins` and `me`; renamed: what names that were shown are now."""
    found = People(
        joins={alias: renamed.get(name, name) for alias, name in kept.joins.items()} | dict(joins),
        authors={author: renamed.get(name, name) for author, name in kept.authors.items()},
        owner=None if kept.owner is None else renamed.get(kept.owner, kept.owner),
        choices=dict(kept.choices),
    )
    if me is not None:
        found = replace(found, owner=final_name(me.strip(), joins))
    return found


def final_name(name: str, joins: Mapping[str, str]) -> str:
    """`name`, or what it is joined with."""
    by_key = {key_of(alias): joined_name for alias, joined_name in joins.items()}
    return by_key.get(key_of(name), name)


def _renamed(memory: AdaptiveMemory, kept: People, joins: Mapping[str, str], me: str | None) -> dict[str, str]:
    """New names by those that turns have."""
    by_key = {key_of(alias): name for alias, name in joins.items()}
    authors = {name: key_of(author) for author, name in kept.authors.items()}
    found: dict[str, str] = {}
    for speaker in {turn.speaker for turn in memory.turns()}:
        name = by_key.get(key_of(speaker)) or by_key.get(authors.get(speaker, ""))
        if me is not None and kept.authors.get(OWNER) == speaker:
            name = final_name(me.strip(), joins)
        if name is not None and name != speaker:
            found[speaker] = name
    return found


def _name(written: str) -> str:
    name = " ".join(written.split())
    if not name:
        raise UsageError(f"a person needs a name, as in +351 912 345 678=Ana, got {shown(written)}")
    return name


def occur(memory: AdaptiveMemory, names: Iterable[str]) -> set[str]:
    """Those of `names` that a speaker of the chat has, however it is spelled, or that are the id of one."""
    there = {key_of(name) for name in {turn.speaker for turn in memory.turns()}}
    there |= {key_of(author) for author in memory.people().authors}
    return {name for name in names if key_of(name) in there}


@dataclass
class Person:
    """Who speaks under one name, in all chats. is_owner: the user said that it is them."""

    name: str
    chats: list[str] = field(default_factory=list)
    messages: int = 0
    first: date | None = None
    last: date | None = None
    is_owner: bool = False


def people_of(chats: Mapping[str, Path]) -> list[Person]:
    """Everybody in the files of some chats, most talkative first."""
    return people_in({chat: summary(path) for chat, path in chats.items()})


def people_in(chats: Mapping[str, Summary]) -> list[Person]:
    """Everybody in some chats, most talkative first."""
    found: dict[str, Person] = {}
    for chat, one in chats.items():
        for name, speaker in one.speakers.items():
            person = found.setdefault(name, Person(name))
            person.chats.append(chat)
            person.messages += speaker.messages
            person.first = min(filter(None, (person.first, speaker.first)), default=None)
            person.last = max(filter(None, (person.last, speaker.last)), default=None)
            person.is_owner |= name == one.owner
    return sorted(found.values(), key=lambda person: (-person.messages, person.name))
