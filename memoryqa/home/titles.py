"""What the conversations of a chat are called, where it has many: an assistant's, a workspace's, a mailbox."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from memoryqa.turns import printable

if TYPE_CHECKING:
    from memoryqa.memory import AdaptiveMemory

_HEADER = re.compile(r"\[D(\d+), [^\]\n]+\]")
_CHAT = "# "  # before its name, where there are several


def titles_of(memory: AdaptiveMemory) -> dict[int, str]:
    """Titles by session; none where all of the chat is one conversation."""
    if len(memory.conversations()) < 2:
        return {}
    titles = {session: printable(" ".join(title.split())) for session, title in memory.titles().items()}
    return titles if len(set(titles.values())) > 1 else {}


def with_titles(text: str, titles: Mapping[str, Mapping[int, str]], chat: str | None) -> str:
    """Dated lines with the title of its conversation behind the date of each session: `[D3, 14 May 2024] Bread`.

    chat: whose lines they are; None where `text` names the chats. A message cannot look like a date, because its line
    begins with a number.
    """
    lines, of_chat = list[str](), titles.get(chat or "", {})
    for line in text.split("\n"):
        if chat is None and line.startswith(_CHAT):
            of_chat = titles.get(line.removeprefix(_CHAT), {})
        header = _HEADER.fullmatch(line)
        title = of_chat.get(int(header[1])) if header else None
        lines.append(f"{line} {title}" if title else line)
    return "\n".join(lines)
