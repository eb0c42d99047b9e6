"""The page as a test sees and handles it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Response, expect

PATIENCE = 30_000
"""Milliseconds anything may take on a machine that does other things as well."""

TELL_OF_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) => console.error("CSP", event.violatedDirective, event.blockedURI));
"""

expect.set_options(timeout=PATIENCE)


@dataclass
class Viewer:
    """A page with its address.

    errors: what its scripts did not catch, or its policy forbids, such as
    asking anybody else.
    """

    page: Page
    address: str
    errors: list[str] = field(default_factory=list)

    @classmethod
    @contextmanager
    def on(cls, browser: Browser, port: int, **options: Any) -> Iterator[Viewer]:
        """Loaded in a browser profile of its own. options: of the profile, such as color_scheme."""
        context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"} | options
        )
        context.set_default_timeout(PATIENCE)
        context.add_init_script(TELL_OF_VIOLATIONS)
        viewer = cls(context.new_page(), f"http://127.0.0.1:{port}/")
        viewer.page.on("pageerror", lambda error: viewer.errors.append(str(error)))
        viewer.page.on("console", lambda said: viewer.errors.append(said.text) if "CSP" in said.text else None)
        viewer.load()
        yield viewer
        context.close()

    def load(self) -> None:
        """Load the page, and wait until it knows its models."""
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

    def ask(self, *images: bytes) -> dict[str, Any]:
        """Open images and wait for the first answer."""
        with self.answering() as answer:
            self.open(*images)
        return answer

    @contextmanager
    def answering(self) -> Iterator[dict[str, Any]]:
        """Wait until what is done inside has its answer on the page; the dictionary is filled with it."""
        answer: dict[str, Any] = {}
        with self.page.expect_response(is_answer, timeout=PATIENCE) as waiting:
            yield answer
        answer |= waiting.value.json()
        self.rest()

    def rest(self) -> None:
        """Wait until nothing is asked any more, and what was answered is painted."""
        expect(self.page.locator("#views")).to_have_attribute("aria-busy", "false")
        self.settle()

    def settle(self) -> None:
        """Wait until what is planned is painted."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def press(self, *keys: str) -> None:
        """Keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def view(self, number: int = 0) -> Locator:
        """One of the views."""
        return self.page.locator(".view").nth(number)

    def pixels(self, number: int = 0) -> np.ndarray:
        """What is painted in a view: uint8 [h, w, 3]."""
        self.settle()
        address = self.view(number).evaluate("canvas => canvas.toDataURL('image/png')")
        picture = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
        return np.asarray(picture.convert("RGB")).astype(int)

    def place(self, width: int, height: int, number: int = 0) -> tuple[float, float, float]:
        """Scale, left and top of a whole image of this size in a view, by plain arithmetic."""
        painted = self.pixels(number)
        room_height, room_width = painted.shape[:2]
        scale = min(room_width / width, room_height / height)
        return scale, (room_width - width * scale) / 2, (room_height - height * scale) / 2

    def text(self, selector: str) -> str:
        """What an element says."""
        return self.page.locator(selector).first.inner_text()


def is_answer(response: Response) -> bool:
    """Whether a response is that of an /analyze call that succeeded."""
    return "/analyze?" in response.url and response.status == 200 and "overlay=true" not in response.url
