"""Random lives of a store: two memories with one file open add, refresh, correct, forget, are closed and killed.

After every step each memory must be what a memory built anew from a plain list of turns is, and no byte of what was
forgotten may be in the file, its log, or anything beside it. `PYTHONPATH=. python tests/support/store_histories.py A B`
runs the histories with the seeds from A to before B, and prints a line for one that fails.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from memoryqa.archive.database import Archive
from memoryqa.errors import MemoryQAError
from memoryqa.memory import AdaptiveMemory, adaptive
from memoryqa.turns import Turn

SPEAKERS = ("Ines", "Bo", "Zoé", "April")
BEGINNINGS = ("I saw", "Did you see", "Thanks!", "Yesterday we found", "On Friday I need", "Very.", "")
SYLLABLES = ("ba", "ko", "mi", "ru", "te", "zu", "lo", "ni")
MEMORY_TOKENS = (40, 120, 20_000)
KEPT_BY_SEED = ((), ("AT_THE_END",), ("WHILE_ADDING",), ("AT_THE_END", "WHILE_ADDING"))  # when the index is kept
FAST = Path("/dev/shm") if Path("/dev/shm").is_dir() else None  # where a commit costs no wait


class History:
    """One life, played by `seed`. `turns`: what the file should contain. `secrets`: words that must be nowhere."""

    def __init__(self, seed: int, folder: Path) -> None:
        self._chance = random.Random(seed)
        self._folder = folder
        self._path = folder / "a.db"
        self._settings: dict[str, Any] = {"memory_tokens": self._chance.choice(MEMORY_TOKENS)}
        self._time = datetime(2023, 5, 8, 9)
        self._kills = 0
        self._words: set[str] = set()
        self.turns: list[Turn] = []
        self.revisions: dict[str, list[Turn]] = {}
        self.used: set[str] = set()
        self.secrets: set[str] = set()
        self.forgotten = 0
        self.memories = [self._open(), self._open()]
        self.log: list[str] = []

    def play(self, num_steps: int) -> None:
        for _ in range(num_steps):
            step = self._chance.choice(self._steps())
            self.log.append(step.__name__)
            step(self._chance.randrange(2))
            self.check(self._chance.choice(self.memories))
        self._reopen(0)
        self.check(*self.memories)
        for one in self.memories:
            one.close()

    def _steps(self) -> list[Callable[[int], None]]:
        often = [self._add] * 5 + [self._extend] * 2 + [self._reopen] * 2
        changes = [self._correct, self._replace, self._forget_one, self._forget_person, self._forget_before]
        return [*often, *changes, self._forget_everything, self._kill, self._tag_elsewhere, self._delete_elsewhere]

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _add(self, which: int) -> None:
        given = self._message()
        self._note(self.memories[which].add(**given))

    def _extend(self, which: int) -> None:
        for turn in self.memories[which].extend([{**one, "text": one.pop("message")} for one in self._messages()]):
            self._note(turn)

    def _correct(self, which: int, keep_revision: bool = True) -> None:
        if not self.turns:
            return
        place = self._chance.randrange(len(self.turns))
        before = self.turns[place]
        after = self.memories[which].correct(f"mem:{before.id}", self._text(), keep_revision=keep_revision)
        assert after == replace(before, text=after.text)
        self.turns[place] = after
        if keep_revision:
            self.revisions.setdefault(after.id, []).append(before)
        else:
            self._note_gone([one.text for one in (before, *self.revisions.pop(after.id, []))])

    def _replace(self, which: int) -> None:
        self._correct(which, keep_revision=False)

    def _forget_one(self, which: int) -> None:
        if self.turns:
            turn = self._chance.choice(self.turns)
            self._forget(which, lambda other: other is turn, handle=turn.id)

    def _forget_person(self, which: int) -> None:
        name = self._chance.choice(SPEAKERS)
        self._forget(which, lambda turn: turn.speaker == name, person=name.upper())

    def _forget_before(self, which: int) -> None:
        latest = self._time - timedelta(hours=self._chance.randrange(30))
        self._forget(which, lambda turn: turn.time is not None and turn.time < latest, before=latest)

    def _forget_everything(self, which: int) -> None:
        self._forget(which, lambda _: True, everything=True)

    def _reopen(self, which: int) -> None:
        self.memories[which].close()
        self.memories[which] = self._open()

    def _kill(self, which: int) -> None:
        """What a process that is killed leaves behind: the file and its log as they are, here under another name."""
        self._kills += 1
        folder = self._folder.parent / f"{self._folder.name}-{self._kills}"
        folder.mkdir()
        for one in self._folder.iterdir():
            shutil.copy(one, folder / one.name)
        for one in self.memories:
            one.close()
        shutil.rmtree(self._folder)
        self._folder, self._path = folder, folder / "a.db"
        self.memories = [self._open(), self._open()]

    def _tag_elsewhere(self, _: int) -> None:
        """Another program gives a turn other tags."""
        if self.turns:
            place = self._chance.randrange(len(self.turns))
            self.turns[place] = replace(self.turns[place], tags=(self._word(),))
            with Archive(self._path) as archive:
                archive.add(self.turns[place])

    def _delete_elsewhere(self, _: int) -> None:
        """Another program deletes a turn, in SQL."""
        if self.turns:
            turn = self.turns.pop(self._chance.randrange(len(self.turns)))
            self.revisions.pop(turn.id, None)
            self.used.remove(turn.id)
            with closing(sqlite3.connect(self._path)) as connection, connection:
                connection.execute("DELETE FROM turns WHERE id = ?", (turn.id,))

    # -- what they are made of -----------------------------------------------------------------------------------------

    def _open(self) -> AdaptiveMemory:
        return AdaptiveMemory.open(self._path, **self._settings)

    def _word(self) -> str:
        """A word that was never used before: what is forgotten with it must be nowhere."""
        word = "q" + "".join(self._chance.choice(SYLLABLES) for _ in range(6))
        if word in self._words:
            return self._word()
        self._words.add(word)
        return word

    def _text(self) -> str:
        words = [self._word() for _ in range(self._chance.randrange(1, 4))]
        end = self._chance.choice((".", "?", "!"))
        return f"{self._chance.choice(BEGINNINGS)} {' '.join(words)} at the mill{end}"

    def _message(self) -> dict[str, Any]:
        self._time += timedelta(hours=self._chance.choice((0, 1, 9)))
        given: dict[str, Any] = {"message": self._text(), "speaker": self._chance.choice(SPEAKERS)}
        given["time"] = self._time if self._chance.random() < 0.8 else None
        if self._chance.random() < 0.3:
            given["tags"] = (f"{self._word()} river",)
            given["caption"] = f"a photo of {self._word()}"
        return given

    def _messages(self) -> list[dict[str, Any]]:
        return [self._message() for _ in range(self._chance.randrange(5))]

    def _note(self, turn: Turn) -> None:
        assert turn.id not in self.used, "no handle is used twice"
        self.used.add(turn.id)
        self.turns.append(turn)

    def _forget(self, which: int, is_meant: Callable[[Turn], bool], **what: Any) -> None:
        gone = [turn for turn in self.turns if is_meant(turn)]
        handle = what.pop("handle", None)
        assert self.memories[which].forget(*[handle] if handle else [], **what) == len(gone)
        self.turns = [turn for turn in self.turns if turn not in gone]
        self.forgotten += len(gone)
        all_of = [older for turn in gone for older in (turn, *self.revisions.pop(turn.id, []))]
        self._note_gone([" ".join((turn.text, turn.caption, *turn.tags)) for turn in all_of])

    def _note_gone(self, said: list[str]) -> None:
        self.secrets |= {word.strip(".?!") for word in " ".join(said).split() if word.startswith("q")}

    # -- checks --------------------------------------------------------------------------------------------------------

    def check(self, *memories: AdaptiveMemory) -> None:
        fresh = AdaptiveMemory(**self._settings)
        fresh.extend(self.turns)
        for one in memories:
            one.refresh()
            self._check_same(one, fresh)
        self._check_bytes()

    def _check_same(self, one: AdaptiveMemory, fresh: AdaptiveMemory) -> None:
        assert one.transcript().turns == fresh.transcript().turns
        assert one.render() == fresh.render()
        assert one.stats() == replace(fresh.stats(), turns_forgotten=self.forgotten)
        question = self._chance.choice(("What did Ines see?", "When did Bo go to the mill?", *self._said()))
        found, expected = one.search(question, 60), fresh.search(question, 60)
        assert (found, found.scores, found.lines) == (expected, expected.scores, expected.lines)
        for turn in self.turns[-2:]:
            assert one.expand(f"mem:{turn.id}") == turn
            assert one.revisions(turn.id) == self.revisions.get(turn.id, [])
        assert list(one.archived()) == list(fresh.archived())

    def _said(self) -> list[str]:
        return [self._chance.choice(self.turns).text] if self.turns else []

    def _check_bytes(self) -> None:
        """A word's stem is looked for too, as the index has it: it is the word without its last signs."""
        if not self.secrets:
            return
        names = [one.name for one in self._folder.iterdir()]
        content = b"".join((self._folder / name).read_bytes() for name in names).lower()
        for secret in self.secrets:
            assert secret[:-1].encode() not in content, f"{secret} is in {names}"


def play(seed: int, num_steps: int = 3) -> list[str]:
    """Play one history in a folder of its own. Returns its steps; raises AssertionError with them."""
    with tempfile.TemporaryDirectory(dir=FAST) as parent:
        folder = Path(parent) / "store"
        folder.mkdir()
        when = dict.fromkeys(KEPT_BY_SEED[seed % len(KEPT_BY_SEED)], (0, 0.0))
        with patch.multiple(adaptive, **when) if when else nullcontext():
            history = History(seed, folder)
            try:
                history.play(num_steps)
            except BaseException as error:
                error.add_note(f"seed {seed}, steps {' '.join(history.log)}")
                raise
            return history.log


if __name__ == "__main__":
    first, last = map(int, sys.argv[1:3])
    failed = 0
    for seed in range(first, last):
        try:
            play(seed, num_steps=3 if seed % 10 else 40)
        except (AssertionError, MemoryQAError):
            failed += 1
            traceback.print_exc()
    print(f"{last - first} histories, {failed} failed")
