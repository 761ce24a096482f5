"""A hostile export, and a hostile address, in a real browser: nothing of either is markup, and no policy is broken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from browser import DESK, console_errors, open_browser, set_screen
from open_page import OpenPage

from memoryqa.memories import Memories

EVIL = "<img src=x onerror=\"window.broken='%s'\"><script>window.broken='%s'</script>\"'><svg onload=window.broken=1>"
WATCHED = (
    "window.violations = []; document.addEventListener('securitypolicyviolation',"
    " (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));"
)

pytestmark = pytest.mark.slow


def evil(where: str) -> str:
    return EVIL % (where, where)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenPage]:
    with open_browser(tmp_path_factory.mktemp("profile")) as driver:
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCHED})
        console_errors(driver)
        set_screen(driver, *DESK)
        yield OpenPage(driver)


def check(page: OpenPage, place: str) -> None:
    assert page.js("return window.broken ?? null") is None, place
    assert page.js("return window.violations") == [], place
    assert page.js("return document.querySelectorAll('img[src=x], svg, main script, dialog script').length") == 0, place


def test_nothing_that_a_chat_says_is_markup(page: OpenPage, tmp_path: Path) -> None:
    with Memories.open(tmp_path / "chats") as chats:
        chat = chats.create("evil")
        for day in (1, 2):
            chat.add(
                f"The umbrella is red {evil('text')}",
                speaker=evil("speaker"),
                time=f"2024-02-0{day}T10:00",
                caption=evil("caption"),
            )
        chat.correct("D1:1", f"The umbrella is blue {evil('corrected')}")
    with page.served(tmp_path / "chats") as address:
        page.open(address)
        page.ask("red umbrella <img src=x onerror=window.broken=1>", lines_only=True)
        page.until("document.querySelector('#lines .line')")
        check(page, "lines")
        page.ask("red umbrella <img src=x onerror=window.broken=1>")
        page.until("document.querySelector('#lines .line') && !document.querySelector('#submit[aria-busy]')")
        check(page, "answer")
        page.js("document.querySelector('#lines .line').click()")
        page.until("document.querySelector('#messages .is-line')")
        assert "onerror" in page.texts("#messages .text")[0]
        check(page, "conversation")
        page.js("document.querySelector('#messages .do-correct').click()")
        page.until("document.querySelector('.revisions li')")
        check(page, "revisions")
        page.press("\ue00c")
        page.js("document.querySelector('#messages .do-forget').click()")
        page.click("#change-dialog input[value=person]")
        page.until("document.querySelector('.meant li')")
        check(page, "forgetting")
        page.press("\ue00c")


def test_nothing_that_an_export_is_called_is_markup(page: OpenPage, tmp_path: Path) -> None:
    export = tmp_path / f"WhatsApp Chat with {evil('file').replace('/', '')[:120]}.txt"
    export.write_text(f"25/05/2023, 18:30 - {evil('a')}: {evil('b')}\n25/05/2023, 18:31 - Bo: <Media omitted>\n")
    unknown = tmp_path / f"{evil('unknown').replace('/', '')[:120]}.dat"
    unknown.write_bytes(b"\0\1\2" * 30)
    with page.served(tmp_path / "chats") as address:
        page.open(address)
        page.find("#file").send_keys(str(export))
        page.until("document.querySelector('#import-dialog .primary')")
        assert "onerror" in page.texts("#import-body")[0]
        check(page, "report")
        page.js("document.querySelector('#import-dialog .primary').click()")
        page.find("#file").send_keys(str(unknown))
        page.until("document.querySelector('#import-dialog .error')")
        check(page, "failure")


def test_nothing_of_the_address_is_markup(page: OpenPage, tmp_path: Path) -> None:
    with Memories.open(tmp_path / "chats") as chats:
        chats.create("ana").add("The umbrella is red.", speaker="Ana", time="2024-02-01")
    parts: dict[str, Any] = {"q": evil("q"), "chat": evil("chat"), "line": evil("line"), "mode": "search"}
    with page.served(tmp_path / "chats") as address:
        for hash in (
            urlencode(parts),
            urlencode({**parts, "mode": evil("mode")}),
            urlencode({"chat": "ana", "line": "../../../../x"}),
            urlencode({"chat": "../../health?", "line": "D1:1"}),
            "q=%E0%A4%A",
        ):
            page.driver.get("about:blank")
            page.driver.get(f"{address}#{hash}")
            page.until("document.querySelector('#chats li')")
            page.until("!document.querySelector('#submit[aria-busy]')")
            check(page, hash)
        console_errors(page.driver)  # of the addresses that are not there
