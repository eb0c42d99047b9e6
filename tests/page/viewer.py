"""The page as tests use it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Response, expect

TIMEOUT = 30_000
"""Milliseconds that anything may take on a busy machine."""

REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) => console.error("CSP", event.violatedDirective, event.blockedURI));
"""

expect.set_options(timeout=TIMEOUT)


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """A browser context: preferences, cache and permissions of its own. options: such as color_scheme."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"} | options)
    context.set_default_timeout(TIMEOUT)
    context.add_init_script(REPORT_VIOLATIONS)
    return context


@dataclass
class Viewer:
    """A page with its address.

    errors: uncaught errors of its scripts, and violations of its Content-Security-Policy.
    """

    page: Page
    address: str
    errors: list[str] = field(default_factory=list)

    @classmethod
    @contextmanager
    def opened(cls, context: BrowserContext, port: int) -> Iterator[Viewer]:
        """A new page of a browser context. Its preferences are deleted at the end, its files stay in the cache."""
        viewer = cls(context.new_page(), f"http://127.0.0.1:{port}/")
        viewer.page.on("pageerror", lambda error: viewer.errors.append(str(error)))
        viewer.page.on("console", lambda message: viewer.errors.append(message.text) if "CSP" in message.text else None)
        viewer.load()
        yield viewer
        viewer.page.evaluate("localStorage.clear()")
        viewer.page.close()

    def load(self) -> None:
        """Load the page, and wait for its models."""
        self.page.goto(self.address)
        expect(self.page.locator("#model")).to_have_value("marks")
        expect(self.page.locator("#layer")).to_be_visible()

    def open(self, *images: bytes, names: tuple[str, ...] = ()) -> None:
        """Choose image files, as with the button."""
        given = names or tuple(f"image{number}.png" for number in range(len(images)))
        files = [
            {"name": name, "mimeType": "application/octet-stream", "buffer": data}
            for name, data in zip(given, images, strict=True)
        ]
        self.page.locator("#chooser").set_input_files(files)  # type: ignore[arg-type]

    def analyze(self, *images: bytes) -> dict[str, Any]:
        """Open images and wait for the first answer."""
        with self.expect_answer() as answer:
            self.open(*images)
        return answer

    @contextmanager
    def expect_answer(self) -> Iterator[dict[str, Any]]:
        """Wait for the answer to the block's request, and fill the dictionary with it."""
        answer: dict[str, Any] = {}
        with self.page.expect_response(is_answer, timeout=TIMEOUT) as waiting:
            yield answer
        answer |= waiting.value.json()
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        """Wait until no request is pending and the answer is painted."""
        expect(self.page.locator("#views")).to_have_attribute("aria-busy", "false")
        self.wait_until_painted()

    def wait_until_painted(self) -> None:
        """Wait until all scheduled painting is done."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)
        self.wait_until_painted()

    def view(self, number: int = 0) -> Locator:
        """One of the views."""
        return self.page.locator(".view").nth(number)

    def pixels(self, number: int = 0) -> np.ndarray:
        """The pixels of a view: int [h, w, 3]."""
        self.wait_until_painted()
        address = self.view(number).evaluate("canvas => canvas.toDataURL('image/png')")
        picture = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
        return np.asarray(picture.convert("RGB")).astype(int)

    def placement(self, width: int, height: int, number: int = 0) -> tuple[float, float, float]:
        """Scale, left and top of an image of this size that fits into a view."""
        painted = self.pixels(number)
        room_height, room_width = painted.shape[:2]
        scale = min(room_width / width, room_height / height)
        return scale, (room_width - width * scale) / 2, (room_height - height * scale) / 2

    def text(self, selector: str) -> str:
        """The text of an element."""
        return self.page.locator(selector).first.inner_text()


def is_answer(response: Response) -> bool:
    """Whether a response is that of an /analyze call that succeeded."""
    return "/analyze?" in response.url and response.status == 200 and "overlay=true" not in response.url
