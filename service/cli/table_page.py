"""A report that is one table, and perhaps one picture, as an HTML page."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.collections.reports.html_page import Html, document, figure, section, table


def table_page(
    title: str,
    facts: Sequence[str],
    caption: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    picture: NDArray[np.uint8] | None = None,
) -> str:
    """One HTML file. facts: what was measured on, which model, and its notice."""
    source, model, notice = facts
    lines = [text for text in (model and f"Model {model}", source) if text]
    parts: list[Html] = [section("Figures", table(caption, columns, rows))]
    if picture is not None:
        parts.append(section("Picture", figure(picture, f"{title} {caption}", caption)))
    return document(title, lines, notice, *parts)


def drawn(draw: Callable[[Path], None]) -> NDArray[np.uint8]:
    """The pixels uint8 [h, w, 3] of what `draw` writes to a PNG file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "picture.png"
        draw(file)
        with Image.open(file) as picture:
            return np.asarray(picture.convert("RGB"))
