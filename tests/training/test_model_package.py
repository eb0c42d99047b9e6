"""From a network to its entry: measured as served, rehearsed before training, and never over a better one's head."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from service.errors import TrainingError
from service.images.frame import Frame
from service.images.guard import FUNDUS_GUARD
from service.models.registry import Registry
from service.models.weights import digest, read
from service.settings import Settings
from service.training import model_package, report
from service.training.data import Material
from service.training.model_package import SYNTHETIC, Origin, Trial, rehearse, tried, write
from service.training.pointing_game import Pointing
from service.training.render import Recipe, Rendered
from tests.models.tiny import network

ORIGIN = Origin("mine", "1.2.0", "tests.models.tiny:network", "fovea train here --name mine", 5)
LABELS = ("healthy", "ill")


def rendered(count: int, seed: int) -> Rendered:
    random = np.random.default_rng(seed)
    classes = np.arange(count, dtype=np.int64) % 2
    pixels = random.integers(0, 120, (count, 16, 16, 3), dtype=np.uint8)
    pixels[classes == 1] += 60
    return Rendered(pixels, classes)


def material() -> Material:
    splits = {split: rendered(24, seed) for seed, split in enumerate(("train", "validation", "test"))}
    return Material(LABELS, Frame(resize=16, crop=16), splits, {})


@pytest.fixture
def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return network()


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    file = tmp_path / "one.png"
    Image.fromarray(rendered(2, 9).pixels[0]).save(file)
    return file


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.training.report.RESAMPLINGS", 20)


def test_what_is_written_is_what_the_service_loads(tmp_path: Path, model: torch.nn.Module, photograph: Path) -> None:
    trial = tried(model, material(), ORIGIN, tmp_path, {photograph: "healthy"})
    write(trial, tmp_path)
    found = Registry(Settings(registry=tmp_path, engine="torch", _env_file=None)).load("mine")
    assert found.entry == trial.entry
    assert found.weights_sha256 == digest(tmp_path / "mine.safetensors")
    assert found.entry.version == "1.2.0"
    assert found.entry.temperature == pytest.approx(trial.report.temperature, abs=1e-4)
    figures = json.loads((tmp_path / "mine.report.json").read_text())
    assert np.sum(figures["confusion"]) == 24 == figures["held_out_images"]
    assert figures["real_photograph_one.png"].startswith(trial.samples["one.png"][1])
    with Image.open(tmp_path / "mine.confusion.png") as picture:
        assert picture.width > 200


def test_figures_are_those_of_the_halved_weights(tmp_path: Path, model: torch.nn.Module) -> None:
    trial = tried(model, material(), ORIGIN, tmp_path, {})
    write(trial, tmp_path)
    assert trial.entry.sha256 is not None
    state = read(tmp_path / "mine.safetensors", trial.entry.sha256)
    given = model.state_dict()
    assert all(torch.equal(state[name], tensor.half().float()) for name, tensor in given.items() if tensor.dim() > 1)
    assert all(torch.equal(state[name], tensor) for name, tensor in given.items() if tensor.dim() == 1)
    model.load_state_dict(state)
    test = material().splits["test"]
    x = torch.from_numpy(test.pixels).permute(0, 3, 1, 2) / 255.0
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (trial.entry.frame.mean, trial.entry.frame.std))
    with torch.no_grad():
        said = model.eval()((x - mean) / std).argmax(1).numpy()
    assert trial.report.accuracy.value == pytest.approx(float((said == test.classes).mean()))


def test_a_model_on_trial_leaves_the_one_in_place_alone(tmp_path: Path, model: torch.nn.Module) -> None:
    write(tried(model, material(), ORIGIN, tmp_path, {}), tmp_path)
    before = {file: (tmp_path / file).read_bytes() for file in ("mine.safetensors", "mine.toml")}
    torch.manual_seed(1)
    tried(network(), material(), ORIGIN, tmp_path, {})
    assert before == {file: (tmp_path / file).read_bytes() for file in before}


def test_what_speaks_against_a_model() -> None:
    figures = measured([[40, 5], [5, 40]])
    trial = Trial(None, figures, Pointing(90, 100, 0), 0.0, {"a.jpg": ("normal", "normal", 0.9)})  # type: ignore[arg-type]
    assert trial.objections == ()
    elsewhere = dataclasses.replace(trial, pointing=Pointing(89, 100, 0))
    assert elsewhere.objections == ("it looks at the disc in 89.0% of glaucoma images, not in 90 %",)
    wrong = dataclasses.replace(trial, pointing=None, samples={"a.jpg": ("normal", "glaucoma", 0.8)})
    assert wrong.objections == ("a.jpg is normal, and was called glaucoma (0.80)",)


def measured(confusion: list[list[int]], sharpness: float = 1.0) -> report.Report:
    """The report of a model with this confusion matrix, whose probabilities are 0.9 before the temperature."""
    pairs = [(t, p) for t, row in enumerate(confusion) for p, count in enumerate(row) for _ in range(count)]
    logits = np.zeros((len(pairs), len(confusion)))
    logits[np.arange(len(pairs)), [p for _, p in pairs]] = np.log(9 * (len(confusion) - 1))
    return report.report(logits, np.array([t for t, _ in pairs]), 1 / sharpness)


@pytest.mark.parametrize(
    ("confusion", "refused"),
    [
        ([[10, 10], [10, 10]], True),
        ([[30, 0], [30, 0]], True),  # half of all is right, by always saying the same
        ([[285, 15], [9, 1]], True),  # 92 % of all is right, and nothing is known of the second class
        ([[3, 0], [1, 2]], True),  # may be luck
        ([[3, 0, 0], [0, 3, 0], [0, 0, 3]], False),
        ([[18, 2], [3, 17]], False),
    ],
)
def test_a_model_that_is_not_better_than_chance_is_refused(confusion: list[list[int]], refused: bool) -> None:
    found = Trial(None, measured(confusion), None, 0.0, {}).objections  # type: ignore[arg-type]
    assert bool(found) is refused, found
    if refused:
        assert "is not above chance (0.5000): add images" in found[0]


def test_a_model_whose_calibration_got_worse_is_refused_unless_by_chance() -> None:
    """Its probabilities of 0.9 were right; made sharper, they claim certainty."""
    for count, refused in ((300, True), (3, False)):
        found = measured([[9 * count, count], [count, 9 * count]], sharpness=4.0)
        assert found.calibration_after > found.calibration_before
        objections = Trial(None, found, None, 0.0, {}).objections  # type: ignore[arg-type]
        assert bool(objections) is refused
        assert all("its calibration error rose from 0.0000 to 0.0998" in one for one in objections)


def test_cards_of_generated_eyes_warn_and_say_how_they_were_made() -> None:
    eyes = Material(LABELS, Frame(), {}, {"train": Recipe("binary", 1_000_000, 300)})
    card = model_package._card(ORIGIN, eyes, {"auc": 0.9})
    assert card.notice == SYNTHETIC == "SYNTHETIC, NOT FOR CLINICAL USE"
    assert "300" in card.training_data
    assert "seed 5" in card.training_data
    assert ORIGIN.command in card.training_data
    assert "0.986" in card.do_not_use
    assert model_package._entry(eyes, ORIGIN, "0" * 64).guard == FUNDUS_GUARD


def test_a_folders_card_claims_neither_synthesis_nor_a_guard() -> None:
    entry = model_package._entry(material(), ORIGIN, "0" * 64)
    assert entry.guard is None
    assert entry.card.notice == ""
    assert "24 images" in entry.card.training_data


def test_a_rehearsal_finds_what_would_spoil_the_end(model: torch.nn.Module, photograph: Path) -> None:
    rehearse(model, material(), ORIGIN, {photograph: "ill"})
    with pytest.raises(TrainingError, match="no class is called sick; there are healthy, ill"):
        rehearse(model, material(), ORIGIN, {photograph: "sick"})
    with pytest.raises(TrainingError, match="name 'No Name' fits no registry entry"):
        rehearse(model, material(), dataclasses.replace(ORIGIN, name="No Name"), {})
    with pytest.raises(TrainingError, match=r"could not run tests\.models\.tiny:nothing"):
        rehearse(model, material(), dataclasses.replace(ORIGIN, architecture="tests.models.tiny:nothing"), {})
    photograph.write_bytes(b"no image")
    with pytest.raises(TrainingError, match=r"one\.png"):
        rehearse(model, material(), ORIGIN, {photograph: "ill"})


def test_a_sample_the_guard_refuses_is_found_before_training(model: torch.nn.Module, photograph: Path) -> None:
    eyes = dataclasses.replace(material(), recipes={"train": Recipe("binary", 1, 3)})
    with pytest.raises(TrainingError, match=r"one\.png: the guard refuses it: out_of_distribution"):
        rehearse(model, eyes, ORIGIN, {photograph: "ill"})
