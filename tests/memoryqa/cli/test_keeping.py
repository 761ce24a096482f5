"""The commands that keep chats: import, chats, people, stats, correct, forget, export, doctor."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT
from exports import write_export
from samples_of_exports import SAMPLES

from memoryqa.cli import main
from memoryqa.errors import UsageError
from memoryqa.home.importing import import_export
from memoryqa.importers.detect import FORMATS
from memoryqa.memories import Memories

CHAT = """\
13/05/2024, 10:15 - +351 912 345 678: The ferry leaves at nine.
13/05/2024, 10:16 - Ines: I have the tickets, and my passport.
14/05/2024, 08:00 - Rui: Bring the xylophone.
"""


class Home:
    """A store, and what commands print for it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.store = folder / "store"
        self._capsys = capsys

    def run(self, *arguments: str, status: int = 0) -> str:
        found = main([arguments[0], "--store", str(self.store), *arguments[1:]])
        out, error = self._capsys.readouterr()
        assert found == status, error
        assert "Traceback" not in error
        assert status == 0 or len(error.splitlines()) == 1
        return out if status == 0 else error

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json"))

    def add(self, name: str = "WhatsApp Chat with Ines.txt", content: str | bytes = CHAT, *arguments: str) -> str:
        return self.run("import", str(write_export(self.folder / name, content)), *arguments)

    def clear(self) -> None:
        """Drop what was printed."""
        self._capsys.readouterr()

    def problems(self) -> list[str]:
        """What the doctor says."""
        assert main(["doctor", "--store", str(self.store), "--json"]) == 1
        found: list[str] = json.loads(self._capsys.readouterr().out)["problems"]
        return found

    def held(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.store.iterdir())


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Home:
    return Home(tmp_path, capsys)


# -- import ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_the_first_two_commands_work_on_every_format(name: str, home: Home) -> None:
    _, file_name, content = SAMPLES[name]
    home.add(file_name, content)
    found = home.json(
        "search", "ferry kettle key bread mast start boat tide function test files pier", "--min-score", "0"
    )
    assert found["turns"]
    for turn in found["turns"]:
        assert f"\n{turn['id'].partition(':')[2]} {turn['speaker']}: " in found["text"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["whatsapp", "telegram", "chatgpt", "mail", "records-csv"])
