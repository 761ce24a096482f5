"""The report in a real browser: filters, list, one question with its context, keys, links, light, dark and phone."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from answer_rows import answer_row
from browser import console_errors, open_browser, set_screen
from checkout import ROOT
from run_folders import MARKUP, garden_run, turn_lines, write_run

from reports.comparing.comparison import compare
from reports.comparing.tables import write_comparison
from reports.records import load_run
from reports.terminal import write_report

pytestmark = pytest.mark.slow

PHONE, DESK = (390, 844), (1280, 900)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(scope="module")
def garden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(garden_run(tmp_path_factory.mktemp("garden") / "run"))


class Report:
    """A report that is open in the browser."""

    def __init__(self, driver: Any, path: Path) -> None:
        self.driver = driver
        self.path = path

    def js(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def open(self, link: str = "") -> None:
        self.driver.get("about:blank")
        self.driver.get(self.path.as_uri() + link)

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        """`innerText` of all that match; what is not displayed has none."""
        found: list[str] = self.js(
            "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText)", selector
        )
        return found

    def choose(self, **filters: str) -> None:
        """Set filters by their visible words; `judge_0` is the first judge's."""
        from selenium.webdriver.support.select import Select

        for name, words in filters.items():
            Select(self.find(f"#filter-{name.replace('_', '-')}")).select_by_visible_text(words)

    def search(self, words: str) -> None:
        box = self.find("#search")
        box.clear()
        box.send_keys(words)

    def press(self, key: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(key).perform()

    @property
    def count(self) -> str:
        return self.texts("#status b")[0]

    @property
    def shown(self) -> list[str]:
        """The questions in the list, from above."""
        found: list[str] = self.js(
            "return [...document.querySelectorAll('.item')].sort((a, b) => a.offsetTop - b.offsetTop)"
            ".map(e => e.querySelector('.q').innerText)"
        )
        return found

    @property
    def opened(self) -> str | None:
        """The question that is open."""
        found = self.texts("#detail:not([hidden]) .question")
        return found[0] if found else None

    def card(self, program: str) -> str:
        return self.texts(f'.card[data-program="{program}"]')[0]

    def context(self) -> str:
        """The context as a reader could copy it: a line per line, without ranks and marks."""
        lines: list[str] = self.js(
            "return [...document.querySelectorAll('#context > div')]"
            ".map(e => e.classList.contains('session') ? e.textContent : e.firstChild.textContent)"
        )
        return "".join(f"{line}\n" for line in lines)


@pytest.fixture
def report(driver: Any, garden: Path) -> Iterator[Report]:
    """The garden's report on a desk, in the light; afterwards its console must hold no error."""
    console_errors(driver)
    set_screen(driver, *DESK)
    report = Report(driver, garden)
    report.open()
    yield report
    assert console_errors(driver) == []


# -- filters -----------------------------------------------------------------------------------------------------------


def test_the_page_opens_with_all_questions_and_asks_the_network_for_nothing(report: Report) -> None:
    assert report.count == "8 of 8"
    assert len(report.shown) == 8
    assert report.shown[0] == "How many tulips behind shed three of row two?"
    assert report.js("return performance.getEntriesByType('resource').map(e => e.name)") == []
    assert report.texts("#status span") == ["simple 37.5", "memory 67.5"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"category": "temporal"}, 1),
        ({"category": "single-hop"}, 4),
        ({"f1": "right (50% or more)"}, 5),
        ({"f1": "wrong (under 50%)"}, 3),
        ({"f1": "nothing (0%)"}, 2),
        ({"program": "simple", "f1": "nothing (0%)"}, 5),
        ({"evidence": "all found"}, 5),
        ({"evidence": "partly found"}, 1),
        ({"evidence": "missed"}, 1),
        ({"evidence": "none named"}, 1),
        ({"program": "simple", "evidence": "missed"}, 3),
        ({"trouble": "failed"}, 1),
        ({"trouble": "with problems"}, 1),
        ({"trouble": "none"}, 6),
        ({"judge_0": "correct"}, 3),
        ({"judge_0": "wrong"}, 1),
        ({"judge_0": "not judged"}, 4),
        ({"program": "simple", "judge_0": "unreadable"}, 1),
        ({"against": "simple", "outcome": "gained"}, 3),
        ({"against": "simple", "outcome": "lost"}, 1),
        ({"against": "simple", "outcome": "changed"}, 4),
        ({"against": "simple", "outcome": "both right"}, 2),
        ({"against": "simple", "outcome": "both wrong"}, 2),
        ({"against": "simple", "measure": "strict", "outcome": "gained"}, 2),
        ({"category": "single-hop", "evidence": "all found", "f1": "exact (100%)"}, 3),
        ({"category": "temporal", "trouble": "failed"}, 0),
    ],
)
def test_filters_narrow_the_list(report: Report, filters: dict[str, str], expected: int) -> None:
    report.choose(**filters)
    assert report.count == f"{expected} of 8"
    assert len(report.shown) == expected


