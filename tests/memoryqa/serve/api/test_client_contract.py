"""`memoryqa.client` has the methods of the library, with the same arguments; what differs is listed here, with why."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from memoryqa import AdaptiveMemory, Memories
from memoryqa.client import Chat, Client

ONE_FILE = "of the file or the working memory, which a client does not have"
BY_THE_SERVER = "the server does it"
BUILDING = "for building a memory, not for using one"
BEFORE_ASKING = "what a search does by itself"
ELSEWHERE = {
    **dict.fromkeys(
        ("archived", "losses", "pack", "recent", "render", "stats", "transcript", "lines", "rank", "ranking"), ONE_FILE
    ),
    **dict.fromkeys(
        (
            "close",
            "open",
            "load",
            "save",
            "refresh",
            "keep_index",
            "embed",
            "with_ranking",
            "of",
            "unchanged",
        ),
        ONE_FILE,
    ),
    **dict.fromkeys(
        ("add_conversation", "follow_export", "ids_of", "keep_people", "set_title", "take_in", "rename", "in_order"),
        BUILDING,
    ),
    **dict.fromkeys(("conversations", "message_counts", "titles", "revised", "place_of", "turns_from"), BUILDING),
    **dict.fromkeys(("asks_only_days", "days_asked"), BEFORE_ASKING),
    "exported": "`export` writes it",
    "import_jsonl": "`Client.import_export` reads it with every other export",
    "people": "`Client.people` lists them, `Chat.join` joins their names",
}
OF_CHATS = {
    **dict.fromkeys(
        (
            "choose",
            "find",
            "leave_removed",
            "look_at",
            "opened",
            "path_of",
            "put_away",
            "refresh",
            "rendered_lines",
            "open",
            "of",
        ),
        ONE_FILE,
    ),
    **dict.fromkeys(
        ("clear", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values"), "`chats` lists them"
    ),
}
OTHERWISE = {
    "add": {"message": "text alone, as every program has it", "session, number, caption, tags": BY_THE_SERVER},
    "search": {"queries": "one question is asked", "scope, keep, score_floor": ONE_FILE, "clock": BY_THE_SERVER},
    "around": {"clock": "a message has its time"},
}


def methods(kind: type) -> dict[str, Callable[..., Any]]:
    return {name: one for name, one in inspect.getmembers(kind, inspect.isroutine) if not name.startswith("_")}


@pytest.mark.parametrize(
    ("library", "client", "elsewhere"), [(AdaptiveMemory, Chat, ELSEWHERE), (Memories, Client, OF_CHATS)]
)
def test_each_method_of_the_library_is_the_clients_too_or_is_said_not_to_be(
    library: type, client: type, elsewhere: dict[str, str]
) -> None:
    missing = methods(library).keys() - methods(client).keys() - elsewhere.keys()
    assert not missing, "give the client these methods, or say here why it has none of them"
    assert elsewhere.keys() <= methods(library).keys()
    assert not elsewhere.keys() & (methods(client).keys() - {"close", "people"})


@pytest.mark.parametrize(("library", "client"), [(AdaptiveMemory, Chat), (Memories, Client)])
def test_the_arguments_have_the_same_names_and_defaults(library: type, client: type) -> None:
    for name in sorted(methods(library).keys() & methods(client).keys() - {"people"}):
        theirs = dict(inspect.signature(methods(library)[name]).parameters)
        if name == "search":  # both pass on what a search of one chat takes
            theirs = {**inspect.signature(AdaptiveMemory.search).parameters, **theirs}
            ours = {
                **inspect.signature(Client.search).parameters,
                **inspect.signature(methods(client)[name]).parameters,
            }
        else:
            ours = dict(inspect.signature(methods(client)[name]).parameters)
        other = {part for parts in OTHERWISE.get(name, {}) for part in parts.split(", ")}
        lacking = theirs.keys() - ours.keys() - other - {"how", "self"}
        assert not lacking, f"{client.__name__}.{name}"
        for parameter in theirs.keys() & ours.keys() - {"how", "self"}:
            at, here = theirs[parameter], ours[parameter]
            assert (at.kind, at.default) in [(here.kind, here.default), (here.kind, None)], f"{name}({parameter})"


def test_the_first_arguments_come_in_the_same_order() -> None:
    for name in ("correct", "forget", "would_forget", "around", "revisions", "expand", "export"):
        ours, theirs = (list(inspect.signature(getattr(one, name)).parameters) for one in (Chat, AdaptiveMemory))
        assert ours == [one for one in theirs if one in ours], name