def test_the_first_two_commands_work_in_a_bare_folder_without_a_key(name: str, tmp_path: Path) -> None:
    _, file_name, content = SAMPLES[name]
    write_export(tmp_path / file_name, content)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    for arguments in (["import", file_name], ["search", "kettle ferry rye key mat", "--min-score", "0"]):
        ran = subprocess.run(
            [sys.executable, "-m", "memoryqa", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout.strip()
    assert list((tmp_path / ".local/share/memoryqa").glob("*.db"))


def test_an_import_says_what_was_read_and_where_it_went(home: Home) -> None:
    assert home.add().splitlines() == [
        "WhatsApp: 3 messages on 2 days, 13 May 2024 to 14 May 2024",
        "people: +351 912 345 678 1, Ines 1, Rui 1",
        "note: dates are read as d/m/y: no other order fits all dates",
        "in the new chat Ines: 3 new",
    ]
    assert (
        home.add(content=CHAT + "15/05/2024, 08:00 - Rui: Done.\n").splitlines()[-1]
        == "in the chat Ines: 1 new, 3 known"
    )
    later = "16/05/2024, 08:00 - Rui: And done.\n"
    assert home.add(content=later).splitlines()[-2:] == [
        "in the chat Ines: 1 new",
        "note: kept although not in this export: 4 messages of Ines",
    ]


def test_the_titles_of_conversations_are_shown_and_found(home: Home) -> None:
    _, file_name, content = SAMPLES["chatgpt"]
    home.add(file_name, content)
    assert "] Bread\n1 User: How long does rye rise?" in home.run("search", "How long does rye rise?")
    assert home.json("search", "How long does rye rise?")["turns"][0]["conversation"] == "Bread"
    assert "] Bread\n" in home.run("show", "D2:1")
    home.add()
    assert "# ChatGPT\n[D2, 14 May 2024] Bread\n" in home.run("search", "How long does rye rise? The ferry?")


def test_what_is_unclear_is_asked_for_by_the_names_of_flags(home: Home) -> None:
    unclear = str(write_export(home.folder / "x.txt", "01/02/2023, 10:00 - Ana: a\n02/03/2023, 10:00 - Bo: b\n"))
    assert "(--dates mdy); say which with --dates" in home.run("import", unclear, status=2)
    assert "3 Feb" not in home.run("import", unclear, "--dates", "dmy")
    fields = str(write_export(home.folder / "x.csv", "a,b\n1,2\n"))
    assert "name it with --format, or the fields of speaker and text with --column; there are a, b" in (
        home.run("import", fields, status=2)
    )
    assert "--timezone 'Nowhere' is unknown" in home.run("import", fields, "--timezone", "Nowhere", status=2)
    _, file_name, content = SAMPLES["chatgpt"]
    assert "--timezone shows them in yours" in home.add(file_name, content)
    wrong = home.run("import", unclear, "--dates", "xyz", status=2)
    assert "--dates must be one of" in wrong
    assert "unknown --format 'fax'" in home.run("import", unclear, "--format", "fax", status=2)
    nobody = home.run("import", fields, "--same", "Ana= ", status=2)
    assert "`" not in nobody + wrong


def test_the_library_names_fields_where_a_command_names_flags(home: Home) -> None:
    _, file_name, content = SAMPLES["chatgpt"]
    export = write_export(home.folder / file_name, content)
    with Memories.open(home.folder / "other") as memories:
        assert "times are in UTC; `timezone` shows them in yours" in import_export(memories, export).report.notes
        with pytest.raises(UsageError, match="`dates` must be one of"):
            import_export(memories, export, dates="xyz")


def test_the_page_on_your_chats_shows_real_output_and_every_format(home: Home) -> None:
    chat = (
        "12/05/2024, 21:00 - Messages and calls are end-to-end encrypted.\n"
        "13/05/2024, 10:15 - Ines: The ferry leaves at nine.\n"
        "13/05/2024, 10:16 - +351 912 345 678: I have the tickets.\n"
        "14/05/2024, 08:00 - Ines: Bring the blue bag. <This message was edited>\n"
    )
    page = (ROOT / "docs/your-chats.md").read_text()
    said = home.add("WhatsApp Chat with Ines.txt", chat)
    assert f"{said}\n{home.run('search', 'When does the ferry leave?')}```" in page
    listed = page.partition("Formats, for `--format`: ")[2].partition(".")[0]
    assert set(listed.replace("\n", " ").replace(",", "").split()) == set(FORMATS)


def test_a_dry_run_writes_nothing(home: Home) -> None:
    assert home.add("WhatsApp Chat with Ines.txt", CHAT, "--dry-run").splitlines()[-1] == (
        "would go to the new chat Ines: 3 messages"
    )
    assert list(home.store.iterdir()) == []
    document = json.loads(home.add("WhatsApp Chat with Ines.txt", CHAT, "--dry-run", "--json"))
    assert (document["messages"], document["dry_run"], document["into"][0]["chat"]) == (3, True, "Ines")


def test_what_is_said_about_an_export_is_done(home: Home) -> None:
    table = "who;said;at\nAna;Hi;2024-05-13T23:30Z\nBo;Yes;2024-05-13T23:40Z\n"
    said = ["--column", "speaker=who", "--columns", "text=said,time=at", "--timezone", "+02:00", "--chat", "Work"]
    home.add("x.csv", table, *said, "--same", "Bo=Bob", "--me", "Ana")
    assert [one["name"] for one in home.json("people")["people"]] == ["Ana", "Bob"]
    assert home.json("people")["people"][0]["me"] is True
    assert home.json("chats")["chats"][0]["last"] == "2024-05-14"
    assert "takes two names with = between them" in home.run("import", "x.csv", "--same", "Bo", status=2)


@pytest.mark.parametrize(
    "content", [b"", b"\0\1\2", b"{", b"PK\3\4", b'[{"mapping": {}', b"\xff\xfe\xfd", b"From nobody\n"]
)
def test_a_file_that_is_no_export_is_one_line_and_leaves_the_store(content: bytes, home: Home) -> None:
    home.add()
    before = home.held()
    home.run("import", str(write_export(home.folder / "x.json", content)), status=2)
    assert home.held() == before


def test_a_file_that_cannot_be_read_stops_no_other(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    names = "a.json", "WhatsApp Chat with Ines.txt", "b.json", "WhatsApp Chat with Rui.txt"
    files = [str(write_export(home.folder / one, b"{" if one.endswith("json") else CHAT)) for one in names]
    assert main(["import", "--store", str(home.store), *files]) == 2
    out, error = capsys.readouterr()
    assert [line.split(":")[0] for line in error.splitlines()] == ["memoryqa", "memoryqa"]
    assert all(name in line for name, line in zip(("a.json", "b.json"), error.splitlines(), strict=True))
    assert "in the new chat Ines" in out
    assert "in the chat Ines" in out
    assert main(["import", "--store", str(home.store), *files, "--dates", "x"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1  # what is wrong with all is said once


def test_all_files_are_imported_though_nobody_reads_what_is_said(home: Home) -> None:
    people = "Ines", "Rui", "Ana"
    chats = {one: f"13/05/2024, 10:15 - {one}: I bring the kettle of {one}.\n" for one in people}
    files = [str(write_export(home.folder / f"WhatsApp Chat with {one}.txt", said)) for one, said in chats.items()]
    command = [sys.executable, "-u", "-m", "memoryqa", "import", "--store", str(home.store), *files]
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as stdout:
        ran = subprocess.run(command, cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert sorted(one["chat"] for one in home.json("chats")["chats"]) == sorted(people)


def test_the_store_is_its_owners_alone_whatever_the_umask(home: Home) -> None:
    before = os.umask(0)
    try:
        home.add()
        with closing(sqlite3.connect(home.store / "Ines.db")) as connection:  # another process, so that there is a log
            connection.execute("SELECT * FROM turns").fetchone()
            home.add(content=CHAT + "15/05/2024, 08:00 - Rui: Done.\n")
            rights = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.store.iterdir()}
    finally:
        os.umask(before)
    assert rights == dict.fromkeys(("Ines.db", "Ines.db-wal", "Ines.db-shm"), 0o600)
    assert stat.S_IMODE(home.store.stat().st_mode) == 0o700


# -- people ------------------------------------------------------------------------------------------------------------


def test_a_join_holds_for_what_is_there_and_for_later_imports(home: Home) -> None:
    home.add()
    assert home.run("people", "--same", "+351912345678=Tomás").splitlines()[0] == (
        "1 message is shown under another name than before"
    )
    home.add(content=CHAT + "15/05/2024, 08:00 - +351 912 345 678: Done.\n")
    assert [(one["name"], one["messages"]) for one in home.json("people")["people"]] == [
        ("Tomás", 2), ("Ines", 1), ("Rui", 1),
    ]  # fmt: skip
    assert "nobody is called Zoe" in home.run("people", "--same", "Zoe=Ana", status=2)


def test_joining_before_and_after_an_import_is_the_same(home: Home, tmp_path: Path) -> None:
    home.add("WhatsApp Chat with Ines.txt", CHAT, "--same", "+351 912 345 678=Tomás", "--me", "Ines")
    first = home.run("export", "-")
    home.store = tmp_path / "other"
    home.add()
    home.run("people", "--same", "+351 912 345 678=Tomás", "--me", "Ines")
    assert home.run("export", "-") == first


def test_me_is_kept_and_names_what_an_app_calls_the_user(home: Home) -> None:
    _, file_name, content = SAMPLES["chatgpt"]
    home.add(file_name, content)
    assert {one["name"] for one in home.json("people")["people"]} == {"User", "Assistant"}
    home.run("people", "--me", "Ana", "--chat", "ChatGPT")
    home.add(file_name, content)
    assert {one["name"]: one["me"] for one in home.json("people")["people"]} == {"Ana": True, "Assistant": False}


# -- changing ----------------------------------------------------------------------------------------------------------


def test_what_is_forgotten_leaves_nothing_in_the_store(home: Home) -> None:
    home.add("WhatsApp Chat with Ines.txt", CHAT, "--same", "+351 912 345 678=Tomás", "--me", "Tomás")
    assert b"351 912" in home.held()
    home.run("forget", "--person", "tomás", "--yes")
    for word in (b"351", "Tomás".encode(), b"ferry"):
        assert word not in home.held()
    home.run("forget", "D2:1", "--yes")
    assert b"xylophone" not in home.held()
    assert home.json("stats")["forgotten"] == 2
    assert "note: 2 messages of Ines had been forgotten; what this export has is back" in home.add()
    assert "forgotten" not in home.add(), "nothing came back"


def test_forgetting_asks_and_refuses_what_is_unclear(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.add()
    assert "say --yes" in home.run("forget", "D1:1", status=2)
    assert "say what to forget" in home.run("forget", status=2)
    assert "say what to forget" in home.run("forget", "D1:1", "--everything", status=2)
    assert "Ines: no turn 'D9:9' in this memory" in home.run("forget", "D9:9", "--yes", status=2)
    assert "no message is meant" in home.run("forget", "--person", "Zoe", "--yes", status=2)
    home.add("WhatsApp Chat with Bo.txt", CHAT.replace("2024", "2023"))
    assert "name the chat with --chat" in home.run("forget", "--everything", "--yes", status=2)
    monkeypatch.setattr("memoryqa.cli.commands.forget.is_terminal", lambda stream: True)
    for answer, status in (("n\n", 1), ("", 1), ("y\n", 0)):
        monkeypatch.setattr("sys.stdin", type("Answers", (), {"readline": lambda self, said=answer: said})())
        assert main(["forget", "--store", str(home.store), "--before", "2024-05-14", "--chat", "Ines"]) == status
    home.clear()
    assert home.json("stats")["messages"] == 4


def test_a_correction_stays_through_imports_and_can_erase(home: Home) -> None:
    home.add()
    assert (
        home.run("correct", "D1:1", "The ferry leaves at ten.") == "D1:1 +351 912 345 678: The ferry leaves at ten.\n"
    )
    home.add()
    assert b"at nine" in home.held()
    home.run("correct", "D1:1", "The ferry leaves at noon.", "--erase")
    home.add()
    for word in (b"at nine", b"at ten"):
        assert word not in home.held()
    assert "at noon" in home.run("search", "When does the ferry leave?")
    assert "Ines: no turn 'D7:1' in this memory" in home.run("correct", "D7:1", "x", status=2)


def test_a_chat_is_exported(home: Home) -> None:
    home.add()
    for suffix in ("jsonl", "csv", "md", "json"):
        assert ": 3 messages of Ines" in home.run("export", str(home.folder / f"out.{suffix}"))
        assert "xylophone" in (home.folder / f"out.{suffix}").read_text()
    assert home.run("export", "-", "--format", "csv").replace("\r", "") == (home.folder / "out.csv").read_text()
    assert "no format for files .xyz" in home.run("export", str(home.folder / "out.xyz"), status=2)


# -- the doctor --------------------------------------------------------------------------------------------------------


def test_the_doctor_finds_nothing_in_a_sound_store_and_changes_nothing(home: Home) -> None:
    home.add()
    before = home.held()
    found = home.json("doctor")
    assert found["problems"] == []
    assert (found["chats"][0]["turns"], found["chats"][0]["upgrade"]) == (3, "")
    assert home.held() == before


def test_the_doctor_names_what_is_wrong_and_what_to_do(home: Home) -> None:
    home.add()
    path = home.store / "Ines.db"
    path.chmod(0o644)
    assert f"may be read by others (0644): chmod 600 '{path}'" in home.run("doctor", status=1)
    path.chmod(0o600)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE turns SET text = 'other' WHERE position = 2")
    assert "not as they were added: D1:2" in home.run("doctor", status=1)
    path.write_bytes(path.read_bytes()[:5000])
    assert "restore it from a copy" in home.run("doctor", status=1)
    (home.store / "notes.db").write_bytes(b"notes")
    assert " more" in home.run("doctor", status=1)
    assert "notes: may be" in home.problems()[-2]
    assert home.problems()[-1] == "notes: cannot be read (file is not a database); restore it from a copy"


def test_the_doctor_says_what_an_upgrade_does_without_doing_it(home: Home) -> None:
    home.store.mkdir(mode=0o700)
    old = ROOT / "tests/memoryqa/archive/files/version_2.db.gz"
    (home.store / "old.db").write_bytes(gzip.decompress(old.read_bytes()))
    (home.store / "old.db").chmod(0o600)
    before = home.held()
    found = home.json("doctor")
    assert found["chats"][0]["upgrade"] == "tables from version 2 to 4; no message is changed"
    assert home.held() == before
