"""On pairs of classes that differ in one local part, Finer-CAM looks at that part more than Grad-CAM does."""

from __future__ import annotations

import numpy as np
import pytest

from service.explain.methods import METHODS
from service.explain.tokens import spatial
from service.images.picture import upsample
from service.models.registry import Registry
from service.models.scores import direction
from service.runtime.batch_inference import InspectedImage, LabelledImage, frame_mask, inspect_all
from service.settings import Settings
from service.training import fundus

EYES = range(5_000_000, 5_000_008)
PAIRS = [("glaucoma", "normal"), ("glaucoma", "disc_swelling"), ("disc_swelling", "glaucoma")]
"""Each pair differs at the optic disc and nowhere else."""


@pytest.mark.parametrize("model", ["resnet18", "densenet121"])
def test_finercam_puts_more_of_its_energy_on_the_part_that_differs(model: str) -> None:
    classifier = Registry(Settings(engine="torch")).load(model)
    for label, rival in PAIRS:
        eyes = [fundus.generate(seed, label=label, size=256) for seed in EYES]
        images = [LabelledImage(str(eye.seed), label, eye.pixels, eye.masks) for eye in eyes]
        pairs = [(energy(seen, label), energy(seen, label, rival)) for seen in inspect_all(classifier, images)]
        plain, finer = np.array(pairs).T
        assert finer.mean() > 1.02 * plain.mean(), (label, rival)
        assert (finer > plain).sum() >= 6, (label, rival)


def energy(seen: InspectedImage, label: str, rival: str | None = None) -> float:
    """The share of the map's positive mass on the disc and its swelling."""
    entry = seen.inspection.classifier.entry
    inspection = seen.inspection
    A, head = spatial(inspection.A, inspection.classifier.head(inspection.layer), inspection.prepared.geometry.size)
    row = direction(entry.labels.index(label), entry)[None]
    if rival is None:
        M = METHODS["gradcam"].function(A, head, row)
    else:
        M = METHODS["finercam"].function(A, head, row, versus=direction(entry.labels.index(rival), entry)[None])
    heat = np.maximum(upsample(M[0].numpy(), (224, 224)), 0)
    part = seen.image.masks["disc"] | seen.image.masks["swelling"]
    return float(heat[frame_mask(part, seen.inspection.prepared.geometry)].sum() / heat.sum())
