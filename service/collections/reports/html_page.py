"""Reports as one HTML file each: no script, nothing fetched, and a policy of their own that forbids both."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.images.tint import jpeg, side_by_side

STYLE = (Path(__file__).parent / "paper.css").read_text(encoding="utf-8")

_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; img-src data:; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'"
"""Of the file itself, in a meta element."""

CSP = f"{POLICY}; frame-ancestors 'none'"
"""Of the same file where the service sends it: the style by its digest, pictures from within, and nothing else."""

CAVEAT = (
    "A map shows where a model looked, not where a disease is and not why it looked there."
    " A report finds what is there to be found in these images; on others the model may behave otherwise."
)


class Html(str):
    """Text that is markup already. Everything else is escaped where it is put into an element."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str | int) -> Html:
    """An element. A trailing or inner underscore of an attribute's name is dropped, or becomes a hyphen."""
    given = "".join(f' {key.strip("_").replace("_", "-")}="{escape(str(value))}"' for key, value in attributes.items())
    if name in {"img", "meta", "br"}:
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{joined(children)}</{name}>")


def joined(children: Iterable[str]) -> Html:
    """Children one after the other, escaped unless they are markup."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children))


def document(title: str, lines: Sequence[str], notice: str, *sections: Html) -> str:
    """A whole page. lines: what was looked at, below the title. notice: the model's, which must be shown."""
    head = joined(
        [
            tag("meta", charset="utf-8"),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
            tag("title", f"{title} · Fovea"),
            Html(f"<style>{STYLE}</style>"),
        ]
    )
    warning = [tag("p", notice, class_="notice", role="note")] if notice else []
    facts = [tag("p", line, class_="facts") for line in lines]
    body = tag("main", tag("h1", title), *facts, *warning, *sections)
    foot = tag("footer", tag("p", CAVEAT))
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}\n{foot}</body></html>\n'


def section(heading: str, *children: Html) -> Html:
    """A part of the page under a heading of its own."""
    return tag("section", tag("h2", heading), *children)


def paragraph(*text: str) -> Html:
    """Some sentences."""
    return tag("p", *text)


def figure(pixels: NDArray[np.uint8], alt: str, *caption: str) -> Html:
    """A picture with a caption. alt: what it shows, for those who cannot see it."""
    data = base64.b64encode(jpeg(pixels)).decode()
    height, width = pixels.shape[:2]
    picture = tag("img", src=f"data:image/jpeg;base64,{data}", alt=alt, width=width, height=height)
    return tag("figure", picture, tag("figcaption", *caption))


@dataclass(frozen=True)
class View:
    """A picture uint8 [h, w, 3], what it shows for those who cannot see it, its caption, and a short one."""

    pixels: NDArray[np.uint8]
    alt: str
    caption: str
    title: str

    @property
    def figure(self) -> Html:
        """Itself on a page."""
        return figure(self.pixels, self.alt, self.caption)


def sheet(views: Sequence[View], columns: int) -> NDArray[np.uint8]:
    """Views of one size as one picture, in reading order, each with its short caption above."""
    return side_by_side([view.pixels for view in views], [view.title for view in views], columns)


def row(*figures: Html) -> Html:
    """Figures beside each other, as far as there is room."""
    return tag("div", *figures, class_="row")


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """A table whose first column names its rows; it scrolls within itself where the window is narrow."""
    lines = [list(line) for line in rows]
    worded = [any(_is_words(line[place]) for line in lines) for place in range(len(columns))]
    sides = [{"class_": "words"} if words else {} for words in worded]
    head = tag("tr", *(tag("th", column, scope="col", **side) for column, side in zip(columns, sides, strict=True)))
    body = (
        tag("tr", tag("th", first, scope="row"), *(tag("td", c, **s) for c, s in zip(cells, sides[1:], strict=True)))
        for first, *cells in lines
    )
    whole = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body))
    return tag("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _is_words(text: str) -> bool:
    """Columns of words stand to the left, of numbers to the right."""
    return bool(text) and text[0] not in "+-−0123456789"
