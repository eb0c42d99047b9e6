"""The use cases: predict, explain, embed, analyze. Everything slow is awaited; nothing here knows HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from service.errors import BadParameter, DeadlineExceeded, Overloaded, RefusedImage
from service.explain.method import Method
from service.explain.methods import METHODS
from service.images.decode import Limits
from service.images.guard import Guard
from service.images.picture import COLORMAPS
from service.images.workers import DecodePool, Prepared
from service.models.classifier import Classifier
from service.models.registry import Registry
from service.runtime import activations, examine
from service.runtime.batching import Batcher
from service.runtime.cache import Cache
from service.runtime.features import Features
from service.runtime.inspection import Inspection
from service.runtime.question import Question, UnitRequest
from service.runtime.results import Activations, Answer, EngineFacts, GuardViolation, ImageFacts, ModelFacts
from service.runtime.targets import chosen, references
from service.settings import Settings

Decoded = TypeVar("Decoded")

PREVIEW = 1024
"""Longer side of the picture under an overlay, in pixels at most."""

LONG = 2**18
"""Bytes that take some 0.2 ms to hash."""

SLOW_QUEUE = 16
"""Questions waiting for the lane of slow methods before new ones are refused."""


class Answers:
    """All the parts of one running service. `start` and `close` on the event loop that asks."""

    def __init__(self, settings: Settings, registry: Registry | None = None) -> None:
        self.settings = settings
        self.registry = registry or Registry(settings)
        remembered = settings.feature_cache_mb * 2**20
        self._framed: Cache[tuple[str, str], Prepared] = Cache(remembered // 2)
        self.features = Features(
            cache_bytes=remembered // 2,
            threads=settings.forward_threads,
            batch_size=settings.batch_size,
            batch_wait=settings.batch_wait_ms / 1000,
            queue_size=settings.queue_size,
        )
        limits = Limits(settings.max_image_bytes, settings.max_image_pixels)
        self.decoders = DecodePool(settings.decoders, limits, settings.decode_seconds, settings.decode_memory_mb)
        self._decoding = 0
        self._quick = ThreadPoolExecutor(2, "examine", torch.set_num_threads, (1,))  # the cores are the forward's
        self._slow = ThreadPoolExecutor(1, "slow", torch.set_num_threads, (1,))
        self._loading: threading.Thread | None = None
        self._lane = Batcher(_in_turn, self._slow, size=1, queue_size=SLOW_QUEUE)

    async def start(self, load: bool = True) -> None:
        """Start the decoders and the batchers, and unless told otherwise begin to load all models in the background."""
        self.features.start()
        self._lane.start()
        await self.decoders.start()
        self._loading = self.registry.load_all() if load else None

    async def close(self) -> None:
        """Stop everything that `start` started."""
        self.registry.close()
        if self._loading is not None:
            await asyncio.to_thread(self._loading.join)
        await self._lane.close()
        await self.features.close()
        await self.decoders.close()
        self._quick.shutdown(cancel_futures=True)
        self._slow.shutdown(cancel_futures=True)

    @property
    def ready(self) -> tuple[bool, str]:
        """Whether questions to the default model can be answered, and if not, why."""
        if not (self.features.batcher.alive and self._lane.alive):
            return False, "the batcher has stopped"
        if self.registry.default is None:
            return True, "there is no default model to wait for"
        state = self.registry.state()
        return state == "ready", f"model {self.registry.default!r} is {state}"

    async def predict(self, data: bytes, question: Question) -> Answer:
        """Class scores alone."""
        return await self.analyze(data, replace(question, methods=(), embed=False))

    async def explain(self, data: bytes, question: Question) -> Answer:
        """Class scores and one method's maps. Raises BadParameter unless exactly one method is asked for."""
        if len(question.methods) != 1:
            raise BadParameter(f"ask for one method; there are {', '.join(METHODS)}")
        return await self.analyze(data, question)

    async def embed(self, data: bytes, question: Question) -> Answer:
        """The image as a vector, and class scores."""
        return await self.analyze(data, replace(question, methods=(), embed=True))

    async def activations(self, data: bytes, question: Question) -> Answer:
        """The feature maps of a layer, and class scores."""
        return await self.analyze(
            data, replace(question, methods=(), embed=False, unit_request=question.unit_request or UnitRequest())
        )

    async def analyze(self, data: bytes, question: Question) -> Answer:
        """Everything the question asks for, from one decoding and one forward.

        data: the encoded image. Raises every RequestError and UnavailableError of the tree.
        """
        begun = time.monotonic()
        deadline = begun + self.settings.deadline_s
        classifier = self.registry.get(question.model)
        layer, methods = self._checked(question, classifier)
        prepared = await self._prepared(data, classifier, PREVIEW if question.overlay and methods else 0, deadline)
        decoded = time.monotonic()
        violations = _violations(classifier.entry.guard, prepared)
        if violations:
            return self._refused(classifier, prepared, violations, begun, decoded)
        A = await self.features.get(classifier, layer, prepared.sha256, prepared.x, deadline)
        computed = time.monotonic()
        inspection = Inspection(classifier, prepared, layer, A, self.features.in_turn)
        partial_deadline = deadline - 0.1 * self.settings.deadline_s  # a partial map has to be painted and sent as well
        slow = question.quality or any(method.forwards for method in methods)
        parts = await self._run(
            slow, lambda: examine.examine(inspection, methods, question, partial_deadline), deadline
        )
        watched = await self._unit_activations(inspection, question.unit_request)
        explained = time.monotonic()
        return Answer(
            status="ok",
            reasons=(),
            model=_model(classifier),
            image=_image(prepared),
            predictions=parts.predictions[: question.top_k],
            explanations=parts.explanations,
            embedding=parts.embedding,
            activations=watched,
            engine=EngineFacts(classifier.engine.name, classifier.engine.precision),
            timing_ms=_timing(begun, decode=decoded, forward=computed, explain=explained),
        )

    async def inspect(self, data: bytes, model: str | None, preview: int = 0) -> Inspection:
        """An image seen at its model's default cut. preview: longer side of the picture that comes with it, 0 for none.

        Raises RefusedImage where the model's guard refuses it, and all that `analyze` raises.
        """
        deadline = time.monotonic() + self.settings.deadline_s
        classifier = self.registry.get(model)
        prepared = await self._prepared(data, classifier, preview, deadline)
        violations = _violations(classifier.entry.guard, prepared)
        if violations:
            found = ", ".join(f"{one.measure} is {one.value:.3g} ({one.reason})" for one in violations)
            raise RefusedImage(f"model {classifier.entry.name!r} does not answer for such an image: {found}")
        A = await self.features.get(classifier, classifier.cut, prepared.sha256, prepared.x, deadline)
        return Inspection(classifier, prepared, classifier.cut, A, self.features.in_turn)

    async def covered(self, mask: bytes, inspection: Inspection) -> NDArray[np.float32]:
        """The share of every pixel of what the model saw, [s, s], that a mask's file covers; see `DecodePool.cover`."""
        deadline = time.monotonic() + self.settings.deadline_s
        return await self._decoded(lambda: self.decoders.cover(mask, inspection.prepared.geometry), deadline)

    async def _unit_activations(self, inspection: Inspection, unit_request: UnitRequest | None) -> Activations | None:
        if unit_request is None:
            return None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._quick, activations.activations, inspection, unit_request)

    async def _prepared(self, data: bytes, classifier: Classifier, preview: int, deadline: float) -> Prepared:
        """The image decoded and framed, or remembered; whoever wants a preview of the original has it decoded again."""
        frame = classifier.entry.frame
        if preview or not self._framed.most_bytes:
            return await self._decoded(lambda: self.decoders.prepare(data, frame, preview), deadline)
        key = (await _digest(data), frame.digest)
        prepared = self._framed.get(key)
        if prepared is None:
            prepared = await self._decoded(lambda: self.decoders.prepare(data, frame), deadline)
            self._framed.put(key, prepared, prepared.x.nbytes)
        return prepared

    async def _decoded(self, decoding: Callable[[], Awaitable[Decoded]], deadline: float) -> Decoded:
        """As few may wait for a decoder as for a forward, for each holds its bytes."""
        if self._decoding >= self.settings.queue_size:
            raise Overloaded(f"{self._decoding} images are waiting already; ask again in a second")
        self._decoding += 1
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await decoding()
        except TimeoutError:
            raise DeadlineExceeded("the image was not decoded in time; ask again, or with fewer images") from None
        finally:
            self._decoding -= 1

    async def _run(self, slow: bool, work: Callable[[], examine.Parts], deadline: float) -> examine.Parts:
        """Slow methods in their own lane, so that they never delay a prediction."""
        if slow:
            return await self._lane.submit("slow", work, deadline)
        return await asyncio.get_running_loop().run_in_executor(self._quick, work)

    def _checked(self, question: Question, classifier: Classifier) -> tuple[str, list[Method]]:
        """The layer and the methods, with everything that can be refused refused before any pixel is decoded."""
        layers = question.layers or (classifier.cut,)
        layer = min(layers, key=classifier.network.place)
        names = dict.fromkeys(question.methods)
        for one in layers[1:]:
            for name in names:
                examine.applicable_method(name, classifier, one)
        methods = [examine.applicable_method(name, classifier, layers[0]) for name in names]
        for method in methods:
            examine.parameters_of(method, question)
        if question.top_k < 1 or (question.top_k_targets is not None and question.top_k_targets < 1):
            raise BadParameter("top_k and top_k_targets count classes; they must be at least 1")
        if question.colormap not in COLORMAPS:
            raise BadParameter(f"there is no colormap {question.colormap[:40]!r}; there are {', '.join(COLORMAPS)}")
        if question.unit_request:
            activations.check(classifier, layer, question.unit_request)
        chosen(question, classifier.entry, [])
        references(question, classifier.entry)
        return layer, methods

    def _refused(
        self,
        classifier: Classifier,
        prepared: Prepared,
        violations: tuple[GuardViolation, ...],
        begun: float,
        decoded: float,
    ) -> Answer:
        return Answer(
            status="refused",
            reasons=tuple(dict.fromkeys(one.reason for one in violations)),
            model=_model(classifier),
            image=_image(prepared),
            predictions=(),
            explanations=(),
            embedding=None,
            engine=EngineFacts(classifier.engine.name, classifier.engine.precision),
            timing_ms=_timing(begun, decode=decoded),
            violations=violations,
        )


