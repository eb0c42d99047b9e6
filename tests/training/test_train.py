"""A run is a function of its seed, goes on exactly where it was killed, and learns."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from service.errors import TrainingError
from service.images.frame import Frame
from service.training.augment import augmented
from service.training.optimizers import OPTIMIZERS
from service.training.render import Rendered
from service.training.train import Phase, Plan, Tick, Trainer, resized

PLAN = Plan(phases=(Phase(16, 2), Phase(32, 1)), batch_size=8, learning_rate=0.01, precision="f32", seed=3)
FRAME = Frame(resize=32, crop=32)


def images(count: int = 64) -> Rendered:
    random = np.random.default_rng(0)
    classes = np.arange(count) % 2
    pixels = random.integers(0, 120, (count, 32, 32, 3), dtype=np.uint8)
    pixels[classes == 1, 8:24, 8:24] += 100
    return Rendered(pixels, classes.astype(np.int64))


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 2),
    )


def weights(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def trained(plan: Plan = PLAN, checkpoint: Path | None = None, save_every: int = 100) -> nn.Module:
    model = network()
    Trainer(model, images(), FRAME, plan, checkpoint).run(save_every=save_every)
    return model


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    first = weights(trained())
    assert same(first, weights(trained()))
    assert not same(first, weights(trained(Plan(**{**vars(PLAN), "seed": 4}))))


def test_it_learns() -> None:
    plan = Plan(phases=(Phase(32, 12),), batch_size=8, learning_rate=0.02, precision="f32")
    losses: list[float] = []
    Trainer(network(), images(), FRAME, plan, None).run(lambda tick: losses.append(tick.loss))
    assert np.mean(losses[-8:]) < 0.5 * np.mean(losses[:8])


def test_small_images_come_first() -> None:
    sizes = [size for _, size in PLAN.steps(64)]
    assert sizes == [16] * 16 + [32] * 8


CHILD = """
import sys
from pathlib import Path
from tests.training.test_train import FRAME, PLAN, Trainer, images, network
import torch, time
torch.set_num_threads(1)
def tick(_):
    print("step", flush=True)
    time.sleep(0.01)
Trainer(network(), images(), FRAME, PLAN, Path(sys.argv[1])).run(tick, save_every=1)
"""


@pytest.mark.parametrize("steps", [1, 9, 20])
def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path, steps: int) -> None:
    checkpoint = tmp_path / "run.checkpoint"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(checkpoint)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert child.stdout is not None
    with child.stdout:
        for _ in range(steps):
            assert child.stdout.readline() == b"step\n"
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    step = torch.load(checkpoint, weights_only=True)["step"]
    assert steps <= step < 24
    assert same(weights(trained(checkpoint=checkpoint)), weights(trained()))


def test_a_checkpoint_of_another_plan_is_not_continued(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.checkpoint"
    trained(checkpoint=checkpoint)
    with pytest.raises(TrainingError, match="another plan"):
        trained(Plan(**{**vars(PLAN), "learning_rate": 0.02}), checkpoint)


def test_a_checkpoint_of_other_images_or_another_start_is_not_continued(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.checkpoint"
    trained(checkpoint=checkpoint)
    changed = Rendered(images().pixels, 1 - images().classes)
    for model, given in ((network(), changed), (network(1), images())):
        with pytest.raises(TrainingError, match="other images or another start"):
            Trainer(model, given, FRAME, PLAN, checkpoint)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_dropout_draws_and_optimizers_remember_survives_a_restart(tmp_path: Path, optimizer: str) -> None:
    plan = Plan(**{**vars(PLAN), "optimizer": optimizer})

    class Stopped(Exception):
        pass

    def stop(tick: Tick) -> None:
        if tick.step == 10:
            raise Stopped

    def fresh() -> nn.Module:
        model = network()
        model.insert(5, nn.Dropout(0.5))
        return model

    whole, part, rest = fresh(), fresh(), fresh()
    Trainer(whole, images(), FRAME, plan, None).run()
    checkpoint = tmp_path / "run.checkpoint"
    with pytest.raises(Stopped):
        Trainer(part, images(), FRAME, plan, checkpoint).run(stop, save_every=7)
    torch.rand(3)
    Trainer(rest, images(), FRAME, plan, checkpoint).run()
    assert same(weights(whole), weights(rest))


def test_half_precision_learns_as_well() -> None:
    plan = Plan(phases=(Phase(32, 12),), batch_size=8, learning_rate=0.02, precision="bf16")
    losses: list[float] = []
    Trainer(network(), images(), FRAME, plan, None).run(lambda tick: losses.append(tick.loss))
    assert np.mean(losses[-8:]) < 0.6 * np.mean(losses[:8])


def test_every_image_is_seen_once_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.zeros((64, 32, 32, 3), np.uint8) + np.arange(64, dtype=np.uint8)[:, None, None, None]
    seen: list[int] = []

    def spy(x: torch.Tensor, _: torch.Generator) -> torch.Tensor:
        seen.extend((x[:, 0, 0, 0] * 255).round().int().tolist())
        return x

    monkeypatch.setattr("service.training.train.augmented", spy)
    Trainer(network(), Rendered(pixels, images().classes), FRAME, PLAN, None).run()
    epochs = [seen[start : start + 64] for start in range(0, 192, 64)]
    assert all(sorted(epoch) == list(range(64)) for epoch in epochs)
    assert epochs[0] != epochs[1]


def test_fewer_images_than_a_batch_are_refused() -> None:
    with pytest.raises(TrainingError, match="4 images to learn from are fewer than one batch of 8"):
        Trainer(network(), images(4), FRAME, PLAN, None)


def test_augmentation_is_a_function_of_its_generator_and_keeps_the_range() -> None:
    x = resized(images(8).pixels, 32)
    one, two = (augmented(x, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(one, two)
    assert one.shape == x.shape
    assert float(one.min()) >= 0
    assert float(one.max()) <= 1
    assert not torch.equal(one, augmented(x, torch.Generator().manual_seed(2)))


def test_a_smaller_image_keeps_its_mean() -> None:
    pixels = images(2).pixels
    assert float(resized(pixels, 8).mean()) == pytest.approx(float(pixels.mean()) / 255, abs=1e-5)
