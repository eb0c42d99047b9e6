"""Photographs the viewer: `make pictures`. It starts the service with its shipped models, and needs chromium."""

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
PATIENCE = 120_000
"""Milliseconds for models to load and answer, and for a map to be made."""

FILL = ["collections", "import", "--generate", "--images", "300", "--name", "eyes", "--model", "resnet18"]
"""What fills the collection that is photographed."""


@contextmanager
def serving() -> Iterator[str]:
    """The address of a service of its own with a collection, for as long as the block."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        given = os.environ | {"FOVEA_DATA_DIR": folder}
        subprocess.run([sys.executable, "-m", "service", *FILL], check=True, env=given)  # noqa: S603  our own
        command = [sys.executable, "-m", "service", "serve", "--port", "0"]
        with log.open("w") as file, subprocess.Popen(command, stderr=file, env=given) as process:  # noqa: S603  our own
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
    expect(page.locator("#views")).to_have_attribute("aria-busy", "false", timeout=PATIENCE)
    expect(page.locator("#png")).to_be_enabled(timeout=PATIENCE)


def placed(page: Page) -> None:
    """Have a map made, and point at a case near the image."""
    page.locator("#tab-atlas").click()
    page.get_by_role("button", name="Make this map").click()
    near = page.locator("#panel-atlas .cases button")
    expect(near.first).to_be_visible(timeout=PATIENCE)
    near.first.hover()
    expect(page.locator(".point img")).to_be_visible()
    page.locator("#views").evaluate("() => new Promise(requestAnimationFrame)")


def shoot(address: str) -> None:
    """docs/pictures/viewer.png: a drawn eye, five classes, and where the model looked. viewer-map.png: among others."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("there is no chromium here; apt-get install chromium brings it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="dark", reduced_motion="reduce")
        page.goto(address)
        page.locator("#model").select_option("resnet18")
        page.locator(".sample").first.click()
        expect(page.locator(".class").nth(4)).to_be_visible(timeout=PATIENCE)
        answered(page)
        page.locator(".view").hover(position={"x": 590, "y": 400})
        page.locator("#views").evaluate("() => new Promise(requestAnimationFrame)")
        page.screenshot(path=PICTURES / "viewer.png")
        placed(page)
        page.screenshot(path=PICTURES / "viewer-map.png")
        browser.close()


if __name__ == "__main__":
    with serving() as address:
        shoot(address)
