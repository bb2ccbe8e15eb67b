"""A real browser for tests of pages: headless, without a network, and every complaint of a page kept.

One browser serves a whole session of tests; `opened` gives a page of it. Skips where there is no browser.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Route

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",  # tests may run as root, in a container
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # WebGL without a graphics card.
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)


@dataclass
class Opened:
    """A page, what it complained of, and the addresses it asked for beside its own file."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def pixels(self, what: Locator | None = None) -> NDArray[np.int64]:
        """Return what an element, or the window, looks like: (height, width, 3), 0 to 255."""
        shot = (what or self.page).screenshot()
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), dtype=np.int64)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium once for all tests."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip(f"no browser is installed: none of {', '.join(_NAMES)}")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, headless=True, args=list(_FLAGS))
        yield started
        started.close()


@contextmanager
def opened(browser: Browser, path: Path, script: str = "", **settings: Any) -> Iterator[Opened]:
    """Open a file in a window of its own.

    `script` runs before the page's own; `settings` are those of a playwright context, as `color_scheme`.
    """
    context = browser.new_context(**{"viewport": {"width": 1100, "height": 800}, **settings})
    context.set_offline(True)
    context.add_init_script(script)
    page = context.new_page()
    seen = Opened(page)
    own = path.resolve().as_uri()

    def judge(route: Route) -> None:
        url = route.request.url
        if url.partition("#")[0] == own:
            route.continue_()
            return
        seen.requests.append(url)
        route.abort()

    context.route(lambda url: not url.startswith(("data:", "blob:")), judge)
    page.on("console", lambda said: seen.complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    try:
        page.goto(own)
        yield seen
    finally:
        context.close()
