"""Which chat each conversation of an export goes to: the one that it is in, or a new one of its name; see importing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from memoryqa.errors import UsageError
from memoryqa.home.names import free_name, safe_name
from memoryqa.home.recognition import Place, recognise
from memoryqa.home.survey import Seen
from memoryqa.importers import Import
from memoryqa.memories import Memories, check_name

BY_APP = (
    "chatgpt",
    "claude",
    "gemini",
    "gemini-html",
    "sessions",
    "mail",
    "datasets",
    "discord-package",
)  # their conversations are topics, no circles of people; the package has one person alone
_IN_PARTS = ("sessions", "mail")  # of these, each import may be another part of one whole
_BY_FILE = ("records", "lines", "roles", "datasets", "subtitles", "irc")
_SHORT = {
    "sessions": "Assistant sessions",
    "telegram-html": "Telegram",
    "discord-html": "Discord",
    "discord-package": "Discord, my messages",
    "gemini-html": "Gemini",
}


def known_places(
    found: Import, conversations: Mapping[str, Seen], memories: Memories, chat: str | None
) -> dict[str, Place]:
    """Where the conversations are already, by scope."""
    chats = {name: memories.path_of(name) for name in memories}
    file_chat = safe_name(found.stem) if found.format in _BY_FILE else ""
    try:
        return recognise(conversations.values(), found.format, chats, chat, file_chat)
    except UsageError as error:
        raise UsageError(f"{found.path}: {error}") from None


def destinations(
    found: Import,
    conversations: Mapping[str, Seen],
    places: Mapping[str, Place],
    chat: str | None,
    new: bool,
    memories: Memories,
) -> dict[str, str]:
    """The chat of each conversation, by scope."""
    if chat is not None:
        check_name(chat)
        if new and chat in memories and len(memories[chat]):
            raise UsageError(f"{found.path}: there is a chat {chat} already; give a new name with `chat`, or none")
        return dict.fromkeys(conversations, chat)
    if new:
        return dict.fromkeys(conversations, free_name(called(found, conversations), memories))
    names = {scope: place.chat for scope, place in places.items()}
    if names.keys() != conversations.keys():
        own = _own_chat(found, conversations, names, memories)
        names = {scope: names.get(scope, own) for scope in conversations}
    return names


def called(found: Import, conversations: Mapping[str, Seen]) -> str:
    """The name of a new chat, which may be taken."""
    titles = [_SHORT.get(found.format, found.title)]
    if found.format in _BY_FILE:
        titles = [found.stem]
    elif len(conversations) == 1 and found.format not in BY_APP:
        named = [name for name, _ in found.report.people.most_common(4)]
        people = [name for name in named if name not in ("Me", "You")][:3] or named
        titles = [next(iter(conversations.values())).title, ", ".join(people)]
    return safe_name(*titles)


def decisions(
    names: Mapping[str, str], places: Mapping[str, Place], chat: str | None, new: bool, title: str
) -> Iterator[str]:
    """What was decided about where the conversations go, for the report."""
    for place in places.values():
        if place.is_by_name and chat is None:
            yield (
                f"taken for another part of {place.chat}: the name and the people are the same, and no time is in both;"
                " `new` keeps it apart"
            )
        for name, old in place.renamed.items():
            yield f"{name} is {old}, renamed: the messages are the same. {old} stays the name; `same` changes it"
    own = next((name for scope, name in names.items() if scope not in places), title)
    if chat is None and not new and own.startswith(f"{title} ("):
        yield f"{title} is another chat: other people, or other messages at these times; `chat` puts both into one"


def _own_chat(found: Import, conversations: Mapping[str, Seen], names: Mapping[str, str], memories: Memories) -> str:
    """The chat of the conversations that none has yet: one that has others of this export, or a new one."""
    is_topics = found.format in BY_APP
    homes = [name for name in dict.fromkeys(names.values()) if is_topics or len(memories[name].conversations()) > 1]
    if homes:
        return max(homes, key=list(names.values()).count)
    name = called(found, conversations)
    if name in memories:
        memory = memories[name]
        is_empty = not len(memory)  # a process was killed before it added anything
        if is_empty or (found.format in _IN_PARTS and found.format in {one.format for one in memory.conversations()}):
            return name
    return free_name(name, memories)
