"""Reports on collections as JSON."""

from __future__ import annotations

import json
from typing import Self

from service.api.schemas.base import Finite, Schema
from service.api.schemas.collections import COLLECTION, Thumbnail
from service.collections.reports import report_requests
from service.collections.reports.bias_report import Bias, ClassReport, DecisiveShare, Difference, Hotspot, OutsideShare


class BiasReport(Bias):
    """Where the evidence lies over a whole collection, and whether positions outside the anatomy decide answers."""

    collection: str
    notice: str
    """What must be shown beside it; may be empty."""

    @classmethod
    def of(cls, report: bytes, collection: str, notice: str) -> Self:
        """A `Bias` in JSON, with the collection that it is about."""
        return cls(**json.loads(report), collection=collection, notice=notice)


class TopActivationItem(Schema):
    """An image of the collection."""

    id: int
    label: str
    name: str
    activation: Finite
    """The unit's largest activation in it, to three digits."""
    thumbnail: Thumbnail | None

    @classmethod
    def of(cls, found: report_requests.ActivatedItem) -> Self:
        """An item with its thumbnail in base64."""
        summary, thumbnail = found.summary, Thumbnail.of(found.thumbnail)
        return cls(
            id=summary.id, label=summary.label, name=summary.name, activation=found.activation, thumbnail=thumbnail
        )


class UnitReport(Schema):
    """The top-activating images of one unit in a collection."""

    collection: str
    layer: str
    """The layer of the unit: the model's last one with feature maps."""
    unit: int
    images: int
    """How many were compared."""
    items: list[TopActivationItem]
    """The one with the largest activation first."""
    notice: str
    """What must be shown beside them; may be empty."""

    @classmethod
    def of(cls, found: report_requests.UnitReport, collection: str, notice: str) -> Self:
        """A report with the collection that it is about."""
        items = [TopActivationItem.of(one) for one in found.items]
        return cls(
            collection=collection, layer=found.layer, unit=found.unit, images=found.images, items=items, notice=notice
        )


UNIT = UnitReport(
    collection=COLLECTION.name,
    layer="layer4",
    unit=331,
    images=500,
    items=[TopActivationItem(id=7, label="glaucoma", name="eyes/7.jpg", activation=4.25, thumbnail=None)],
    notice=COLLECTION.notice,
)
BIAS = BiasReport(
    verdict="found",
    reason="64% of the differences between images in the score for glaucoma (95 % interval 55% to 73%) come from"
    " outside the field of view, which is 25% of the picture",
    images=500,
    accuracy=0.98,
    alpha=0.05,
    shape=(2, 2),
    anatomy=[[0.75, 0.75], [0.75, 0.75]],
    classes=[
        ClassReport(
            label="glaucoma",
            predicted=240,
            wrong=6,
            empty=0,
            attention=[[0.1, 0.1], [0.6, 0.2]],
            decisive=[[0.1, 0.15], [0.7, 0.05]],
            outside=[
                OutsideShare(
                    region="field of view",
                    expected=0.25,
                    attention=0.58,
                    decisive=DecisiveShare(share=0.64, low=0.55, high=0.73, p=1e-6),
                )
            ],
        )
    ],
    hotspots=[Hotspot(label="glaucoma", row=1, column=0, position="lower left", ratio=2.8, p=1e-5)],
    between_classes=[
        Difference(label="glaucoma", row=1, column=0, position="lower left", outside=True, effect=0.92, p=0.001),
    ],
    between_outcomes=[],
    untested=["wrong answers of glaucoma: 6 images are fewer than 10"],
    collection=COLLECTION.name,
    notice=COLLECTION.notice,
)
