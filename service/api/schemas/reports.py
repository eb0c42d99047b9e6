"""Reports on collections as JSON."""

from __future__ import annotations

import json
from typing import Self

from service.api.schemas.base import Finite, Schema
from service.api.schemas.collections import COLLECTION, Thumbnail
from service.collections.reports import report_requests as reports
from service.collections.reports.bias_report import Bias, ClassReport, DecisiveShare, Difference, Hotspot, OutsideShare


class BiasReport(Bias):
    """Where a model looks over a whole collection, and whether what decides lies outside the anatomy."""

    collection: str
    notice: str
    """What must be shown beside it; may be empty."""

    @classmethod
    def told(cls, report: bytes, collection: str, notice: str) -> Self:
        """A `Bias` in JSON, with what it is about."""
        return cls(**json.loads(report), collection=collection, notice=notice)


class TopActivationItem(Schema):
    """An image of the collection."""

    id: int
    label: str
    name: str
    peak: Finite
    """The unit's largest activation in it, to three digits."""
    thumbnail: Thumbnail | None

    @classmethod
    def of(cls, found: reports.TopActivation) -> Self:
        """An item with its picture in base64."""
        line, picture = found.line, Thumbnail.of(found.thumbnail)
        return cls(id=line.id, label=line.label, name=line.name, peak=found.peak, thumbnail=picture)


class UnitReport(Schema):
    """The images of a collection that excite one unit most."""

    collection: str
    layer: str
    """Whose feature map the unit is: the model's last one."""
    unit: int
    images: int
    """That were compared."""
    items: list[TopActivationItem]
    """The one that excites it most first."""
    notice: str
    """What must be shown beside them; may be empty."""

    @classmethod
    def told(cls, found: reports.TopActivations, collection: str, notice: str) -> Self:
        """What excites a unit, with what it is about."""
        items = [TopActivationItem.of(one) for one in found.excited]
        return cls(
            collection=collection, layer=found.layer, unit=found.unit, images=found.images, items=items, notice=notice
        )


UNIT = UnitReport(
    collection=COLLECTION.name,
    layer="layer4",
    unit=331,
    images=500,
    items=[TopActivationItem(id=7, label="glaucoma", name="eyes/7.jpg", peak=4.25, thumbnail=None)],
    notice=COLLECTION.notice,
)
BIAS = BiasReport(
    verdict="found",
    reason="64% of what tells images apart in the score for glaucoma (95 % interval 55% to 73%) comes from outside the"
    " field of view, which is 25% of the picture",
    images=500,
    right=0.98,
    alpha=0.05,
    shape=(2, 2),
    anatomy=[[0.75, 0.75], [0.75, 0.75]],
    classes=[
        ClassReport(
            label="glaucoma",
            said=240,
            wrong=6,
            empty=0,
            attention=[[0.1, 0.1], [0.6, 0.2]],
            decisive=[[0.1, 0.15], [0.7, 0.05]],
            outside=[
                OutsideShare(
                    place="field of view",
                    even=0.25,
                    attention=0.58,
                    decisive=DecisiveShare(share=0.64, low=0.55, high=0.73, p=1e-6),
                )
            ],
        )
    ],
    hot=[Hotspot(label="glaucoma", row=1, column=0, where="lower left", times=2.8, p=1e-5)],
    between=[
        Difference(label="glaucoma", row=1, column=0, where="lower left", outside=True, effect=0.92, p=0.001),
    ],
    wrong=[],
    untested=["wrong answers of glaucoma: 6 are fewer than 10"],
    collection=COLLECTION.name,
    notice=COLLECTION.notice,
)
