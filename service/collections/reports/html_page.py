"""Reports as HTML files: no scripts, nothing fetched, and a content security policy that forbids both."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.images.rendering import jpeg, side_by_side

STYLE = (Path(__file__).parent / "paper.css").read_text(encoding="utf-8")

_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; img-src data:; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'"
"""Content-Security-Policy of a page, in the file and where the service sends it: embedded style and pictures, nothing
else."""

CAVEAT = (
    "A map shows which positions contributed to an answer, not where a disease is, and not why they contributed."
    " A report describes these images; on others the model may behave differently."
)


class Html(str):
    """Text that is markup. All other text is escaped when it is put into an element."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str | int) -> Html:
    """An element. In the name of an attribute, a trailing underscore is dropped and others become hyphens."""
    given = "".join(f' {key.strip("_").replace("_", "-")}="{escape(str(value))}"' for key, value in attributes.items())
    if name in {"img", "meta", "br"}:
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{join(children)}</{name}>")


def join(children: Iterable[str]) -> Html:
    """Children one after the other, escaped unless they are markup."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children))


def document(title: str, lines: Sequence[str], notice: str, *sections: Html) -> str:
    """A whole page. lines: facts below the title. notice: the model's, which must be shown; may be empty."""
    head = join(
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
    """A part of the page with a heading."""
    return tag("section", tag("h2", heading), *children)


def paragraph(*text: str) -> Html:
    """A paragraph of text."""
    return tag("p", *text)


def figure(pixels: NDArray[np.uint8], alt: str, *caption: str) -> Html:
    """A picture with a caption. alt: the text for those who cannot see it."""
    data = base64.b64encode(jpeg(pixels)).decode()
    height, width = pixels.shape[:2]
    picture = tag("img", src=f"data:image/jpeg;base64,{data}", alt=alt, width=width, height=height)
    return tag("figure", picture, tag("figcaption", *caption))


@dataclass(frozen=True)
class View:
    """A picture. pixels: uint8 [h, w, 3]. alt: the text for those who cannot see it. title: a short caption."""

    pixels: NDArray[np.uint8]
    alt: str
    caption: str
    title: str

    @property
    def figure(self) -> Html:
        """The picture on a page."""
        return figure(self.pixels, self.alt, self.caption)


def sheet(views: Sequence[View], columns: int) -> NDArray[np.uint8]:
    """Views of one size as one picture, in reading order, each with its short caption above."""
    return side_by_side([view.pixels for view in views], [view.title for view in views], columns)


def row(*figures: Html) -> Html:
    """Figures side by side, as far as there is room."""
    return tag("div", *figures, class_="row")


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """A table whose first column names its rows; in a narrow window it scrolls on its own."""
    lines = [list(line) for line in rows]
    textual = [any(_is_text(line[index]) for line in lines) for index in range(len(columns))]
    styles = [{"class_": "words"} if text else {} for text in textual]
    head = tag("tr", *(tag("th", column, scope="col", **style) for column, style in zip(columns, styles, strict=True)))
    body = (
        tag("tr", tag("th", first, scope="row"), *(tag("td", c, **s) for c, s in zip(cells, styles[1:], strict=True)))
        for first, *cells in lines
    )
    whole = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body))
    return tag("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _is_text(text: str) -> bool:
    """Whether a cell holds text, which is aligned to the left; numbers are aligned to the right."""
    return bool(text) and text[0] not in "+-−0123456789"
