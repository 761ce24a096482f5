"""The page of a server that is open in a real browser, and what a person does there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from browser import console_errors
from page_server import page_server
from waiting import wait_for

QUESTION = "Where did Ana move with her dogs?"


class OpenPage:
    """The page that is open in the browser."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    @contextmanager
    def served(self, store: Path, token: str = "", env: Mapping[str, str] | None = None) -> Iterator[str]:
        """The address of a server, which the page leaves before it ends."""
        with page_server(store, token=token, env=env) as (address, _):
            yield address
            errors = [] if token else console_errors(self.driver)
            assert not errors, errors
            self.driver.get("about:blank")

    def js(self, script: str, *given: Any) -> Any:
        return self.driver.execute_script(script, *given)

    def until(self, condition: str, *given: Any) -> None:
        """Wait for an expression of JavaScript to become true."""
        wait_for(lambda: self.js(f"return Boolean({condition})", *given), condition, every_sec=0.05)

    def open(self, address: str) -> None:
        self.driver.get("about:blank")
        self.driver.get(address)
        self.until("document.querySelector('#chats li') || !document.getElementById('empty').hidden")

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def click(self, selector: str) -> None:
        self.until("document.querySelector(arguments[0])", selector)
        self.find(selector).click()

    def texts(self, selector: str) -> list[str]:
        found: list[str] = self.js(
            "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText)", selector
        )
        return found

    def press(self, *keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def ask(self, question: str = QUESTION, *, lines_only: bool = False) -> None:
        self.js(
            "document.querySelector(`input[name=mode][value=${arguments[0]}]`).click()",
            "search" if lines_only else "ask",
        )
        box = self.find("#question")
        box.clear()
        box.send_keys(question + "\n")
        self.until("!document.getElementById('submit').hasAttribute('aria-busy')")
        self.until("document.querySelector('#lines li') || !document.getElementById('nothing').hidden")

    def open_line(self, text: str) -> None:
        self.js(
            "[...document.querySelectorAll('#lines .line')].find(e => e.innerText.includes(arguments[0])).click()", text
        )
        self.until("document.querySelector('#messages .is-line')")

    @property
    def line_in_view(self) -> str:
        """The text of the line that was opened, when all of it can be seen."""
        found: str = self.js(
            "const line = document.querySelector('#messages .is-line'), frame = document.getElementById('scroller');"
            "if (!line) return '';"
            "const box = line.getBoundingClientRect(), edge = frame.getBoundingClientRect();"
            "const is_in = box.top >= edge.top - 1 && box.bottom <= edge.bottom + 1;"
            "return is_in ? line.querySelector('.text').innerText : ''"
        )
        return found

    @property
    def overflow(self) -> int:
        """Pixels by which the page is wider than the screen."""
        return int(self.js("return document.documentElement.scrollWidth - document.documentElement.clientWidth"))