async def _digest(data: bytes) -> str:
    """SHA-256 in hex; off the event loop where that takes longer than going there."""
    hashed = hashlib.sha256(data) if len(data) < LONG else await asyncio.to_thread(hashlib.sha256, data)
    return hashed.hexdigest()


def _in_turn(_: str, work: list[Callable[[], examine.Parts]]) -> list[examine.Parts]:
    return [one() for one in work]


def _violations(guard: Guard | None, prepared: Prepared) -> tuple[GuardViolation, ...]:
    measures = prepared.measures
    limits = guard.broken(measures) if guard else ()
    return tuple(
        GuardViolation(one.measure, measures[one.measure], one.minimum, one.maximum, one.reason) for one in limits
    )


def _model(classifier: Classifier) -> ModelFacts:
    entry = classifier.entry
    return ModelFacts(entry.name, entry.version, classifier.weights_sha256, entry.card.notice)


def _image(prepared: Prepared) -> ImageFacts:
    geometry = prepared.geometry
    return ImageFacts(prepared.sha256, geometry.width, geometry.height, prepared.format, prepared.notes)


def _timing(begun: float, **ends: float) -> dict[str, float]:
    """Milliseconds from the end of one step to the end of the next, and in total."""
    moments = [begun, *ends.values()]
    steps = {name: 1000 * (end - start) for name, start, end in zip(ends, moments, moments[1:], strict=False)}
    return {name: round(ms, 2) for name, ms in (steps | {"total": 1000 * (moments[-1] - begun)}).items()}
