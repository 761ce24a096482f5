"""Tags: words by which a turn may be found although it does not contain them. Written once, kept in a file.

    tags = load_tags("tags.json")
    memory.extend(with_tags(turns, tags.conversations["conv-26"]))

The file is JSON. A turn in the file has been read; [] means that the turn contains nothing to look for:

    {"written_by": "openai/gpt-4o-mini", "conversations": {"conv-26": {"D1:3": ["hobby", "outdoors"], "D1:4": []}}}

An LM (memoryqa/tags/writing.py) or a person writes them, without knowing the questions.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from memoryqa.errors import StoppedError, UsageError
from memoryqa.replies.acceptance import is_placeholder, problem_of
from memoryqa.turns import Turn, id_of_turn

TurnTags: TypeAlias = Mapping[str, tuple[str, ...]]  # turn id -> its tags, for one conversation

MAX_TAGS = 6  # per turn: with more it would match everything
_MAX_TAG_WORDS, _MAX_TAG_CHARS = 5, 60  # per tag: more words are a sentence
_MARKUP = " \t\r*_`\"'“”‘’[](){}<>."
_REFUSED = ("a refusal", "an error message", "JSON")
_NOTHING = frozenset(("none", "n/a", "no tags", "nothing", "-"))
# "3", "- **3**", "Line 3", "D8:3", "8:3"
_OPENING = r"^\W{0,8}(?:line\s+)?(?:D?(?P<session>\d{1,20}):(?=\d))?(?P<number>\d{1,20})"
_LINE = re.compile(
    rf"{_OPENING}(?:(?:[^\w:]{{0,8}}|\s[^:,]{{1,40}}):|\s?[.)\]|=–—-]{{1,4}}\s)(?P<tags>.+)$",  # ... "3 Ana:", "3."
    re.IGNORECASE | re.MULTILINE,
)


class TagsError(UsageError):
    """Tags cannot be read, or belong to other turns. The message is one line: where, what is wrong, the fix."""


class TaggingStoppedError(StoppedError):
    """Writing tags was stopped. The `Tags` contain what was tagged so far."""


@dataclass(frozen=True, slots=True)
class Tags:
    """Tags by conversation id and turn id. `written_by`: the LM and all else that they depend on; "" if unknown."""

    written_by: str = ""
    conversations: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)

    def untagged(self, conversations: Mapping[str, Sequence[Turn]]) -> Iterator[tuple[str, list[Turn]]]:
        """Yield the sessions with a turn that has not been read, each with its conversation's id."""
        for conversation_id, turns in conversations.items():
            read = self.conversations.get(conversation_id, {})
            sessions: dict[int, list[Turn]] = {}
            for turn in turns:
                sessions.setdefault(turn.session, []).append(turn)
            yield from ((conversation_id, one) for one in sessions.values() if any(turn.id not in read for turn in one))


def add_tags(conversations: Mapping[str, Sequence[Turn]], tags: Tags) -> dict[str, list[Turn]]:
    """The turns of each conversation with their tags. Raises TagsError for tags of an unknown turn."""
    tagged = {}
    for conversation_id, turns in conversations.items():
        try:
            tagged[conversation_id] = with_tags(turns, tags.conversations.get(conversation_id, {}))
        except TagsError as error:
            raise TagsError(f"{conversation_id}: {error}") from error
    return tagged


def with_tags(turns: Iterable[Turn], tags: TurnTags) -> list[Turn]:
    """`turns` with their tags; turns without tags unchanged. Raises TagsError for tags of an unknown turn."""
    tagged = [replace(turn, tags=tags[turn.id]) if turn.id in tags else turn for turn in turns]
    if unknown := tags.keys() - {turn.id for turn in tagged}:
        raise TagsError(f"tags of {min(unknown)}, which is no turn of the conversation: they belong to other data")
    return tagged


# -- the file ----------------------------------------------------------------------------------------------------------


