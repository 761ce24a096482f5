"""The page in a real browser: import, ask, open, slide, correct, forget, reload; keys, phone, dark, screen readers."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe import violations
from browser import DESK, console_errors, set_screen
from open_page import QUESTION, OpenPage
from page_server import MARKUP, page_server, write_chats
from ports import free_port

PHONE = (360, 740)
ANSWER = "I moved to Lisbon with my two dogs, Bica and Nata!"
WHATSAPP = """03/04/2024, 09:12 - Messages and calls are end-to-end encrypted.
03/04/2024, 09:12 - Noa: We leave for Ghent on Saturday
03/04/2024, 09:15 - Piet: I bring the tandem
04/04/2024, 10:01 - Noa: <Media omitted>
04/04/2024, 10:02 - Noa: And the blue tent
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server whose chats no test changes."""
    store = tmp_path_factory.mktemp("shared") / "chats"
    write_chats(store)
    with page_server(store) as (address, _):
        yield address


@pytest.fixture
def own(tmp_path: Path) -> Iterator[str]:
    """The address of a server with chats of its own."""
    write_chats(tmp_path / "chats")
    with page_server(tmp_path / "chats") as (address, _):
        yield address


# -- from an export to an answer ---------------------------------------------------------------------------------------


def test_an_export_is_read_asked_opened_and_found_again_after_a_reload(page: OpenPage, tmp_path: Path) -> None:
    export = tmp_path / "WhatsApp Chat with Noa.txt"
    export.write_text(WHATSAPP, encoding="utf-8")
    with page.served(tmp_path / "chats") as address:
        page.open(address)
        assert page.texts("#empty-title") == ["Nothing to remember yet"]
        page.find("#file").send_keys(str(export))
        page.until("document.querySelector('#import-title')?.innerText === 'Which day is meant?'")
        choices = page.texts("#import-dialog .actions button")
        assert choices[:2] == ["Day first: 3 April 2024", "Month first: 4 March 2024"]
        page.click("#import-dialog .actions button")
        page.until("document.querySelector('#import-dialog .primary')?.innerText === 'Ask about it'")
        report = page.texts("#import-body")[0]
        for part in ("WhatsApp", "3 to 4 Apr 2024", "Noa", "Piet", "messages", "people", "days"):
            assert part in report
        assert page.texts("#import-body .left-out li")
        page.click("#import-dialog .primary")
        page.until("document.activeElement.id === 'question'")
        page.ask("Who brings the tandem?")
        assert page.texts("#answer-text")[0]
        assert "offline reader" in page.texts("#who")[0]
        assert page.texts("#answer-text .cite")[0] == "1"
        page.open_line("tandem")
        assert page.line_in_view == "I bring the tandem"
        assert page.texts("#reader-day")[0].startswith("Wednesday, 3 April 2024")
        assert page.js("return document.querySelector('.is-line').classList.contains('is-evidence')")
        page.driver.refresh()
        page.until("document.querySelector('#messages .is-line')")
        assert page.line_in_view == "I bring the tandem"
        assert page.js("return document.getElementById('question').value") == "Who brings the tandem?"
        page.until("document.querySelector('#answer-text .cite')")


def test_an_export_that_cannot_be_read_is_one_line(own: str, page: OpenPage, tmp_path: Path) -> None:
    export = tmp_path / "holiday.bin"
    export.write_bytes(bytes(range(256)) * 4)
    page.open(own)
    page.find("#file").send_keys(str(export))
    page.until("document.querySelector('#import-dialog .error')")
    (line,) = page.texts("#import-dialog .error")
    assert "holiday.bin" in line
    assert "\n" not in line
    assert str(tmp_path) not in line


# -- answers, evidence and budget --------------------------------------------------------------------------------------


def test_the_answer_has_numbered_citations_that_open_its_line(page: OpenPage, shared: str) -> None:
    page.open(shared)
    page.ask()
    assert "Lisbon" in page.texts("#answer-text")[0]
    assert ANSWER in page.texts("#cited")[0]
    page.click("#answer-text .cite button")
    page.until("document.querySelector('#messages .is-line')")
    assert page.line_in_view == ANSWER
    assert page.texts("#messages .is-line .number") == ["1"]
    assert page.js("return document.activeElement.classList.contains('is-line')")
    assert "garden" in page.texts("#reader-title")[0]
    page.driver.back()
    page.until("document.getElementById('reader').hidden")


def test_lines_only_asks_no_reader(page: OpenPage, shared: str) -> None:
    page.open(shared)
    page.ask(lines_only=True)
    assert page.js("return document.getElementById('answer').hidden")
    assert any(ANSWER in line for line in page.texts("#lines li"))


def test_what_never_came_up_is_said_to_be_missing(page: OpenPage, shared: str) -> None:
    page.open(shared)
    page.ask("Which zeppelin did Xavier buy?", lines_only=True)
    assert page.texts("#lines li") == []
    assert "Nothing was found" in page.texts("#nothing")[0]


def test_a_reader_that_found_no_answer_is_not_said_to_have_found_one(page: OpenPage, shared: str) -> None:
    page.open(shared)
    page.ask("Which zeppelin did Xavier buy?")
    assert page.texts("#answer-text .cite") == []
    assert page.texts("#who")[0].startswith("The offline reader found no answer")


def slide(page: OpenPage, place: int) -> None:
    page.js(
        "const slider = document.getElementById('budget'); slider.dispatchEvent(new PointerEvent('pointerdown'));"
        "slider.value = arguments[0]; slider.dispatchEvent(new Event('input'))",
        place,
    )


def test_the_slider_shows_what_enters_and_what_leaves(page: OpenPage, shared: str) -> None:
    page.open(shared)
    page.ask("What about the train, the bread and the harbour?", lines_only=True)
    shown = len(page.texts("#lines li"))
    slide(page, 0)
    page.until("document.querySelector('#lines .leaves')")
    left = page.texts("#lines .leaves")
    assert page.texts("#budget-value") == ["100 tokens"]
    assert page.texts("#budget-change")[0] == f"{len(left)} lines left"
    assert len(page.texts("#lines li:not(.leaves)")) == shown - len(left)
    slide(page, 7)
    page.until("document.querySelectorAll('#lines .enters').length")
    assert len(page.texts("#lines li:not(.leaves)")) == shown
    assert page.texts("#budget-change")[0] == f"{len(left)} lines entered"
    assert all("enters" in line for line in page.texts("#lines .enters"))


def test_the_timeline_marks_the_evidence_and_leads_to_it(page: OpenPage, shared: str) -> None:
    page.open(shared)
    page.ask()
    page.until("document.querySelector('.bar.is-cited')")
    label = page.js("return document.querySelector('.bar.is-cited').getAttribute('aria-label')")
    assert "cited" in label
    assert "messages" in label
    page.click(".bar.is-cited")
    page.until("document.querySelector('#messages .is-line')")
    assert page.line_in_view == ANSWER


def test_people_and_chats_narrow_the_search(page: OpenPage, shared: str) -> None:
    page.open(shared)
    page.ask("harbour tomatoes train", lines_only=True)
    assert {line.split("\n")[0].split()[0] for line in page.texts("#lines .line-head")} == {"Ana", "Bo"}
    page.js("[...document.querySelectorAll('#people label')].find(e => e.innerText.startsWith('Bo')).click()")
    page.until("[...document.querySelectorAll('#lines .line-head')].every(e => e.innerText.startsWith('Bo'))")
    assert "only Bo" in page.texts("#scope")[0]
    page.click("#all-people")
    page.js(
        "const chats = [...document.querySelectorAll('#chats li')];"
        "chats.find(e => e.innerText.includes('garden')).querySelector('input').click()"
    )
    page.until("!document.querySelector('#lines li')")


# -- changing ----------------------------------------------------------------------------------------------------------


def test_a_line_is_corrected_and_then_forgotten(own: str, page: OpenPage) -> None:
    page.open(own)
    page.ask()
    page.click("#answer-text .cite button")
    page.until("document.querySelector('#messages .is-line')")
    page.click("#messages .is-line .do-correct")
    box = page.find("#new-text")
    assert page.js("return document.getElementById('new-text').value") == ANSWER
    box.clear()
    box.send_keys("I moved to Coimbra with my two dogs, Bica and Nata!")
    page.click("#change-dialog .primary")
    page.until("document.querySelector('#messages .is-line .text')?.innerText.includes('Coimbra')")
    assert page.texts("#messages .is-line .revised") == ["corrected"]
    page.until("document.getElementById('lines').innerText.includes('Coimbra')")
    page.click("#messages .is-line .do-correct")
    page.until("document.querySelector('.revisions li')")
    assert page.texts(".revisions li") == [ANSWER]
    page.press("\ue00c")  # Escape
    page.until("!document.querySelector('dialog[open]')")
    assert not page.js("return document.getElementById('reader').hidden")
    page.click("#messages .is-line .do-forget")
    page.until("document.querySelector('#change-dialog[open] .danger')")
    assert "Coimbra" in page.texts("#change-dialog blockquote")[0]
    page.click("#change-dialog .danger")
    page.until("!document.querySelector('dialog[open]')")
    page.until("!document.body.innerText.includes('Coimbra') && document.querySelector('#messages li')")
    page.driver.refresh()
    page.until("document.querySelector('#chats li')")
    page.until("!document.getElementById('answer').hidden || document.querySelector('#lines li')")
    assert "Coimbra" not in page.texts("body")[0]


def test_forgetting_a_person_needs_a_second_yes(own: str, page: OpenPage) -> None:
    page.open(own)
    page.js("[...document.querySelectorAll('.chat-open')].find(e => e.innerText.includes('garden')).click()")
    page.until("document.querySelector('#messages li')")
    page.js("document.querySelector('#messages li .do-forget').click()")
    page.click("#change-dialog input[value=person]")
    page.until("document.querySelector('.meant li')")
    assert page.texts(".meant p")[0].startswith("150 messages of ")
    assert page.texts(".meant .note") == ["and 147 more"]
    page.click("#change-dialog .danger")
    assert page.js("return document.getElementById('change-dialog').open")  # the box is not ticked
    page.click("#sure")
    page.click("#change-dialog .danger")
    page.until("!document.getElementById('change-dialog').open")
    page.until("document.querySelectorAll('#people li').length === 4")
    speakers = "[...document.querySelectorAll('#messages .speaker-name')].map(e => e.innerText)"
    page.until(f"new Set({speakers}).size === 1")


# -- long chats --------------------------------------------------------------------------------------------------------


def test_a_long_chat_is_fetched_as_it_is_scrolled_and_stays_light(page: OpenPage, tmp_path: Path) -> None:
    write_chats(tmp_path / "chats", 3000)
    with page.served(tmp_path / "chats") as address:
        page.open(address)
        page.ask()
        page.open_line("Lisbon")
        assert page.line_in_view == ANSWER
        assert page.texts("#reader-day")[0].endswith("of 3,000")
        for end, place in (("scrollHeight", 2999), ("scrollTop * 0", 0)):
            for _ in range(60):
                page.js(f"const frame = document.getElementById('scroller'); frame.scrollTop = frame.{end}")
                page.js("return new Promise(done => setTimeout(done, 60))")
                drawn = "return [...document.querySelectorAll('#messages > li')].map(e => Number(e.dataset.place))"
                places = page.js(drawn)
                assert len(places) <= 480
                assert places == list(range(places[0], places[0] + len(places)))
                if place in places:
                    break
            assert place in places


def test_what_is_read_stays_where_it_is_while_more_is_fetched_above(page: OpenPage, shared: str) -> None:
    page.open(shared)
    page.ask()
    page.open_line("Lisbon")
    page.js("document.getElementById('scroller').scrollTop = 400")
    top = "return document.querySelector('#messages .is-line').getBoundingClientRect().top"
    before = page.js(top)
    drawn = page.js("return document.getElementById('messages').childElementCount")
    page.until("document.getElementById('messages').childElementCount > arguments[0]", drawn - 1)
    page.js("return new Promise(done => setTimeout(done, 400))")
    assert abs(page.js(top) - before) < 2


# -- what others wrote -------------------------------------------------------------------------------------------------


def test_markup_in_texts_and_names_is_text(page: OpenPage, shared: str) -> None:
    page.open(shared)
    page.ask("Is my umbrella red?")
    page.until("document.querySelector('#lines li')")
    assert MARKUP in page.texts("#lines")[0]
    page.js("document.querySelector('#lines .line').click()")
    page.until("document.querySelector('#messages .is-line')")
    assert page.texts("#messages .text") == [f"My umbrella {MARKUP} is red"]
    assert page.texts("#messages .speaker-name") == [f"<b>Eve</b>{MARKUP}"]
    assert page.js("return document.querySelectorAll('.panes img, main script, .rail b, .reader b').length") == 0
    assert page.js("return window.broken") is None


def test_text_runs_in_its_own_direction(page: OpenPage, shared: str) -> None:
    page.open(shared)
    page.js("[...document.querySelectorAll('.chat-open')].find(e => e.innerText.includes('عائلة')).click()")
    page.until("document.querySelectorAll('#messages .text').length === 3")
    for direction, start, end in page.js(
        "return [...document.querySelectorAll('#messages .text')].map(e => { const range = document.createRange();"
        "range.selectNodeContents(e); const words = range.getBoundingClientRect(), box = e.getBoundingClientRect();"
        "return [getComputedStyle(e).direction, words.left - box.left, box.right - words.right]; })"
    ):
        assert direction == "rtl"
        assert start > 20  # free space is on the left
        assert abs(end) < 2
    assert page.js("return [...document.querySelectorAll('.message')].map(e => e.dir)") == ["rtl"] * 3
    page.find("#question").send_keys("متى نزور المتحف؟")
    assert page.js("return getComputedStyle(document.getElementById('question')).direction") == "rtl"


# -- keys, phone, dark, screen readers ---------------------------------------------------------------------------------


def test_all_of_it_goes_by_keys(page: OpenPage, shared: str) -> None:
    down, up, enter, escape = "\ue015", "\ue013", "\ue007", "\ue00c"
    page.open(shared)
    page.press("/")
    assert page.js("return document.activeElement.id") == "question"
    page.press(QUESTION, enter)
    page.until("document.querySelector('#answer-text .cite button')")
    page.js("document.activeElement.blur()")
    page.press("1")
    page.until("document.activeElement.classList.contains('is-line')")
    place = page.js("return Number(document.activeElement.dataset.place)")
    page.press(down, down, up)
    assert page.js("return Number(document.activeElement.dataset.place)") == place + 1
    page.press("p")
    assert page.js("return Number(document.activeElement.dataset.place)") == place
    page.press("c")
    page.until("document.getElementById('change-dialog').open")
    page.press(escape)
    page.until("!document.getElementById('change-dialog').open")
    page.press(escape)
    page.until("document.getElementById('reader').hidden")
    page.press("?")
    page.until("document.getElementById('help-dialog').open")
    page.press(escape)
    page.js("document.querySelector('.bar[tabindex=\"0\"]').focus()")
    before = page.js("return document.activeElement.dataset.start")
    page.press("\ue014", enter)
    page.until("!document.getElementById('reader').hidden")
    assert page.js("return document.querySelector('.bar[tabindex=\"0\"]').dataset.start") != before


def test_what_has_the_focus_can_be_seen(page: OpenPage, shared: str) -> None:
    page.open(shared)
    for _ in range(12):
        page.press("\ue004")  # Tab
        outline = page.js(
            "const e = document.activeElement; const style = getComputedStyle(e);"
            "const box = getComputedStyle(e.closest('.askline') ?? e), next = e.nextElementSibling;"
            "return [style, box, ...(next ? [getComputedStyle(next)] : [])]"
            ".some(s => s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1)"
        )
        assert outline, page.js("return document.activeElement.outerHTML")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing_serious_and_nothing_is_wider_than_the_screen(
    page: OpenPage, shared: str, scheme: str, screen: tuple[int, int]
) -> None:
    set_screen(page.driver, *screen, scheme)
    page.open(shared)
    page.js("document.getElementById('narrow').open = true")
    states: dict[str, list[str]] = {"chats": violations(page.driver)}
    assert page.overflow <= 0
    page.ask("What about the train, the bread and the harbour?")
    states["answer"] = violations(page.driver)
    assert page.overflow <= 0
    slide(page, 0)
    page.until("document.querySelector('#lines .leaves')")
    states["budget"] = violations(page.driver)
    slide(page, 12)
    page.until("document.querySelector('#lines .enters')")
    page.js("return new Promise(done => setTimeout(done, 400))")  # until they have faded in
    states["larger budget"] = violations(page.driver)
    page.ask()
    page.open_line("Lisbon")
    states["conversation"] = violations(page.driver)
    assert page.overflow <= 0
    for act in ("correct", "forget"):
        page.js(f"document.querySelector('#messages .is-line .do-{act}').click()")
        page.until("document.querySelector('dialog[open]')")
        states[act] = violations(page.driver)
        page.press("\ue00c")
        page.until("!document.querySelector('dialog[open]')")
    assert {state: found for state, found in states.items() if found} == {}
    lightness = page.js("return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert max(lightness) < 60 if scheme == "dark" else min(lightness) > 200


def test_on_a_phone_the_conversation_covers_the_answer_and_goes_away(page: OpenPage, shared: str) -> None:
    set_screen(page.driver, *PHONE)
    page.open(shared)
    page.click("#show-rail")
    assert page.js("return document.getElementById('rail').getBoundingClientRect().width") > 200
    page.press("\ue00c")
    page.ask()
    page.click("#answer-text .cite button")
    page.until("document.querySelector('#messages .is-line')")
    assert page.line_in_view == ANSWER
    box = page.js(
        "const b = document.getElementById('reader').getBoundingClientRect(); return [b.left, b.top, b.width, b.height]"
    )
    assert box == [0, 0, *PHONE]
    assert page.js("return document.getElementById('main').inert")
    page.click("#close-reader")
    page.until("document.getElementById('reader').hidden")
    assert not page.js("return document.getElementById('main').inert")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_where_there_is_nothing_yet(page: OpenPage, tmp_path: Path, scheme: str) -> None:
    with page.served(tmp_path / "chats") as address:
        for screen in (DESK, PHONE):
            set_screen(page.driver, *screen, scheme)
            page.open(address)
            assert violations(page.driver) == []
            assert page.overflow <= 0


# -- servers -----------------------------------------------------------------------------------------------------------


def test_a_token_is_asked_for_and_stays_in_the_tab(page: OpenPage, tmp_path: Path) -> None:
    token = "a-secret-of-24-characters"
    write_chats(tmp_path / "chats")
    with page.served(tmp_path / "chats", token=token) as address:
        page.driver.get("about:blank")
        page.driver.get(address)
        page.until("document.getElementById('token-dialog').open")
        page.find("#token").send_keys("not-the-token-of-this-server\n")
        page.until("document.getElementById('token-dialog').open && !document.getElementById('token-error').hidden")
        page.find("#token").send_keys(token + "\n")
        page.until("document.querySelectorAll('#chats li').length === 3")
        page.ask()
        assert "Lisbon" in page.texts("#answer-text")[0]
        assert page.js("return [localStorage.length, document.cookie, sessionStorage.length]") == [0, "", 1]
        assert token not in page.js("return location.href + document.documentElement.outerHTML")
        page.driver.refresh()
        page.until("document.querySelectorAll('#chats li').length === 3")
        refused = [line for line in console_errors(page.driver) if "401" not in line]
        assert refused == []  # the browser itself notes each 401


def test_axe_finds_nothing_serious_where_a_token_is_asked_for(page: OpenPage, tmp_path: Path) -> None:
    with page.served(tmp_path / "chats", token="a-secret-of-24-characters") as address:
        page.driver.get(address)
        page.until("document.getElementById('token-dialog').open")
        assert [line for line in console_errors(page.driver) if "401" not in line] == []
        assert violations(page.driver) == []


def test_a_server_that_went_away_is_noticed_and_so_is_its_return(page: OpenPage, tmp_path: Path) -> None:
    write_chats(tmp_path / "chats")
    port = free_port()
    with page_server(tmp_path / "chats", port=port) as (address, process):
        page.open(address)
        page.until("document.querySelector('#bars .bar')")  # its own requests are answered
        process.kill()
        process.wait()
        page.find("#question").send_keys("Where is the camera?\n")
        page.until("!document.getElementById('banner').hidden")
        assert "memoryqa serve" in page.texts("#banner")[0]
        assert len(page.texts("#banner")[0].splitlines()) == 1
    with page_server(tmp_path / "chats", port=port):
        page.until("document.getElementById('banner').hidden")
        page.ask()
        assert "Lisbon" in page.texts("#answer-text")[0]
        assert [line for line in console_errors(page.driver) if "ERR_CONNECTION" not in line] == []
        page.driver.get("about:blank")


def test_the_page_asks_no_other_server_for_anything(page: OpenPage, shared: str) -> None:
    page.open(shared)
    page.ask()
    page.click("#answer-text .cite button")
    page.until("document.querySelector('#messages .is-line')")
    asked = page.js("return performance.getEntriesByType('resource').map(e => e.name)")
    assert asked
    assert all(one.startswith(shared) for one in asked)
    with urllib.request.urlopen(shared, timeout=30) as answer:
        assert "default-src 'none'" in answer.headers["content-security-policy"]
