"""What a reader of the page would stumble over: colours, dates, keys, unknown files, many chats."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from open_page import OpenPage

from memoryqa.importers.detect import FORMATS
from memoryqa.memories import Memories
from memoryqa.serve.webpage import page_files

NAMES = ("Noa", "Piet", "Lena", "Omar", "Ines", "Tomás")
CHATGPT = """[{"title": "Figs", "id": "c1", "conversation_id": "c1", "create_time": 1700000000,
"update_time": 1700000000, "current_node": "b", "mapping": {
 "a": {"id": "a", "parent": null, "children": ["b"], "message": {"id": "a", "author": {"role": "user"},
  "create_time": 1700000000, "content": {"content_type": "text", "parts": ["How do I prune a fig tree?"]}}},
 "b": {"id": "b", "parent": "a", "children": [], "message": {"id": "b", "author": {"role": "assistant"},
  "create_time": 1700000060, "content": {"content_type": "text", "parts": ["In late winter."]}}}}}]"""

pytestmark = pytest.mark.slow


def choose(page: OpenPage, path: Path) -> None:
    page.js("document.getElementById('file').hidden = false")
    page.find("#file").send_keys(str(path))
    page.until("document.querySelector('#import-body .actions') && !document.querySelector('#import-body progress')")
    page.js("document.getElementById('file').hidden = true")


def test_who_shares_a_chat_has_a_colour_of_their_own(page: OpenPage, tmp_path: Path) -> None:
    with Memories.open(tmp_path / "chats") as chats:
        for first, name in enumerate(("all", "last", "first")):
            some = (NAMES, NAMES[2:], NAMES[:3])[first]
            chats.create(name).extend({"speaker": one, "text": f"{one} is here."} for one in some)
    with page.served(tmp_path / "chats") as address:
        page.open(address)
        page.js("[...document.querySelectorAll('.chat-open')].find(e => e.innerText.startsWith('all')).click()")
        page.until("document.querySelectorAll('#messages .speaker-name').length === 6")
        colours = page.js("return [...document.querySelectorAll('#messages .speaker-name')].map(e => e.className)")
        assert len(set(colours)) == 6


def test_the_days_of_a_chat_say_once_what_they_share(page: OpenPage, tmp_path: Path) -> None:
    days = {
        "a": ("2024-04-03", "2024-04-05", "3 to 5 Apr 2024"),
        "b": ("2024-04-03", "2024-05-03", "3 Apr to 3 May 2024"),
        "c": ("2023-04-03", "2024-04-03", "3 Apr 2023 to 3 Apr 2024"),
        "d": ("2024-04-03", "2024-04-03", "3 Apr 2024"),
    }
    with Memories.open(tmp_path / "chats") as chats:
        for name, (first, last, _) in days.items():
            chats.create(name).extend({"speaker": "Ana", "text": "Hello.", "time": day} for day in (first, last))
    with page.served(tmp_path / "chats") as address:
        page.open(address)
        assert page.texts("#chats .note:last-child") == [written for *_, written in days.values()]


def test_escape_leaves_the_question_and_a_number_opens_its_citation(page: OpenPage, tmp_path: Path) -> None:
    with Memories.open(tmp_path / "chats") as chats:
        chats.create("ana").add("I moved to Porto on 3 May 2023.", speaker="Ana", time="2023-05-25")
    with page.served(tmp_path / "chats") as address:
        page.open(address)
        page.ask("When did Ana move to Porto?")
        page.press("\ue00c", "1")
        page.until("document.querySelector('#messages .is-line')")
        page.ask("zzz qqq")
        page.until("!document.getElementById('nothing').hidden")
        assert "lines below" not in page.find("#who").text


def test_an_unknown_file_offers_apps_by_their_names(page: OpenPage, tmp_path: Path) -> None:
    (tmp_path / "some.pdf").write_bytes(b"%PDF-1.4\n" + bytes(range(256)))
    (tmp_path / "conversations.json").write_text(CHATGPT)
    with page.served(tmp_path / "chats") as address:
        page.open(address)
        choose(page, tmp_path / "some.pdf")
        offered = page.js("return [...document.querySelectorAll('#format option')].map(e => [e.value, e.innerText])")
        assert offered == [["", "Choose one"], *([one.name, one.title] for one in FORMATS.values())]
        assert page.js("return document.querySelector('#import-body .primary').disabled")
        page.press("\ue00c")
        choose(page, tmp_path / "conversations.json")
        notes = page.find("#import-body").text
        assert "times are in UTC" in notes
        assert "`" not in notes


def test_a_chat_is_found_among_thousands_and_its_box_keeps_the_focus(page: OpenPage, tmp_path: Path) -> None:
    with Memories.open(tmp_path / "chats") as chats:
        for name, speaker in (("Família", "Ana"), ("garden", "Ana"), ("barrel", "Bo")):
            chats.create(name).add(f"Hello from {name}.", speaker=speaker, time="2024-05-01")
    for number in range(1_099):
        shutil.copy(tmp_path / "chats" / "barrel.db", tmp_path / "chats" / f"barrel {number}.db")
    with page.served(tmp_path / "chats") as address:
        page.open(address)
        assert (len(page.texts("#chats li")), page.find("#chats-more").text) == (200, "and 902 more")
        page.until("document.querySelectorAll('#people .person').length === 2")
        assert page.texts("#people .person") == ["Bo", "Ana"]
        assert page.texts("#chats .chat-name")[:4] == ["barrel", "barrel 0", "barrel 1", "barrel 2"]
        page.find("#find-chat").send_keys("famil")
        page.until("document.querySelectorAll('#chats li').length === 1")
        page.click("#found-chats")
        page.until("document.getElementById('scope').innerText === 'Família'")
        page.js("document.querySelector('#chats input').focus()")
        page.press(" ")
        page.until("document.getElementById('scope').innerText.startsWith('All 1,102')")
        assert page.js("return document.activeElement.matches('#chats input')")
        page.find("#find-chat").send_keys("zzz")
        page.until("document.querySelectorAll('#chats li').length === 0")
        assert page.find("#chats-more").text == "No chat is called so."


def test_every_format_has_the_name_that_people_call_it_by() -> None:
    written = page_files()["formats.js"].decode()
    for one in FORMATS.values():
        assert f'{one.name}: "{one.title}"' in written or f'"{one.name}": "{one.title}"' in written
