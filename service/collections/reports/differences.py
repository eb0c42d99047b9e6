"""Cells in which attention differs between the answers of a model, and between its right and its wrong ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.collections.reports.bias_report import Difference
from service.collections.reports.evidence import Attention, Evidence
from service.collections.reports.regions import Comparison, compare
from service.collections.reports.value import describe_position

MIN_GROUP = 10
"""Images that each group of a comparison needs."""


@dataclass(frozen=True)
class Differences:
    """Findings at `alpha`, strongest first, in two families; and what could not be compared, with the reason."""

    between_classes: list[Difference]
    between_outcomes: list[Difference]
    untested: list[str]


def differences(evidence: Evidence, attention: Attention, alpha: float) -> Differences:
    """Every class against all other answers, and the wrong answers of every class against its right ones."""
    between_classes: dict[str, Comparison] = {}
    between_outcomes: dict[str, Comparison] = {}
    untested: list[str] = []
    for k, name in enumerate(evidence.names):
        predicted = evidence.predicted == k
        labelled = predicted & (evidence.labels >= 0)
        classes = (attention.exists, predicted, f"{name} and all other answers")
        outcomes = (attention.exists & labelled, evidence.labels != k, f"the wrong and the right answers {name}")
        for family, (included, first, what) in ((between_classes, classes), (between_outcomes, outcomes)):
            sizes = int((first & included).sum()), int((~first & included).sum())
            if min(sizes) < MIN_GROUP:
                untested.append(f"{what}: {sizes[0]} and {sizes[1]} images, and each needs at least {MIN_GROUP}")
            else:
                family[name] = Comparison(attention.values[included], first[included])
    return Differences(
        _findings(evidence, between_classes, alpha), _findings(evidence, between_outcomes, alpha), untested
    )


def _findings(evidence: Evidence, family: dict[str, Comparison], alpha: float) -> list[Difference]:
    if not family:
        return []
    tests = compare(list(family.values()))
    rows, columns = evidence.maps.shape[2:]
    findings = []
    significant: NDArray[np.intp] = np.argwhere(tests.p <= alpha)
    for which, cell in significant.tolist():
        row, column = divmod(cell, columns)
        findings.append(
            Difference(
                label=list(family)[which],
                row=row,
                column=column,
                position=describe_position(row, column, rows, columns),
                outside=bool(evidence.outer_cells[cell]),
                effect=float(tests.effect[which, cell]),
                p=float(tests.p[which, cell]),
            )
        )
    return sorted(findings, key=lambda finding: -abs(finding.effect))
