"""Whether a collection still fits its model: the fingerprint of the model now, and the reason where it differs.

Nothing here imports PyTorch, so that listing collections on the command line takes a fraction of a second.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from service.collections.collection import Collection
from service.collections.fingerprint import Fingerprint
from service.images.preprocessing import PREPROCESSING_VERSION

if TYPE_CHECKING:
    from service.models.classifier import Classifier
    from service.models.entry import Entry
    from service.models.registry import Registry

NETWORK_FIELDS = {"architecture", "arguments", "stages", "layout"}
"""The fields of a registry entry that decide what the network computes from its input."""


def fingerprint_of(classifier: Classifier) -> Fingerprint:
    """What the vectors of a classifier depend on."""
    return Fingerprint(
        weights_sha256=classifier.weights_sha256,
        layer=classifier.embedding_layer,
        map_layer=classifier.cut,
        network=_network(classifier.entry),
        frame=classifier.entry.frame,
        preprocessing=PREPROCESSING_VERSION,
    )


def fingerprint_of_entry(entry: Entry | None, weights_sha256: str) -> Fingerprint:
    """What the vectors of a model that is not loaded will depend on, as far as its entry tells.

    entry: None where it is broken. weights_sha256: empty where it is unknown.
    """
    known = entry is not None and (not entry.is_official or "frame" in entry.model_fields_set)
    return Fingerprint(
        weights_sha256=weights_sha256,
        layer="",
        network=_network(entry) if entry else "",
        frame=entry.frame if entry and known else None,
        preprocessing=PREPROCESSING_VERSION,
    )


def expected_fingerprint(registry: Registry, model: str) -> Fingerprint | None:
    """The fingerprint that a model has, or will have once it is loaded; None where there is no such model. Blocks."""
    status = registry.now.by_name.get(model)
    if status is None:
        return None
    if status.classifier is not None:
        return fingerprint_of(status.classifier)
    return fingerprint_of_entry(status.record.entry, registry.expected_sha256(status))


def stale_reason(collection: Collection, expected: Fingerprint | None) -> str | None:
    """Why new vectors cannot be compared with those of a collection, in words; None where they can.

    expected: the fingerprint of its model now, None where the model is gone.
    """
    if expected is None:
        return f"its model {collection.model!r} is not in the registry any more"
    return "; ".join(collection.fingerprint.changes(expected)) or None


def _network(entry: Entry) -> str:
    fields = entry.model_dump(mode="json", include=NETWORK_FIELDS, exclude_defaults=True)  # new defaults change nothing
    return json.dumps(fields, sort_keys=True)
