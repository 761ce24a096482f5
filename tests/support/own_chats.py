"""A folder of chats of our own, as a store of the command `memoryqa`, and an environment without keys."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from memoryqa.memories import Memories

INES = [
    ("Ines", "2024-05-13T09:02", "The hospital called. The operation is on the 28th, not on Friday."),
    ("Tomás", "2024-05-13T09:03", "That early? I'll drive you. How is the knee today?"),
    ("Ines", "2024-05-20T19:20", "Yesterday I finally finished the fence. Now the dog stays in."),
    ("Ines", "2024-05-27T21:10", "My bag is packed. The ferry to Barreiro leaves at 06:10, don't be late!"),
]
BO = [
    ("Bo", "2024-04-02T10:00", "I bought a cello on the market in Setúbal."),
    ("小明", "2024-04-03T11:00", "手术在五月二十八号。"),
    ("Jonas", "2024-04-04T12:00", "Die Fähre nach Barreiro fährt um 7 Uhr."),
]
SAID = {"Bo": BO, "Ines": INES}


def fill_store(folder: Path, *chats: str) -> Path:
    """The chats of those names in `folder`."""
    with Memories.open(folder) as memories:
        for chat in chats:
            memories.create(chat).extend({"speaker": who, "time": time, "text": text} for who, time, text in SAID[chat])
    return folder


def without_keys(home: Path) -> dict[str, str]:
    """The environment with `home` as the user's folder, and no model, key or store."""
    hidden = ("MEMORY_", "MEMORYQA_", "XDG_", "LC_", "LANG")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(hidden) and "API_KEY" not in name and "API_BASE" not in name and name != "NO_COLOR"
    }
    return {**kept, "HOME": str(home), "TERM": "xterm-256color"}


def use_environment(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process's environment as `environment` says."""
    for name in os.environ.keys() - environment.keys():
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    yield
