"""Reports on collections as JSON."""

from __future__ import annotations

import json
from typing import Self

from service.api.reference import COLLECTION
from service.collections.bias_report import Bias, ClassLook, Decided, Difference, Hot, Outside


class BiasReport(Bias):
    """Where a model looks over a whole collection, and whether what decides lies outside the anatomy."""

    collection: str
    notice: str
    """What must be shown beside it; may be empty."""

    @classmethod
    def told(cls, report: bytes, collection: str, notice: str) -> Self:
        """A `Bias` in JSON, with what it is about."""
        return cls(**json.loads(report), collection=collection, notice=notice)


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
        ClassLook(
            label="glaucoma",
            said=240,
            wrong=6,
            empty=0,
            attention=[[0.1, 0.1], [0.6, 0.2]],
            decisive=[[0.1, 0.15], [0.7, 0.05]],
            outside=[
                Outside(
                    place="field of view",
                    even=0.25,
                    attention=0.58,
                    decisive=Decided(share=0.64, low=0.55, high=0.73, p=1e-6),
                )
            ],
        )
    ],
    hot=[Hot(label="glaucoma", row=1, column=0, where="lower left", times=2.8, p=1e-5)],
    between=[
        Difference(label="glaucoma", row=1, column=0, where="lower left", outside=True, effect=0.92, p=0.001),
    ],
    wrong=[],
    untested=["wrong answers of glaucoma: 6 are fewer than 10"],
    collection=COLLECTION.name,
    notice=COLLECTION.notice,
)
