"""From a trained network to a registry entry whose card tells how it was made and how good it is."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import nn

from service.errors import FoveaError, TrainingError
from service.images.decode import Limits, decode
from service.images.guard import FUNDUS_GUARD
from service.images.measures import measure
from service.models.card import Card
from service.models.classifier import Classifier
from service.models.entry import Entry, to_toml
from service.models.faults import own_words
from service.models.scores import probabilities
from service.models.weights import read, save
from service.training.data import Material, feature_maps, logits
from service.training.pointing_game import Pointing, pointing
from service.training.report import Report, confusion_picture, fitted_temperature, report

log = logging.getLogger(__name__)

SYNTHETIC = "SYNTHETIC, NOT FOR CLINICAL USE"
POINTING_BOUND = 0.90


@dataclass(frozen=True)
class Origin:
    """How a model came about. command: what repeats it. architecture: a torchvision builder. seed: of the training."""

    name: str
    version: str
    architecture: str
    command: str
    seed: int


@dataclass(frozen=True)
class Trial:
    """A trained model on images it never saw.

    refused: share of the test images its guard refuses. samples: real photographs by file name, what they should be
    called and what they are. pointing: for the class glaucoma of generated eyes, where there is one.
    """

    entry: Entry
    report: Report
    pointing: Pointing | None
    refused: float
    samples: Mapping[str, tuple[str, str, float]]

    @property
    def objections(self) -> tuple[str, ...]:
        """Why this model must not be shipped; empty where nothing speaks against it."""
        found = [
            f"{file} is {expected}, and was called {said} ({chance:.2f})"
            for file, (expected, said, chance) in self.samples.items()
            if said != expected
        ]
        if self.pointing is not None and self.pointing.rate < POINTING_BOUND:
            found.append(f"it looks at the disc in {self.pointing.rate:.1%} of glaucoma images, not in 90 %")
        return (*found, *_weaknesses(self.report))


def _weaknesses(report: Report) -> Iterator[str]:
    """What the figures say against a model, each with what to do."""
    balanced, chance = report.balanced_accuracy, 1 / len(report.confusion)
    if balanced.low <= chance:
        yield (
            f"its balanced accuracy {balanced} on {report.images} test images is not above chance ({chance:.4f}): add"
            " images, above all of the classes it confuses, train for more --epochs, or start from trained weights with"
            " --start-from"
        )
    if report.calibration_change.low > 0:
        yield (
            f"its calibration error rose from {report.calibration_before:.4f} to {report.calibration_after:.4f}"
            f" with the temperature {report.temperature:.3g} fitted on the validation images: check that --patient"
            " keeps the images of each patient together, and add images"
        )


def rehearse(model: nn.Module, material: Material, origin: Origin, samples: Mapping[Path, str]) -> None:
    """Find before training what would spoil its end. Raises TrainingError that says what.

    That is a name no entry can have, a network the service cannot cut into stages, a sample that cannot be read, that
    the guard refuses, or whose label is no class.
    """
    unknown = sorted(set(samples.values()) - set(material.labels))
    if unknown:
        raise TrainingError(f"no class is called {', '.join(unknown)}; there are {', '.join(material.labels)}")
    try:
        entry = _entry(material, origin, "0" * 64)
        Classifier.build(entry, model.state_dict(), "", "torch")
    except ValidationError as error:
        first = error.errors()[0]
        raise TrainingError(f"{first['loc'][0]} {first['input']!r} fits no registry entry: {first['msg']}") from error
    except FoveaError as error:
        raise TrainingError(f"the service could not run {origin.architecture}: {error}") from error
    except RuntimeError as error:
        log.info("the network cannot be run", exc_info=error)
        raise TrainingError(f"the service could not run {origin.architecture}: {own_words(error)}") from error
    for path in samples:
        _framed(entry, path)


def tried(model: nn.Module, material: Material, origin: Origin, folder: Path, samples: Mapping[Path, str]) -> Trial:
    """Write the weights, read them back as the service will, and measure that: halving them is part of the result.

    folder: where they lie as NAME.candidate until `write` makes them the model's.
    """
    candidate = folder / f"{origin.name}.candidate"
    sha256 = save(model.state_dict(), candidate, half=True)
    entry = _entry(material, origin, sha256)
    classifier = Classifier.build(entry, read(candidate, sha256), sha256, "torch")
    validation, test = material.splits["validation"], material.splits["test"]
    temperature = fitted_temperature(logits(classifier, validation), validation.classes)
    measured = report(logits(classifier, test), test.classes, temperature)
    looked = None
    if material.recipes and "glaucoma" in material.labels:
        looked = pointing(classifier, material.recipes["test"], "glaucoma")
    calibrated = entry.model_copy(update={"temperature": round(temperature, 4)})
    guard = calibrated.guard
    refused = [bool(guard and guard.reasons(measure(x))) for x in test.pixels]
    named = {path.name: (label, *_said(classifier, calibrated, path)) for path, label in samples.items()}
    trial = Trial(calibrated, measured, looked, sum(refused) / len(refused), named)
    return Trial(_with_figures(trial, origin, material), measured, looked, trial.refused, named)


def write(trial: Trial, folder: Path) -> None:
    """The registry entry beside the weights, and the report beside both."""
    name, seen = trial.entry.name, trial.report
    (folder / f"{name}.candidate").replace(folder / trial.entry.weights)
    (folder / f"{name}.toml").write_text(to_toml(trial.entry))
    (folder / f"{name}.confusion.png").write_bytes(confusion_picture(seen.confusion, trial.entry.labels))
    figures = dict(trial.entry.card.figures) | {"confusion": seen.confusion.tolist(), "labels": trial.entry.labels}
    (folder / f"{name}.report.json").write_text(json.dumps(figures, indent=2) + "\n")


def _entry(material: Material, origin: Origin, sha256: str) -> Entry:
    return Entry(
        name=origin.name,
        version=origin.version,
        architecture=origin.architecture,
        weights=f"{origin.name}.safetensors",
        sha256=sha256,
        labels=material.labels,
        frame=material.frame,
        guard=FUNDUS_GUARD if material.recipes else None,
        card=_card(origin, material, {}),
    )


def _framed(entry: Entry, path: Path) -> NDArray[np.uint8]:
    """A photograph as the network sees it. Raises TrainingError where it is no image or the guard refuses it."""
    try:
        upright = decode(path.read_bytes(), Limits())
    except FoveaError as error:
        raise TrainingError(f"{path}: {error}") from error
    x, _ = entry.frame.apply(upright.pixels, upright.width, upright.height)
    reasons = entry.guard.reasons(measure(x)) if entry.guard else ()
    if reasons:
        raise TrainingError(f"{path}: the guard refuses it: {', '.join(reasons)}")
    return x


def _said(classifier: Classifier, entry: Entry, path: Path) -> tuple[str, float]:
    """What a photograph is called, and with which probability."""
    x = _framed(entry, path)
    chances = probabilities(classifier.head(classifier.cut)(feature_maps(classifier, x[None]))[0], entry)
    return entry.labels[int(chances.argmax())], float(chances.max())


def _with_figures(trial: Trial, origin: Origin, material: Material) -> Entry:
    seen = trial.report
    figures: dict[str, float | str] = {
        "held_out_images": seen.images,
        "accuracy": str(seen.accuracy),
        "balanced_accuracy": str(seen.balanced_accuracy),
        "auc": str(seen.auc),
        "calibration_error_before_scaling": round(seen.calibration_before, 4),
        "calibration_error": round(seen.calibration_after, 4),
        "refused_by_guard": round(trial.refused, 4),
    }
    if trial.pointing is not None:
        figures["gradcam_maximum_on_disc"] = round(trial.pointing.rate, 4)
    for file, (_, said, chance) in trial.samples.items():
        figures[f"real_photograph_{file}"] = f"{said} ({chance:.3f})"
    return trial.entry.model_copy(update={"card": _card(origin, material, figures)})


def _card(origin: Origin, material: Material, figures: Mapping[str, float | str]) -> Card:
    if not material.recipes:
        return Card(
            intended_use="Whatever the people who trained it validate it for.",
            do_not_use="For any decision about a patient before it was validated where it is used.",
            training_data=f"{len(material.splits['train'].classes)} images of a folder; made by `{origin.command}`.",
            licence="that of its training data",
            figures=dict(figures),
        )
    train = material.recipes["train"]
    return Card(
        intended_use="Trying out Fovea, teaching, and testing viewers.",
        do_not_use=(
            "Any decision about a person. It has seen drawn eyes only. Even strong models trained on real photographs"
            " fall from an AUC of 0.986 on their own test set to 0.77 to 0.88 on another clinic's."
        ),
        training_data=(
            f"{train.count} procedurally generated fundus photographs (seeds from {train.first}), none of a person;"
            f" seed {origin.seed}; made by `{origin.command}`."
        ),
        licence="Apache-2.0",
        notice=SYNTHETIC,
        figures=dict(figures),
    )
