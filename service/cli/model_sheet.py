"""One model on a page: what `fovea models show` prints."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group
from rich.text import Text

from service.cli.output import facts_table
from service.cli.registry_outline import FROM_TORCHVISION
from service.images.frame import Frame
from service.models.entry import Entry

SHOWN_LABELS = 20


def sheet(entry: Entry, state: Text, weights_sha256: str, layers: dict[str, tuple[int, ...]]) -> Group:
    """A table of facts, and the card below it. layers: the shape of each layer's output, where it is known."""
    heading = Text.assemble((entry.name, "bold"), f" {entry.version} ", state)
    facts = (*_facts(entry, weights_sha256), *((f"layer {name}", _shape(shape)) for name, shape in layers.items()))
    return Group(heading, "", facts_table(facts), "", facts_table(_card(entry)))


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _facts(entry: Entry, weights_sha256: str) -> Iterator[tuple[str, str]]:
    frame, count = entry.frame, len(entry.labels)
    yield "architecture", entry.architecture
    yield "weights", entry.weights
    if weights_sha256:
        yield "weights sha256", weights_sha256
    known = entry.labels != FROM_TORCHVISION
    more = f" ... {count - SHOWN_LABELS} more" if count > SHOWN_LABELS else ""
    yield f"{count} labels" if known else "labels", ", ".join(entry.labels[:SHOWN_LABELS]) + more
    yield "activation", f"{entry.activation}, temperature {entry.temperature:g}"
    if entry.operating_point is not None:
        yield "operating point", f"{entry.labels[1]} from probability {entry.operating_point:g} on"
    field_of_view = "field of view cropped, " if frame.field_of_view else ""
    prepared = f"{field_of_view}{_preparation(frame)}"
    yield "frame", prepared if known else "that of torchvision's weights"
    yield "guard", "set" if entry.guard else "none"


def _preparation(frame: Frame) -> str:
    """How images become the network's input, in words."""
    height, width = frame.shape
    size = f"{width} px" if height == width else f"{width} × {height} px"
    how = {
        "crop": f"shorter side to {frame.resize} px ({frame.interpolation}), centre {size}",
        "squash": f"stretched to {size} ({frame.interpolation})",
        "letterbox": f"fitted into {size} ({frame.interpolation})",
    }[frame.fit]
    low, high = frame.value_range
    colours = {1: ", grey", 3: ", BGR" if frame.order == "BGR" else ""}[frame.channels]
    return how + colours + (f", values {low:g} to {high:g}" if (low, high) != (0, 1) else "")


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