def test_the_outcome_is_asked_for_once_a_program_is_compared_with(report: Report) -> None:
    assert not report.find("#filter-outcome").is_displayed()
    report.choose(against="simple")
    assert report.find("#filter-outcome").is_displayed()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("boat", ["Where is the boat?"]),
        ("TULIPS behind", ["How many tulips behind shed three of row two?"]),
        ("two, three", ["Which sheds have tulips?"]),  # in the gold answer
        ("information", ["What sank?"]),  # in an answer
        ("船の", ["Größe des Boots? 船の大きさは？"]),
        ("</script>", [f"Which tag? {MARKUP}"]),
        ("nowhere to be found", []),
    ],
)
def test_search_finds_words_of_question_gold_and_answer(report: Report, words: str, expected: list[str]) -> None:
    report.search(words)
    assert report.shown == expected


def test_clear_brings_all_questions_back(report: Report) -> None:
    report.choose(category="temporal", trouble="failed")
    report.search("boat")
    assert report.count == "0 of 8"
    report.find("#reset").click()
    assert report.count == "8 of 8"


# -- one question ------------------------------------------------------------------------------------------------------


def open_question(report: Report, start: str) -> None:
    number = next(place for place, text in enumerate(report.shown) if text.startswith(start))
    items = sorted(report.driver.find_elements("css selector", ".item"), key=lambda item: item.location["y"])
    items[number].click()


def test_a_question_opens_with_gold_and_all_programs_side_by_side(report: Report) -> None:
    open_question(report, "Which sheds")
    assert report.opened == "Which sheds have tulips?"
    assert report.texts("#gold") == ["two, three"]
    memory, simple = report.card("memory"), report.card("simple")
    for told in ("six", "40.0%", "hops\n2", "planted bulbs", "rows of tulips", "60 context, 900 prompt, 20 completion"):
        assert told in memory
    assert "2 of 4 gold turns found" in memory
    assert "0 of 4 gold turns found" in simple
    assert "nine" in simple
    assert "strict: unreadable" in simple
    tops = report.js("return [...document.querySelectorAll('.card')].map(e => e.getBoundingClientRect().top)")
    assert tops[0] == tops[1]


def test_gold_lines_are_highlighted_cited_ones_marked_and_missed_ones_listed(report: Report) -> None:
    open_question(report, "Which sheds")
    said = report.js("return [...document.querySelectorAll('#context .gold')].map(e => e.firstChild.textContent)")
    assert said == [
        "3 Tomas: I planted 6 tulips behind shed 3 of row 2.",
        "1 Tomas: I planted 3 tulips behind shed 1 of row 3.",
    ]
    plain, gold = (
        report.js("return getComputedStyle(document.querySelector(arguments[0])).backgroundColor", selector)
        for selector in ("#context div:not(.gold):not(.session)", "#context .gold")
    )
    assert plain != gold
    missed = report.texts(".evidence .missed")
    assert len(missed) == 2
    assert "missed D1:2 [D1, 1 May 2024] 2 Ines: I planted 2 tulips behind shed 2 of row 1." in " ".join(
        missed[0].split()
    )
    open_question(report, "How many tulips behind")
    assert report.texts("#context .cited b") == ["gold, cited"]


