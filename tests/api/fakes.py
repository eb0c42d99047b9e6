"""Answers that come from nowhere: the interface of the real ones, deterministic, instant, and wrong on request."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service import errors
from service.models.registry import Registry
from service.models.reloading import Reload
from service.runtime.admission import Admission
from service.runtime.answers import Answers
from service.runtime.inspection import Inspection
from service.runtime.question import Question, UnitRequest
from service.runtime.results import (
    Activation,
    Activations,
    Answer,
    Embedding,
    EngineFacts,
    Explanation,
    ImageFacts,
    ModelFacts,
    Picture,
    Prediction,
    Region,
    Target,
    TargetMap,
)
from service.runtime.targets import target_indexes
from service.settings import Settings
from tests.models import tiny

NOTICE = "SYNTHETIC – not for clinical use"

FAULTS: dict[bytes, Exception] = {
    b"no picture": errors.UnsupportedImage("the bytes are no image in a format that is read"),
    b"damaged": errors.DamagedImage("the JPEG ends in the middle of its data"),
    b"too many pixels": errors.TooLarge("9 million pixels are more than the 1 million allowed"),
    b"full": errors.Overloaded("256 images are waiting already", retry_after=1.5),
    b"late": errors.DeadlineExceeded("the answer was not ready in time", retry_after=3),
    b"nan": errors.ModelFault("the model gave numbers that are not finite"),
    b"disk": errors.WeightsError("/srv/secret/glaucoma.safetensors is damaged"),
    b"base": errors.UnavailableError("not now"),
    b"crash": ZeroDivisionError("Jane Canary, born 1950"),
}
"""What the fake does with these bytes in place of answering."""

REFUSED = b"not like a retina"
NOT_A_NUMBER = b"embeds as nan"
WAITS = b"wait"
"""Answered only once `gate` is open."""


def encoded(media_type: str, shade: int = 128) -> bytes:
    file = io.BytesIO()
    Image.new("L" if media_type == "image/png" else "RGB", (4, 4)).point(lambda _: shade).save(
        file, media_type.partition("/")[2].upper()
    )
    return file.getvalue()


@functools.lru_cache(maxsize=4)
def loaded(registry: Path, data_dir: Path, engine: str, offline: bool) -> Registry:
    """The registry of a folder, with its models loaded once for all tests."""
    found = Registry(Settings(registry=registry, data_dir=data_dir, engine=engine, offline=offline, _env_file=None))
    for name in found.names:
        if found.state(name) == "loading":
            found.load(name)
    return found


class FakeAnswers:
    """The same question about the same bytes gives the same answer, as it does with the real one."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.registry = loaded(settings.registry, settings.data_dir, settings.engine, settings.offline)
        self.admission = Admission(settings.max_wait_s, settings.deadline_s, ())
        self.ready = (True, "")
        self.life: list[str] = []
        self.asked: list[tuple[bytes, Question]] = []
        self.gate = asyncio.Event()
        self.cancelled = 0
        self._arrivals: asyncio.Queue[None] = asyncio.Queue()

    async def start(self, load: bool = True) -> None:
        self.life.append("start")

    async def close(self) -> None:
        self.life.append("close")

    def pinned(self, question: Question) -> Question:
        self.registry.get(question.model)
        return question

    async def reload(self) -> Reload:
        return await asyncio.to_thread(self.registry.reload)

    async def predict(self, data: bytes, question: Question) -> Answer:
        return await self.analyze(data, replace(question, methods=(), embed=False))

    async def explain(self, data: bytes, question: Question) -> Answer:
        return await self.analyze(data, question)

    async def embed(self, data: bytes, question: Question) -> Answer:
        return await self.analyze(data, replace(question, methods=(), embed=True))

    async def activations(self, data: bytes, question: Question) -> Answer:
        return await self.analyze(data, replace(question, methods=()))

    async def analyze(self, data: bytes, question: Question) -> Answer:
        self.asked.append((data, question))
        self._arrivals.put_nowait(None)
        classifier = self.registry.get(question.model)
        entry = classifier.entry
        indexes = target_indexes(question, entry, [1, 0])
        if data == WAITS:
            await self._wait()
        if data in FAULTS:
            raise FAULTS[data]
        digest = hashlib.sha256(data).hexdigest()
        answer = Answer(
            status="ok",
            reasons=(),
            model=ModelFacts(entry.name, entry.version, classifier.weights_sha256, NOTICE),
            image=ImageFacts(digest, 30, 20, "PNG", ("the first of 3 frames",)),
            predictions=(Prediction(1, "ill", 0.75, 1.5), Prediction(0, "healthy", 0.25, -0.5))[: question.top_k],
            explanations=tuple(explanation(name, indexes, int(digest[:8], 16), question) for name in question.methods),
            embedding=Embedding(np.array([0.1, -2, 3e-9], np.float32), "avgpool") if question.embed else None,
            engine=EngineFacts("fake", "f32"),
            timing_ms={"decode": 1.25, "forward": 2.5, "explain": 0.25, "total": 4.0},
            activations=watched(question.unit_request) if question.unit_request else None,
        )
        if data == NOT_A_NUMBER:
            return replace(answer, embedding=Embedding(np.array([1, np.nan, np.inf], np.float32), "avgpool"))
        if data == REFUSED:
            nothing = replace(answer, predictions=(), explanations=(), embedding=None, activations=None)
            return replace(nothing, status="refused", reasons=("out_of_distribution",))
        return answer

    async def inspect(self, data: bytes, model: str | None, preview: int = 0) -> Inspection:
        await self.analyze(data, Question(model=model))
        raise errors.UnsupportedImage("the fake inspects nothing")

    async def covered(self, mask: bytes, inspection: Inspection) -> NDArray[np.float32]:
        raise errors.UnsupportedImage("the fake decodes no mask")

    async def arrival_of(self, count: int) -> None:
        """Returns once so many further questions have arrived."""
        async with asyncio.timeout(60):
            for _ in range(count):
                await self._arrivals.get()

    async def _wait(self) -> None:
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


