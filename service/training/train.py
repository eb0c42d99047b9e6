"""The training loop: small images first, checkpoints that resume exactly, nothing random but from the seed."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from service.errors import TrainingError
from service.images.frame import Frame
from service.training.augment import augmented
from service.training.data import check_batch
from service.training.optimizers import OPTIMIZERS
from service.training.render import Rendered
from service.training.schedules import SCHEDULES


@dataclass(frozen=True)
class Phase:
    """Some epochs at one image size, in pixels."""

    size: int
    epochs: int


@dataclass(frozen=True)
class Plan:
    """Everything that decides the outcome of a training run besides the images and the network.

    learning_rate: at the schedule's top. precision: f32 or bf16 (autocast). label_smoothing: 0 to 1.
    """

    phases: tuple[Phase, ...]
    batch_size: int = 32
    optimizer: str = "adamw"
    learning_rate: float = 0.001
    weight_decay: float = 0.01
    schedule: str = "one-cycle"
    label_smoothing: float = 0.0
    precision: str = "bf16"
    seed: int = 0

    def steps(self, images: int) -> list[tuple[int, int]]:
        """(epoch, size) of every step of a run over so many images; the odd images at an epoch's end are left out."""
        each, epoch, steps = images // self.batch_size, 0, []
        for phase in self.phases:
            for _ in range(phase.epochs):
                steps += [(epoch, phase.size)] * each
                epoch += 1
        return steps

    def with_at_least(self, steps: int, images: int) -> Plan:
        """This plan, with all its epochs multiplied where they are fewer than so many steps over so many images."""
        planned = len(self.steps(images))
        factor = math.ceil(steps / planned) if planned else 1
        return replace(self, phases=tuple(Phase(one.size, factor * one.epochs) for one in self.phases))


@dataclass(frozen=True)
class Tick:
    """One step that is done. loss: of its batch. images: seen in it."""

    step: int
    steps: int
    size: int
    loss: float
    images: int


class Trainer:
    """One training run. Resumes from `checkpoint` where that file exists and was written by the same run.

    Raises TrainingError where the checkpoint belongs to another plan, to other images or to other weights to start
    from, and where there are fewer images than one batch.
    """

    def __init__(self, model: nn.Module, images: Rendered, frame: Frame, plan: Plan, checkpoint: Path | None) -> None:
        check_batch(len(images.classes), plan.batch_size)
        self.origin = fingerprint(model, images)
        self.model = model.train().to(memory_format=torch.channels_last)
        self.images, self.frame, self.plan, self.checkpoint = images, frame, plan, checkpoint
        self.steps = plan.steps(len(images.classes))
        options = {"lr": plan.learning_rate, "weight_decay": plan.weight_decay}
        self.optimizer = OPTIMIZERS[plan.optimizer].build(self.model.parameters(), **options)
        self.loss = nn.CrossEntropyLoss(label_smoothing=plan.label_smoothing)
        self.step = 0
        if checkpoint is not None and checkpoint.exists():
            self._resume(checkpoint)

    def run(self, tick: Callable[[Tick], None] = lambda _: None, save_every: int = 100) -> None:
        """Train to the end. tick: called after every step. save_every: steps between checkpoints."""
        while self.step < len(self.steps):
            loss = self._learn()
            self.step += 1
            if self.step % save_every == 0 or self.step == len(self.steps):
                self.save()
            size = self.steps[self.step - 1][1]
            tick(Tick(self.step, len(self.steps), size, loss, self.plan.batch_size))
        self.model.eval()

    def save(self) -> None:
        """Write the checkpoint whole or not at all."""
        if self.checkpoint is None:
            return
        draft = self.checkpoint.with_suffix(".part")
        state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        torch.save(state | {"step": self.step, "plan": asdict(self.plan), "origin": self.origin}, draft)
        draft.replace(self.checkpoint)

    def _resume(self, checkpoint: Path) -> None:
        saved = torch.load(checkpoint, weights_only=True)
        if saved["plan"] != asdict(self.plan):
            raise TrainingError(f"{checkpoint} belongs to another plan; remove it to start anew")
        if saved.get("origin", self.origin) != self.origin:
            raise TrainingError(f"{checkpoint} belongs to other images or another start; remove it to start anew")
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.step = saved["step"]

    def _learn(self) -> float:
        x, classes = self._batch()
        torch.manual_seed(self.plan.seed * 1_000_003 + self.step)  # what dropout draws must survive a restart
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.learning_rate * SCHEDULES[self.plan.schedule](self.step / len(self.steps))
        with torch.autocast("cpu", torch.bfloat16, enabled=self.plan.precision == "bf16"):
            output = self.model(x)
            loss: Tensor = self.loss(_main(output).float(), classes)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return float(loss.detach())

    def _batch(self) -> tuple[Tensor, Tensor]:
        """The images of this step, a function of seed and step alone: x float32 [N, 3, size, size] and classes [N]."""
        epoch, size = self.steps[self.step]
        within = self.step - self.steps.index((epoch, size))
        order = np.random.default_rng((self.plan.seed, epoch)).permutation(len(self.images.classes))
        chosen = order[within * self.plan.batch_size : (within + 1) * self.plan.batch_size]
        generator = torch.Generator().manual_seed(self.plan.seed * 1_000_003 + self.step)
        x = augmented(resized(self.images.pixels[np.sort(chosen)], size), generator)
        return normalised(x, self.frame), torch.from_numpy(self.images.classes[np.sort(chosen)])


def fingerprint(model: nn.Module, images: Rendered) -> str:
    """64 hexadecimal digits of what a run starts from: weights, classes and every hundredth image."""
    digest = hashlib.sha256(images.classes.tobytes())
    digest.update(np.ascontiguousarray(images.pixels[::100]).tobytes())
    for name, tensor in model.state_dict().items():
        digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def resized(pixels: NDArray[np.uint8], size: int) -> Tensor:
    """uint8 [N, H, W, 3] -> float32 [N, 3, size, size] in 0 to 1, each pixel the mean of the area it covers."""
    x = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float() / 255
    return x if x.shape[-1] == size else nn.functional.interpolate(x, size=(size, size), mode="area")


def normalised(x: Tensor, frame: Frame) -> Tensor:
    """float32 [N, 3, H, W] in 0 to 1 -> what the network expects, in channels-last layout."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (frame.mean, frame.std))
    return ((x - mean) / std).contiguous(memory_format=torch.channels_last)


def _main(output: Tensor | tuple[Tensor, ...]) -> Tensor:
    """GoogLeNet and Inception give their auxiliary logits as well while training."""
    return output if isinstance(output, Tensor) else output[0]