def test_showing_found_evidence_points_at_its_line(report: Report) -> None:
    open_question(report, "Which sheds")
    report.find(".evidence .found button").click()
    assert report.texts("#context .target .tag") == ["gold #1"]


def test_the_context_follows_the_program(report: Report) -> None:
    open_question(report, "How many tulips behind")
    assert report.context().startswith("[D1, 1 May 2024]\n1 Tomas: I planted 1 tulips")
    report.find(".tabs button").click()  # the first is simple
    assert report.context().startswith("[D3, 3 May 2024]\n4 Ines: I planted 12 tulips")
    assert report.find("#filter-program").get_attribute("value") == "simple"


def test_failures_problems_and_votes_are_told(report: Report) -> None:
    from selenium.webdriver.common.keys import Keys

    open_question(report, "Where is the boat?")
    assert "TimeoutError: slow" in report.card("memory")
    assert "Nothing was sent." in report.texts("#detail")[0]
    report.choose(trouble="with problems")
    report.press(Keys.ESCAPE)  # out of the filter, into the list
    report.press("j")
    assert report.opened == "How many tulips of garden:10?"
    assert "the queries could not be read" in report.card("memory")
    assert "This question names no evidence." in report.texts("#detail")[0]
    report.choose(trouble="any")
    open_question(report, "How many tulips behind")
    assert f"vote 1: correct, {MARKUP}" in report.card("memory")
    assert "vote 3: wrong, c" in report.card("memory")


def test_questions_without_a_gold_answer_say_so(report: Report) -> None:
    open_question(report, "What sank?")
    assert report.texts("#gold") == ["none: the conversation does not tell"]


def test_markup_in_the_data_is_shown_as_text_and_never_run(report: Report) -> None:
    open_question(report, "Which tag?")
    assert report.opened == f"Which tag? {MARKUP}"
    assert report.texts("#gold") == [f"a tag {MARKUP}"]
    assert f"tulips behind shed 3 of row 2. {MARKUP}\n" in report.context()
    assert report.js("return document.querySelectorAll('#explorer script, #explorer b b').length") == 0
    assert report.js("return document.scripts.length") == 2  # an alert would have failed the lines above


# -- keys and links ----------------------------------------------------------------------------------------------------


def test_the_keyboard_alone_searches_walks_opens_and_closes(report: Report) -> None:
    from selenium.webdriver.common.keys import Keys

    report.press("/")
    report.press("tulips")
    assert report.count == "3 of 8"
    report.press(Keys.ESCAPE)
    for key, expected in (("j", 1), ("j", 2), ("j", 2), ("k", 1), (Keys.ARROW_DOWN, 2), (Keys.ARROW_UP, 1)):
        report.press(key)
        assert report.texts(".item[aria-selected=true] .q") == [report.shown[expected]]
    assert report.opened is None
    report.press(Keys.ENTER)
    assert report.opened == report.shown[1]
    report.press("k")
    assert report.opened == report.shown[0]
    report.press(Keys.ESCAPE)
    assert report.opened is None
    active = report.js("return document.activeElement.getAttribute('aria-activedescendant')")
    assert active == report.find(".item[aria-selected=true]").get_attribute("id")


def test_keys_in_the_search_field_only_write(report: Report) -> None:
    report.press("/")
    report.press("jk/")
    assert report.find("#search").get_attribute("value") == "jk/"
    assert report.opened is None


def test_a_link_opens_its_question_and_program(report: Report) -> None:
    report.open("#simple/garden:2")
    assert report.opened == "Which sheds have tulips?"
    assert report.find("#filter-program").get_attribute("value") == "simple"
    report.press("j")
    assert report.driver.current_url.endswith("#simple/garden:3")
    report.find("#close").click()
    assert "#" not in report.driver.current_url


