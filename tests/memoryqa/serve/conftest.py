"""A browser for each module of tests, and the page in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browser import DESK, console_errors, open_browser, set_screen
from open_page import OpenPage


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def page(driver: Any) -> Iterator[OpenPage]:
    """The page on a desk, in the light; afterwards its console must hold no error."""
    console_errors(driver)
    set_screen(driver, *DESK)
    yield OpenPage(driver)
    assert console_errors(driver) == []
    driver.get("about:blank")
