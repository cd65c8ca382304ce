"""A real browser, for the pages as people open them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

CHROMIUM = next((path for path in map(Path, ("/usr/bin/chromium", "/usr/bin/chromium-browser")) if path.exists()), None)

LOOKS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
"""Widths in pixels with colour schemes."""


@dataclass
class Open:
    """An open page, with what its console said and whom it asked."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def barriers(self) -> list[str]:
        """What is wrong with the page once every fold is open: barriers, errors, requests, what is wider than it."""
        for summary in self.page.locator("main > section > details > summary").all():
            summary.click()
        found = [f"said {one}" for one in self.said]
        found += [f"asked {one}" for one in self.asked if not one.startswith("file:")]
        # Axe last: what it asks for itself is refused, and said.
        found += [f"{one['id']}: {one['nodes'][0]['html']}" for one in Axe().run(self.page).response["violations"]]
        width = self.page.evaluate("document.documentElement.scrollWidth")
        seen = self.page.viewport_size["width"]
        return found if width == seen else [*found, f"{width} pixels wide, not {seen}"]

    def shown(self, table: str = "call-list") -> list[str]:
        """The leads that a table shows, in order."""
        section = self.page.locator(f"[data-table]:has(a[href$='{table}.csv'])")
        return [one.strip()[:3] for one in section.locator("tbody tr:visible td.id").all_inner_texts()]


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium")
    with sync_playwright() as one:
        yield one


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    one = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
    yield one
    one.close()


@pytest.fixture
def visit(browser: Browser):
    """Open a file in a browser of a width and colour scheme."""
    contexts = []

    def visit(path: Path, *, width: int = 1280, scheme: str = "light", fragment: str = "") -> Open:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        found = Open(context.new_page())
        found.page.on("console", lambda message: found.said.append(message.text))
        found.page.on("pageerror", lambda error: found.said.append(str(error)))
        found.page.on("dialog", lambda dialog: (found.said.append(dialog.message), dialog.dismiss()))
        found.page.on("request", lambda request: found.asked.append(request.url))
        found.page.goto(f"{path.as_uri()}{fragment}")
        return found

    yield visit
    for context in contexts:
        context.close()