if TYPE_CHECKING:

    def is_checked_by_mypy(fake: FakeAnswers) -> Answers:
        return fake


def watched(unit_request: UnitRequest) -> Activations:
    grid = np.array([[0.0, 2.5], [0.5, 0.0]], np.float32)
    units = tuple(Activation(unit, 0.75, 2.5, grid) for unit in unit_request.units or range(min(unit_request.top, 4)))
    return Activations("conv", (4, 2, 2), (5.0, 0.0, 25.0, 20.0), units)


def explanation(name: str, indexes: list[int], seed: int, question: Question) -> Explanation:
    maps = []
    for index in indexes:
        grid = np.random.default_rng(seed + index).normal(size=(3, 2)).astype(np.float32)
        overlay = Picture(question.overlay_type, encoded(question.overlay_type, 10), 30, 20)
        maps.append(
            TargetMap(
                target=Target(index, ("healthy", "ill")[index], (0.25, 0.75)[index]),
                grid=grid,
                minimum=float(grid.min()),
                maximum=float(grid.max()),
                empty=not grid.max() > 0,
                region=(5.0, 0.0, 25.0, 20.0),
                heatmap=Picture("image/png", encoded("image/png"), 4, 4),
                overlay=overlay if question.overlay else None,
                boxes=(Region((5.0, 0.0, 15.0, 10.0), 0.5),) if question.boxes else None,
                done=0.5 if name == "scorecam" else 1.0,
            )
        )
    return Explanation(name, "+".join(question.layers) or "conv", dict(question.parameters), "in words", tuple(maps))


def registry(folder: Path) -> None:
    """Two models that work, one without weights, one that is broken."""
    folder.mkdir(exist_ok=True)
    (folder / "default.toml").write_text('default = "tiny"\n')
    tiny.add(folder, "tiny", seed=1)
    tiny.add(folder, "other", seed=2)
    tiny.add(folder, "absent")
    (folder / "absent.safetensors").unlink()
    tiny.add(folder, "broken")
    (folder / "broken.toml").write_text((folder / "broken.toml").read_text().replace("resize = 16", "resize = 0"))
