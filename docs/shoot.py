"""Takes the screenshots of the viewer: `make pictures`. Starts the service with its shipped models; needs chromium."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

PICTURES = Path(__file__).parent / "pictures"
SIZE = {"width": 1360, "height": 850}
TIMEOUT = 120_000
"""Milliseconds for models to load and answer, and for a projection to be computed."""

FILL = ["collections", "import", "--generate", "--images", "300", "--name", "eyes", "--model", "resnet18"]
"""The command that fills the collection."""


@contextmanager
def serving() -> Iterator[str]:
    """The address of a service with a collection, for as long as the block."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        environment = os.environ | {"FOVEA_DATA_DIR": folder}
        subprocess.run([sys.executable, "-m", "service", *FILL], check=True, env=environment)  # noqa: S603  our own
        command = [sys.executable, "-m", "service", "serve", "--port", "0"]
        with log.open("w") as file, subprocess.Popen(command, stderr=file, env=environment) as process:  # noqa: S603  our own
            try:
                while not (found := re.search(r"running on (http://[\d.:]+)", log.read_text())):
                    if process.poll() is not None:
                        raise SystemExit(log.read_text())
                    time.sleep(0.1)
                yield found[1]
            finally:
                process.terminate()


def answered(page: Page) -> None:
    """Wait until an answer is shown."""
    expect(page.locator("#views")).to_have_attribute("aria-busy", "false", timeout=TIMEOUT)
    expect(page.locator("#png")).to_be_enabled(timeout=TIMEOUT)


def placed(page: Page) -> None:
    """Compute a projection, and point at a case near the image."""
    page.locator("#tab-projection").click()
    page.get_by_role("button", name="Compute projection").click()
    near = page.locator("#panel-projection .cases button")
    expect(near.first).to_be_visible(timeout=TIMEOUT)
    near.first.hover()
    expect(page.locator(".point img")).to_be_visible()
    page.locator("#views").evaluate("() => new Promise(requestAnimationFrame)")


def shoot(address: str) -> None:
    """docs/pictures/viewer.png: a drawn eye with its heatmap. viewer-projection.png: its position in a projection."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("chromium is missing; apt-get install chromium brings it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="dark", reduced_motion="reduce")
        page.goto(address)
        page.locator("#model").select_option("resnet18")
        page.locator(".sample").first.click()
        expect(page.locator(".class").nth(4)).to_be_visible(timeout=TIMEOUT)
        answered(page)
        page.locator(".view").hover(position={"x": 590, "y": 400})
        page.locator("#views").evaluate("() => new Promise(requestAnimationFrame)")
        page.screenshot(path=PICTURES / "viewer.png")
        placed(page)
        page.screenshot(path=PICTURES / "viewer-projection.png")
        browser.close()


if __name__ == "__main__":
    with serving() as address:
        shoot(address)
