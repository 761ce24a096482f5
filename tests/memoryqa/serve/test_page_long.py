"""The page in a real browser with a language model, with dropped files and with what takes long."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("dspy", reason="needs pip install '.[ask]'")

from axe import violations
from open_page import QUESTION, OpenPage
from openai_server import OpenAIServer, chat_fields
from page_server import write_chats
from waiting import wait_for

ANSWER = "To Lisbon, with Bica and Nata, in the spring of 2023 [D1:1], as far as these lines say; she liked it there"

pytestmark = pytest.mark.slow


def reply(messages: list[Mapping[str, Any]], body: Mapping[str, Any]) -> str:
    prompt = str(messages[-1]["content"]) + str(messages[0]["content"])
    if "follow_up_queries" in prompt:
        return chat_fields(sufficient=True, follow_up_queries=[])
    if "evidence_ids" in prompt:
        line = prompt.rsplit("two dogs, Bica", 1)[0].rsplit("\n", 1)[1].split(" ")[0]
        session = prompt.rsplit("two dogs, Bica", 1)[0].rsplit("[D", 1)[1].split(",")[0]
        return chat_fields(answer=ANSWER.replace("D1:1", f"D{session}:{line}"), evidence_ids=f"D{session}:{line}")
    return chat_fields(queries='["moved to Lisbon", "my two dogs"]')


def test_an_answer_of_a_model_is_shown_as_it_comes_and_a_reload_does_not_pay_for_it_again(
    page: OpenPage, tmp_path: Path
) -> None:
    write_chats(tmp_path / "chats")
    model = OpenAIServer(reply, pause_sec=0.05)
    env = {"HOSTED_VLLM_API_BASE": model.api_base, "MEMORY_MODEL": "hosted_vllm/test-model"}
    with model, page.served(tmp_path / "chats", env=env) as address:
        page.open(address)
        page.js(
            "window.shown = []; new MutationObserver(() => window.shown.push("
            "[document.getElementById('answer-text').innerText, document.querySelectorAll('#lines li').length]))"
            ".observe(document.getElementById('answer-text'), {childList: true, characterData: true, subtree: true})"
        )
        page.ask()
        shown = page.js("return window.shown")
        pieces = [text for text, _ in shown if text and ANSWER.replace("[D1:1]", "").startswith(text[:10])]
        assert len(pieces) > 4
        assert all(lines > 0 for text, lines in shown if text)  # its sources are there before
        assert "test-model" in page.texts("#who")[0]
        assert page.texts("#answer-text .cite") == ["1"]
        assert not page.js("return document.getElementById('answer').hasAttribute('aria-busy')")
        assert violations(page.driver) == []
        answer, paid = page.texts("#answer-text"), len(model.chat_requests)
        page.driver.refresh()
        page.until("document.querySelector('#answer-text .cite')")
        assert page.texts("#answer-text") == answer
        page.js("document.querySelector('input[name=mode][value=search]').click()")
        page.until("document.getElementById('answer').hidden")
        page.js("document.querySelector('input[name=mode][value=ask]').click()")
        page.until("document.querySelector('#answer-text .cite')")
        assert len(model.chat_requests) == paid
        page.click("#answer-text .cite button")
        page.until("document.querySelector('#messages .is-line')")
        page.click("#messages .is-line .do-forget")
        page.click("#change-dialog .danger")
        page.until("!document.querySelector('dialog[open]') && !location.hash.includes('line=')")
        page.driver.refresh()
        page.until("document.getElementById('ask-again')")
        assert page.texts("#answer-text") == [""]
        assert "Lisbon" not in page.texts("#asking")[0]
        assert len(model.chat_requests) == paid
        assert violations(page.driver) == []


def test_the_model_stops_when_another_question_is_asked(page: OpenPage, tmp_path: Path) -> None:
    write_chats(tmp_path / "chats")
    model = OpenAIServer(reply, pause_sec=0.7)
    env = {"HOSTED_VLLM_API_BASE": model.api_base, "MEMORY_MODEL": "hosted_vllm/test-model"}
    with model, page.served(tmp_path / "chats", env=env) as address:
        page.open(address)
        page.find("#question").send_keys(QUESTION + "\n")
        page.until("document.getElementById('answer-text').innerText")
        page.ask("Where is the old camera?", lines_only=True)
        assert page.js("return document.getElementById('answer').hidden")
        wait_for(lambda: model.left == 1, "the client of the model has left")


def whatsapp(messages: int) -> str:
    """An export with three people."""
    start = datetime(2021, 5, 13, 9)
    return "".join(
        f"{start + timedelta(hours=n):%d/%m/%Y, %H:%M} - {('Noa', 'Piet', 'Zoé')[n % 3]}: We met at the harbour {n}\n"
        for n in range(messages)
    )


def drop(page: OpenPage, *files: Path) -> None:
    """Drop files on the page as a person does, by the browser itself."""
    data = {"items": [], "files": [str(one) for one in files], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        page.driver.execute_cdp_cmd("Input.dispatchDragEvent", {"type": kind, "x": 400, "y": 300, "data": data})
        if kind == "dragOver":
            page.until("!document.getElementById('drop').hidden")


def test_a_dropped_export_is_read_and_its_people_and_days_are_counted_meanwhile(page: OpenPage, tmp_path: Path) -> None:
    export = tmp_path / "WhatsApp Chat with Noa.txt"
    export.write_text(whatsapp(20_000), encoding="utf-8")
    with page.served(tmp_path / "chats") as address:
        page.open(address)
        page.js(
            "window.counted = []; new MutationObserver(() => {"
            "const list = document.querySelector('#import-body .figures');"
            "if (list && document.querySelector('#import-body progress')) window.counted.push(list.innerText)})"
            ".observe(document.getElementById('import-body'), {childList: true, subtree: true})"
        )
        drop(page, export)
        page.until("document.getElementById('drop').hidden")
        page.until("document.querySelector('#import-dialog .primary')?.innerText === 'Ask about it'")
        counted = [one.split() for one in page.js("return window.counted") if "days" in one]
        assert {one[one.index("people") + 1] for one in counted} == {"3"}
        days = [int(one[one.index("days") + 1].replace(",", "")) for one in counted]
        assert len(set(days)) > 1
        assert days == sorted(days)
        page.click("#import-dialog .primary")
        assert page.texts("#chats .chat-name") == ["Noa"]


def test_a_drag_that_leaves_or_has_no_file_changes_nothing(page: OpenPage, tmp_path: Path) -> None:
    write_chats(tmp_path / "chats")
    with page.served(tmp_path / "chats") as address:
        page.open(address)
        text = {"items": [{"mimeType": "text/plain", "data": "hello"}], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver"):
            page.driver.execute_cdp_cmd("Input.dispatchDragEvent", {"type": kind, "x": 400, "y": 300, "data": text})
        assert page.js("return document.getElementById('drop').hidden")
        page.driver.execute_cdp_cmd("Input.dispatchDragEvent", {"type": "dragCancel", "x": 400, "y": 300, "data": text})
        time.sleep(0.1)
        assert page.js("return document.querySelector('dialog[open]')") is None


def test_a_format_that_is_not_recognised_can_be_named(page: OpenPage, tmp_path: Path) -> None:
    (tmp_path / "talk.dat").write_bytes(b"\0\1\2\3" * 40)
    with page.served(tmp_path / "chats") as address:
        page.open(address)
        page.find("#file").send_keys(str(tmp_path / "talk.dat"))
        page.until("document.getElementById('format')")
        assert page.texts("#import-dialog .error")[0].startswith("talk.dat is no export that is known")
        assert "WhatsApp" in page.texts("#format option")
        page.js(
            "const list = document.getElementById('format'); list.value = 'whatsapp';"
            "list.dispatchEvent(new Event('change'))"
        )
        page.click("#import-dialog .primary")
        page.until("document.querySelector('#import-dialog .error') && !document.getElementById('format')")
        assert "talk.dat" in page.texts("#import-dialog .error")[0]


def test_a_server_that_is_busy_is_asked_again_and_says_why(page: OpenPage, tmp_path: Path) -> None:
    write_chats(tmp_path / "chats", 40)
    with page.served(tmp_path / "chats") as address:
        page.open(address)
        page.js(
            "const real = window.fetch; window.left = 2; window.fetch = (path, ...more) => {"
            "if (!String(path).includes('search') || window.left === 0) return real(path, ...more); window.left -= 1;"
            "return Promise.resolve(new Response(JSON.stringify({detail: 'the index is being built anew'}),"
            "{status: 503, headers: {'Retry-After': '1'}})); };"
        )
        page.js("document.querySelector('input[name=mode][value=search]').click()")
        page.js("document.getElementById('question').value = 'Where did Ana move?'")
        page.js("document.getElementById('submit').click()")
        page.until("document.getElementById('banner').innerText === 'the index is being built anew'")
        page.until("document.querySelector('#lines li')")
        assert page.js("return document.getElementById('banner').hidden")
        assert page.js("return window.left") == 0
