"""What commands print and write. All text is printed as it is: square brackets in a name are no markup."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from service.errors import BadParameter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")

WIDE = 200
"""Columns of a table where no terminal limits it."""


def console(stderr: bool = False) -> Console:
    """A console for results; wide where standard output is a file or a pipe."""
    found = Console(stderr=stderr, highlight=False)
    return found if found.is_terminal else Console(stderr=stderr, highlight=False, width=WIDE)


def print_line(text: str, style: str = "", stderr: bool = False) -> None:
    """Print a line; a long one is not broken."""
    console(stderr).print(Text(text, style=style), soft_wrap=True)


def print_error(text: str) -> None:
    """Print what went wrong on standard error."""
    print_line(text, "red", stderr=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]], title: str | None = None) -> None:
    """Print a table whose first column stays in one piece."""
    heads = [Column(Text(name), no_wrap=not place) for place, name in enumerate(columns)]
    table = Table(*heads, title=None if title is None else Text(title))
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    console().print(table)


def facts_table(rows: Iterable[tuple[str, str]]) -> Table:
    """Two columns: what a fact is called, and the fact."""
    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(Text(name, style="bold"), Text(value))
    return table


def print_json(document: Any) -> None:
    """Print JSON for a program to read. Raises ValueError for a number that is not finite."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def check_suffix(option: str, file: Path | None, suffixes: Sequence[str]) -> None:
    """Raise BadParameter where a file's name does not end as one of the formats that can be written."""
    if file is not None and file.suffix.lower() not in suffixes:
        raise BadParameter(f"{option} {file.name}: name a {' or '.join(suffixes)} file")


def write_page(page: str, file: Path, stderr: bool) -> None:
    """Write an HTML page and say where it is; on standard error where standard output is JSON."""
    file.write_text(page, encoding="utf-8")
    print_line(f"{file}: {len(page) / 1000:.0f} kB, opens in any browser", stderr=stderr)


def write_picture(pixels: NDArray[np.uint8], file: Path) -> None:
    """Write pixels uint8 [h, w, 3] as PNG or JPEG, as the file's name says."""
    from service.images.rendering import jpeg, png

    file.write_bytes(png(pixels) if file.suffix.lower() == ".png" else jpeg(pixels))
