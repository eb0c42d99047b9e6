"""One model on a page: what `fovea models show` prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from service.models.classifier import Classifier
from service.models.entry import Entry

SHOWN_LABELS = 20


def sheet(entry: Entry, state: str, classifier: Classifier | None) -> Group:
    """A table of facts, and the card below it. state: with rich's markup; classifier: None where none was loaded."""
    facts = (*_facts(entry), *(_loaded(classifier) if classifier else ()))
    heading = f"[bold]{escape(entry.name)}[/bold] {escape(entry.version)} {state}"
    return Group(heading, "", _rows(facts), "", _rows(_card(entry)))


def _rows(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in rows:
        table.add_row(f"[bold]{escape(name)}[/bold]", escape(value))
    return table


def _facts(entry: Entry) -> Iterator[tuple[str, str]]:
    frame = entry.frame
    more = f" ... {len(entry.labels) - SHOWN_LABELS} more" if len(entry.labels) > SHOWN_LABELS else ""
    yield "architecture", entry.architecture
    yield "weights", entry.weights
    yield f"{len(entry.labels)} labels", ", ".join(entry.labels[:SHOWN_LABELS]) + more
    yield "activation", f"{entry.activation}, temperature {entry.temperature:g}"
    if entry.operating_point is not None:
        yield "operating point", f"{entry.labels[1]} from probability {entry.operating_point:g} on"
    field_of_view = "field of view cropped, " if frame.field_of_view else ""
    yield "frame", f"{field_of_view}shorter side to {frame.resize} px ({frame.interpolation}), centre {frame.crop} px"
    yield "guard", "set" if entry.guard else "none"


def _loaded(classifier: Classifier) -> Iterator[tuple[str, str]]:
    yield "weights sha256", classifier.weights_sha256
    yield "layers", ", ".join(classifier.network.names)
    yield "default layer", f"{classifier.cut}, {' x '.join(map(str, classifier.shapes[classifier.cut]))}"


def _card(entry: Entry) -> Iterator[tuple[str, str]]:
    card = entry.card
    if card.notice:
        yield "notice", card.notice
    yield "intended use", card.intended_use
    yield "do not use", card.do_not_use
    yield "training data", card.training_data
    yield "figures", ", ".join(f"{name} {value}" for name, value in card.figures.items()) or "none stated"
    yield "licence", card.licence
    yield "authors", "; ".join(card.authors) or "not stated"
    yield "references", "; ".join(card.references) or "none"
