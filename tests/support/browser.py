"""A real browser for tests: Debian's chromium and chromedriver, driven by Selenium, without any network.

Nothing is downloaded: both programs must be installed (`apt-get install chromium chromium-driver`). Where they are not,
a test that needs them is skipped with that reason, and fails in CI, which must have them.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

DESK = (1280, 860)  # a screen, in pixels
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # tests may run as root, in a container
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--window-size=1280,900",
)


def find_browser() -> tuple[str, str] | None:
    """Paths of a Chromium and of its driver; None when one of the two is not installed."""
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


@contextmanager
def open_browser(profile_dir: Path) -> Iterator[Any]:
    """A headless Chromium as a Selenium driver, its profile empty. Without one the test is skipped, in CI it fails."""
    found = find_browser()
    if found is None:
        reason = "no browser: apt-get install chromium chromium-driver"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Selenium's own imports
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = found[0]
    for flag in (*_FLAGS, f"--user-data-dir={profile_dir}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(executable_path=found[1]))
    try:
        yield driver
    finally:
        driver.quit()


def set_screen(driver: Any, width: int, height: int, colour_scheme: str = "light") -> None:
    """A viewport in CSS pixels, wherever a window would refuse to be so narrow; and light or dark."""
    metrics: Mapping[str, Any] = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": colour_scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def console_errors(driver: Any) -> list[str]:
    """Messages of warnings and errors since the last call."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] in ("WARNING", "SEVERE")]
