"""
A browser for tests: Debian's Chromium, headless, driven by Selenium.

Rules: the driver is the installed one, so that Selenium fetches nothing. To wait is to observe the
page's changes: no polling. Every request that a page makes is kept, for `asked`.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.keys import Keys

from bot.demo.programs import require

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
    "--no-first-run", "--disable-quic", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip

WITHIN = 45.0
"""Seconds to wait for what takes a second or two on an idle machine."""

UNTIL = """
const [condition, done] = [new Function("return " + arguments[0]), arguments[1]];
const look = () => { const found = condition(); if (found) { watch.disconnect(); done(found); } };
const watch = new MutationObserver(look);
watch.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
look();
"""


@dataclass(frozen=True)
class Screen:
    """What somebody looks at, in CSS pixels."""

    width: int
    height: int
    scale: int = 1
    touch: bool = False


class Browser:
    """One tab of one browser."""

    def __init__(self, driver: Chrome) -> None:
        self._driver = driver
        driver.set_script_timeout(WITHIN)

    def size(self, screen: Screen) -> None:
        """Be on *screen* from now on."""
        self._driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {
                "width": screen.width,
                "height": screen.height,
                "deviceScaleFactor": screen.scale,
                "mobile": screen.touch,
            },
        )

    def trust_anybody(self, whether: bool) -> None:
        """Whether a certificate may be anybody's."""
        self._driver.execute_cdp_cmd("Security.setIgnoreCertificateErrors", {"ignore": whether})

    def open(self, url: str) -> None:
        """Go to *url*; returns when its scripts are loaded."""
        self._driver.get(url)

    def leave(self) -> None:
        """Leave the page, and forget what it asked and what was wrong with it."""
        self.open("about:blank")
        self.asked()
        self.complaints()

    def until(self, condition: str) -> Any:
        """Wait until the JavaScript expression *condition* is true; its value."""
        return self._driver.execute_async_script(UNTIL, condition)

    def value(self, expression: str) -> Any:
        """What the JavaScript *expression* is now."""
        return self._driver.execute_script(f"return {expression}")

    def type(self, line: str) -> None:
        """Type *line* and Enter, wherever the page has put the cursor."""
        self._driver.switch_to.active_element.send_keys(line + Keys.ENTER)

    def shoot(self, path: Path) -> None:
        """Save what is to be seen as a PNG."""
        self._driver.save_screenshot(str(path))

    def asked(self) -> set[tuple[str, str]]:
        """Scheme and host of all that was requested since the last time."""
        urls = []
        for entry in self._driver.get_log("performance"):  # type: ignore[no-untyped-call]
            event = json.loads(entry["message"])["message"]
            if event["method"] == "Network.requestWillBeSent":
                urls.append(event["params"]["request"]["url"])
            elif event["method"] == "Network.webSocketCreated":
                urls.append(event["params"]["url"])
        return {(url.scheme, url.hostname or "") for url in map(urlsplit, urls)}

    def complaints(self) -> list[str]:
        """What the browser had to complain of, policy and missing files included."""
        log = self._driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in log if entry["level"] == "SEVERE"]


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser with a profile of its own; gone afterwards."""
    options = ChromeOptions()
    options.binary_location = require("chromium")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    with tempfile.TemporaryDirectory(prefix="labroom-browser-") as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        service = ChromeService(executable_path=require("chromedriver"))
        driver = Chrome(options=options, service=service)
        try:
            yield Browser(driver)
        finally:
            driver.quit()
