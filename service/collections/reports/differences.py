"""In which cells attention differs between the answers of a model, and between its right and its wrong ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.collections.reports.bias_report import Difference
from service.collections.reports.evidence import Attention, Evidence
from service.collections.reports.regions import Comparison, compare
from service.collections.reports.value import whereabouts

LEAST_GROUP = 10
"""Smaller groups are not compared."""


@dataclass(frozen=True)
class Differences:
    """What was found at `alpha`, strongest first, in two families; and what could not be compared, with the reason."""

    between: list[Difference]
    wrong: list[Difference]
    untested: list[str]


def differences(evidence: Evidence, attention: Attention, alpha: float) -> Differences:
    """Every class against all other answers, and the wrong answers of every class against its right ones."""
    between: dict[str, Comparison] = {}
    wrong: dict[str, Comparison] = {}
    untested: list[str] = []
    for k, name in enumerate(evidence.names):
        said = evidence.predicted == k
        known = said & (evidence.labels >= 0)
        answers = (attention.seen, said, f"{name} and all other answers")
        errors = (attention.seen & known, evidence.labels != k, f"the wrong and the right answers {name}")
        for family, (taken, first, words) in ((between, answers), (wrong, errors)):
            sizes = int((first & taken).sum()), int((~first & taken).sum())
            if min(sizes) < LEAST_GROUP:
                untested.append(f"{words}: {sizes[0]} and {sizes[1]} images, and {LEAST_GROUP} of each are the least")
            else:
                family[name] = Comparison(attention.values[taken], first[taken])
    return Differences(_found(evidence, between, alpha), _found(evidence, wrong, alpha), untested)


def _found(evidence: Evidence, family: dict[str, Comparison], alpha: float) -> list[Difference]:
    if not family:
        return []
    compared = compare(list(family.values()))
    rows, columns = evidence.maps.shape[2:]
    found = []
    hits: NDArray[np.intp] = np.argwhere(compared.p <= alpha)
    for which, cell in hits.tolist():
        row, column = divmod(cell, columns)
        found.append(
            Difference(
                label=list(family)[which],
                row=row,
                column=column,
                where=whereabouts(row, column, rows, columns),
                outside=bool(evidence.outer[cell]),
                effect=float(compared.effect[which, cell]),
                p=float(compared.p[which, cell]),
            )
        )
    return sorted(found, key=lambda one: -abs(one.effect))
