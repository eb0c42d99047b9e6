"""How fast `fovea collections import` fills a collection."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path

from PIL import Image

from benchmarks.library import precisions
from benchmarks.subject import ROOT, jpeg

FEW, MANY = 60, 460
"""Images of two imports: what both take before the first image falls out of the difference."""


def importing(quick: bool, data: Path) -> dict[str, float]:
    """Images a second with ResNet-18, by precision: JPEG files of 512² on disk, into a collection with thumbnails."""
    del quick
    found = {}
    for count in (FEW, MANY):
        _images(data / f"images-{count}" / "fundus", count)
    for precision in precisions():
        _spent(data, precision, FEW, "compiled")  # from here on the compiled network is there
        few, many = (_spent(data, precision, count, f"{precision}-{count}") for count in (FEW, MANY))
        found[f"{precision}, images/s"] = round((MANY - FEW) / (many - few), 1)
    return found


def _spent(data: Path, precision: str, images: int, name: str) -> float:
    command = [sys.executable, "-m", "service", "collections", "import", str(data / f"images-{images}")]
    given = {"FOVEA_PRECISION": precision, "FOVEA_DATA_DIR": str(data), "FOVEA_COLLECTIONS": str(data / "collections")}
    begun = time.monotonic()
    done = subprocess.run(
        [*command, "--name", f"{name}-{precision}", "--model", "resnet18"],
        cwd=ROOT,
        env=os.environ | given,
        capture_output=True,
        text=True,
        check=True,
    )
    if f"{images} images" not in done.stdout:
        raise RuntimeError(f"not everything was imported: {done.stdout}")
    return time.monotonic() - begun


def _images(folder: Path, count: int) -> None:
    """The sample, each time with another mark in its corner."""
    folder.mkdir(parents=True)
    picture = Image.open(io.BytesIO(jpeg())).convert("RGB")
    for number in range(count):
        for bit in range(9):
            picture.paste((255,) * 3 if number >> bit & 1 else (0,) * 3, (8 * bit, 0, 8 * bit + 8, 8))
        picture.save(folder / f"{number}.jpg", quality=90)