@pytest.mark.parametrize("link", ["#garden:2", "#memory/garden:2"])
def test_a_link_to_a_question_scrolls_to_it(report: Report, link: str) -> None:
    report.open(link)
    assert report.opened == "Which sheds have tulips?"
    assert report.js("return location.hash") == "#memory/garden:2"
    top = report.js("return document.querySelector('#detail').getBoundingClientRect().top")
    assert 0 <= top < 40
    report.driver.back()  # to the page before, and not into the same link again
    assert report.driver.current_url == "about:blank"


def test_a_link_that_is_followed_on_the_open_page_scrolls_too(report: Report) -> None:
    report.js("scrollTo(0, 0); location.hash = '#simple/garden:3'")
    deadline = time.monotonic() + 10
    while report.opened is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert report.opened == "When were they planted?"
    assert report.js("return scrollY") > 100


def test_headings_lead_to_the_glossary_and_leave_the_question_open(report: Report) -> None:
    open_question(report, "Which sheds")
    report.js("document.querySelector('a[href=\"#term-recall\"]').click()")
    assert "gold turns" in report.texts(":target dd")[0]
    assert report.opened == "Which sheds have tulips?"
    top = report.js("return document.querySelector(':target').getBoundingClientRect().top")
    assert 0 <= top < DESK[1]


def test_text_from_right_to_left_is_shown_so(driver: Any, tmp_path: Path) -> None:
    question, answer = "מתי עברה אנה לפורטו?", "ביום שבת"
    lines = {"a": {"D1:1": ["[D1, 1 May 2024]", "אנה: עברתי לפורטו", "אנה: עברתי לפורטו"]}}
    row = answer_row("memory", "a:1", question=question, gold=answer, answer=answer, retrieved_ids=["D1:1"])
    report = Report(driver, write_report(write_run(tmp_path / "run", [row], lines=lines)))
    report.open("#a:1")
    assert report.opened == question
    for selector in (".question", "#gold", ".answer", "#context div:not(.session) span", ".item .q"):
        direction = report.js("return getComputedStyle(document.querySelector(arguments[0])).direction", selector)
        assert direction == "rtl", selector
    assert report.js("return getComputedStyle(document.querySelector('h1')).direction") == "ltr"
    assert console_errors(driver) == []


def test_a_wide_list_shows_gold_and_answer_beside_the_question(report: Report) -> None:
    set_screen(report.driver, 1440, 900)
    place = "const r = document.querySelector(arguments[0]).getBoundingClientRect(); return [r.left, r.top]"
    (gold_left, gold_top), (question_left, question_top) = (
        report.js(place, selector) for selector in (".item .gold", ".item .q")
    )
    assert report.texts(".item .gold")[0] == "gold six"
    assert gold_left > question_left + 400
    assert abs(gold_top - question_top) < 4
    set_screen(report.driver, *PHONE)
    assert not report.find(".item .gold").is_displayed()


@pytest.mark.parametrize("link", ["#", "#memory/none:1", "#nobody/garden:1", "#%", "#memory", "#memory/%E0%A4%A"])
def test_a_link_to_nothing_opens_nothing(report: Report, link: str) -> None:
    report.open(link)
    assert report.opened is None
    assert report.count == "8 of 8"


def test_the_browsers_back_closes_the_question(report: Report) -> None:
    open_question(report, "Which sheds")
    report.driver.back()
    assert report.opened is None


def test_any_name_of_program_and_question_makes_a_link(driver: Any, tmp_path: Path) -> None:
    program, question_id = "my/own 100% #1", "a/ü:#%41 ?&"
    path = write_report(write_run(tmp_path / "run", [answer_row(program, question_id, question="Here?")]))
    report = Report(driver, path)
    report.open()
    report.press("j")
    open_question(report, "Here?")
    link = report.js("return location.hash")
    report.open(link)
    assert report.opened == "Here?"
    assert console_errors(driver) == []


# -- looks -------------------------------------------------------------------------------------------------------------