def load_tags(path: str | Path) -> Tags:
    """The tags that `save_tags` or a person wrote to `path`. Raises TagsError."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TagsError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise TagsError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(found, dict) or not isinstance(found.get("conversations"), dict):
        raise TagsError(f'{path}: expected {{"conversations": {{conversation id: {{turn id: [words]}}}}}}')
    conversations: dict[str, dict[str, tuple[str, ...]]] = {}
    for conversation_id, turns in found["conversations"].items():
        if not isinstance(turns, dict):
            raise TagsError(f"{path}: {conversation_id} must be an object of turn id: [words]")
        for turn_id, words in turns.items():
            if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
                raise TagsError(f"{path}: the tags of {conversation_id} {turn_id} must be a list of words")
        conversations[conversation_id] = {turn_id: tuple(words) for turn_id, words in turns.items()}
    return Tags(str(found.get("written_by", "")), conversations)


def open_tags(path: str | Path, written_by: str) -> Tags:
    """The tags in `path`, to be continued; empty when there is no such file. TagsError when another LM wrote them."""
    if not Path(path).exists():
        return Tags(written_by)
    tags = load_tags(path)
    if tags.written_by != written_by:
        author = f"by {tags.written_by}" if tags.written_by else "by nobody it names"
        raise TagsError(f"{path}: written {author}, not by {written_by}; use it as it is, or name another file")
    return tags


def save_tags(path: str | Path, tags: Tags) -> None:
    """Write `tags` to `path`, as a whole or not at all. Raises OSError."""
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    lines = ",\n".join(
        f"{json.dumps(conversation_id)}: {json.dumps(turns)}" for conversation_id, turns in tags.conversations.items()
    )
    try:
        partial.write_text(f'{{"written_by": {json.dumps(tags.written_by)}, "conversations": {{\n{lines}\n}}}}\n')
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def origin_of(path: str | Path, tags: Tags, conversations: Mapping[str, Sequence[Turn]]) -> dict[str, str | int]:
    """What to record beside a number that depends on the tags in `path`.

    That is who wrote them, the file's sha256, and the number of sessions of `conversations` with untagged turns.
    """
    return {
        "written_by": tags.written_by,
        "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest(),
        "untagged_sessions": len(list(tags.untagged(conversations))),
    }


# -- what an LM wrote --------------------------------------------------------------------------------------------------


def parse_tags(answer: str, turns: Sequence[Turn]) -> dict[str, tuple[str, ...]]:
    """Read the lines `number: words` of `answer`, which is about the `turns` of one session: turn id -> tags.

    Unreadable lines, lines with numbers of no turn, phrases longer than a tag and tags beyond MAX_TAGS are left out.
    Raises TagsError when nothing is left, unless the answer says that there is nothing.
    """
    if (problem := problem_of(answer)) in _REFUSED:
        shown = " ".join(answer.split())[:80]
        raise TagsError(f"{problem}: no line of the form 'number: words' about this session in {shown!r}")
    ids = {turn.id for turn in turns}
    found: dict[str, dict[str, str]] = {}  # turn id -> lower case -> as written
    for match in _LINE.finditer(answer):
        turn_id = id_of_turn(int(match["session"] or turns[0].session), int(match["number"]))
        if turn_id in ids:
            found.setdefault(turn_id, {}).update({tag.lower(): tag for tag in _split(match["tags"])})
    tags = {turn_id: tuple(words.values())[:MAX_TAGS] for turn_id, words in found.items() if words}
    if not tags and answer.strip(_MARKUP + "\n").lower() not in _NOTHING:
        raise TagsError(f"no line of the form 'number: words' about this session in {' '.join(answer.split())[:80]!r}")
    return tags


def _is_no_tag(tag: str) -> bool:
    return tag.lower() in _NOTHING or is_placeholder(tag) or problem_of(tag) is not None


def _split(words: str) -> Iterator[str]:
    """The tags in `hobby, "outdoors"; fun.`"""
    for part in re.split(r"[,;|、，；]", words):
        tag = " ".join(part.strip(_MARKUP).split())
        if tag and len(tag) <= _MAX_TAG_CHARS and len(tag.split()) <= _MAX_TAG_WORDS and not _is_no_tag(tag):
            yield tag