CONTRAST = """
const luminance = (rgb) => {
  const [r, g, b] = rgb.map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
const behind = (e) => {
  for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c;
  }
  return [255, 255, 255];
};
const worst = [];
for (const e of document.querySelectorAll('body *')) {
  const says = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!says || !e.checkVisibility() || e.closest('svg, :disabled, option')) continue;
  const [a, b] = [luminance(parse(getComputedStyle(e).color)), luminance(behind(e))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) worst.push(`${e.tagName}.${e.className} ${e.textContent.slice(0, 20)} ${ratio.toFixed(2)}`);
}
return worst;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_contrast_enough(report: Report, scheme: str) -> None:
    set_screen(report.driver, *DESK, scheme)
    open_question(report, "Which sheds")
    assert report.js(CONTRAST) == []


def test_dark_is_dark_and_light_is_light(report: Report) -> None:
    brightness = []
    for scheme in ("light", "dark"):
        set_screen(report.driver, *DESK, scheme)
        background = report.js("return getComputedStyle(document.body).backgroundColor")
        brightness.append(sum(int(part) for part in background.strip("rgb()").split(",")))
    assert brightness[0] > 700
    assert brightness[1] < 100


def test_a_phone_needs_no_sideways_scrolling(report: Report) -> None:
    set_screen(report.driver, *PHONE)
    width = "return document.documentElement.scrollWidth"
    assert report.js(width) == 390
    open_question(report, "Which tag?")
    assert report.opened is not None
    assert report.js(width) == 390
    wide = "return document.querySelector('#detail').scrollWidth <= document.querySelector('#detail').clientWidth"
    assert report.js(wide)
    covers = report.js(
        "const r = document.querySelector('#detail').getBoundingClientRect(); return [r.width, r.height]"
    )
    assert covers == [390, 844]
    report.find("#close").click()
    assert report.opened is None


def test_controls_have_names(report: Report) -> None:
    open_question(report, "Which sheds")
    nameless = report.js(
        "return [...document.querySelectorAll('input, select, button, [role=listbox], [role=group], article')]"
        ".filter(e => !(e.labels && e.labels.length) && !e.getAttribute('aria-label') && !e.innerText.trim())"
        ".map(e => e.outerHTML.slice(0, 80))"
    )
    assert nameless == []


def test_without_scripts_the_headline_stands_and_the_explorer_says_why_not(driver: Any, garden: Path) -> None:
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        set_screen(driver, *DESK)
        driver.get(garden.as_uri())
        text = driver.find_element("css selector", "body").text
        assert "62.9" in text
        assert "needs scripts, which are switched off here" in text
        assert "Compared with" not in text
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


# -- whole runs --------------------------------------------------------------------------------------------------------


def test_a_comparison_opens_on_what_changed(driver: Any, tmp_path: Path) -> None:
    scores = {"one": [0.0, 1.0, 1.0, 0.2], "two": [0.5, 0.4, 1.0, 0.1]}
    runs = [
        write_run(tmp_path / name, [answer_row("memory", f"a:{n}", f1=f1) for n, f1 in enumerate(found)])
        for name, found in scores.items()
    ]
    report = Report(driver, write_comparison(compare(*runs), tmp_path / "comparison.html"))
    report.open()
    assert report.shown == ["How many tulips of a:0?", "How many tulips of a:1?"]
    report.choose(outcome="lost")
    open_question(report, "How many tulips of a:1?")
    assert "100.0%" in report.card("A: memory, one")
    assert "40.0%" in report.card("B: memory, two")
    assert console_errors(driver) == []


def test_a_run_without_lines_shows_ids_and_says_so(driver: Any, tmp_path: Path) -> None:
    report = Report(driver, write_report(garden_run(tmp_path / "run", lines=None)))
    report.open("#memory/garden:2")
    assert report.context() == "D1:4\nD2:3\nD3:1\n"
    assert "The text of 3 lines is not in this run folder (lines.json)" in report.texts("#detail")[0]
    assert console_errors(driver) == []


def evaluated_sample(run_dir: Path) -> None:
    command = [
        sys.executable,
        "evaluate.py",
        "--data",
        "data/sample.json",
        "--split",
        "all",
        "--model",
        "offline",
        "--no-mlflow",
    ]
    command += ["--programs", "simple,memory,full-context", "--num-test", "12", "--run-dir", str(run_dir)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def test_a_real_run_shows_every_context_as_it_was_sent(driver: Any, tmp_path: Path) -> None:
    from locomo.dataset import load
    from memoryqa.memory import AdaptiveMemory

    run_dir = tmp_path / "run"
    evaluated_sample(run_dir)
    memories = {}
    for conversation in load(ROOT / "data" / "sample.json").conversations:
        memories[conversation.id] = AdaptiveMemory()
        memories[conversation.id].extend(conversation.turns)
    report = Report(driver, write_report(run_dir))
    records = load_run(run_dir)
    for program, answers in records.rows.items():
        for question_id, row in list(answers.items())[:4]:
            report.open(f"#{program}/{question_id}")
            memory = memories[row["conversation_id"]]
            turns = [memory.expand(turn_id) for turn_id in row["retrieved_ids"]]
            sent = memory.transcript() if program == "full-context" else memory.pack(turns, row["context_tokens"])
            assert sent.tokens == row["context_tokens"]
            assert report.context() == sent.text
            found = set(row["retrieved_ids"]) & set(row["gold_evidence_ids"])
            assert len(report.texts("#context .gold")) == len(found)
            assert len(report.texts(".evidence .missed")) == len(row["gold_evidence_ids"]) - len(found)
    assert console_errors(driver) == []


def big_run(run_dir: Path) -> Path:
    """2,000 questions to two programs, of 20 conversations of about 25,000 tokens."""
    draw = random.Random(0)
    words = [f"{a}{b}{c}" for a in "bdgklmnprst" for b in "aeiou" for c in ("n", "rt", "sk", "lling", "mmer")]

    def text(count: int) -> str:
        return " ".join(draw.choices(words, k=count))

    lines = {
        f"c{number}": {
            turn_id: [header, f"{brief} {text(16)}", f"{full} {text(18)}"]
            for turn_id, (header, brief, full) in turn_lines(num_sessions=25, num_turns=24).items()
        }
        for number in range(20)
    }
    ids = list(lines["c0"])
    rows = []
    for place in range(2_000):
        asked = {"question": text(12), "category": place % 5 + 1, "gold_evidence_ids": draw.sample(ids, 2)}
        for program in ("simple", "memory"):
            answer = {"retrieved_ids": draw.sample(ids, 110), "answer": text(5), "f1": draw.random()}
            rows.append(answer_row(program, f"c{place % 20}:{place}", **asked, **answer))
    return write_run(run_dir, rows, lines=lines)


def test_two_thousand_questions_of_two_programs_stay_small_and_filter(driver: Any, tmp_path: Path) -> None:
    path = write_report(big_run(tmp_path / "run"))
    assert path.stat().st_size < 30_000_000
    set_screen(driver, *DESK)
    report = Report(driver, path)
    started = time.perf_counter()
    report.open()
    assert report.count == "2,000 of 2,000"
    assert len(report.shown) < 60
    opened_sec = time.perf_counter() - started
    timed = "const t = performance.now(); {} ; return performance.now() - t"
    filter_ms = report.js(timed.format("selects.category.value = '2'; apply()"))
    assert report.count == "400 of 2,000"
    search_ms = report.js(timed.format("$('search').value = 'bart'; apply()"))
    assert 0 < len(report.shown) < 400
    report.js("$('search').value = ''; clear(); apply()")
    open_ms = report.js(timed.format("open(shown[1999])"))
    assert report.texts("#detail .topline span") == ["c19:1999 · adversarial · 2,000 of 2,000"]
    report.press("k")
    assert report.texts("#detail .topline span")[0].startswith("c19:1979")
    size = path.stat().st_size / 1e6
    print(f"{size:.1f} MB; opens in {opened_sec:.2f} s; ms: filter {filter_ms}, search {search_ms}, question {open_ms}")
    assert console_errors(driver) == []
