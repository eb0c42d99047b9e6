"""The use cases on this machine: models, decoders, engines and methods put together. Knows no HTTP."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from service.errors import BadParameter, RefusedImage
from service.explain.method import Method
from service.explain.methods import METHODS
from service.images.decode import Limits
from service.images.guard import Guard
from service.images.workers import DecodePool, Prepared
from service.models.classifier import Classifier
from service.models.registry import Registry
from service.models.reloading import Reload
from service.runtime import activations, examine
from service.runtime.admission import Admission, StageTimer
from service.runtime.batching import Batcher
from service.runtime.features import Features
from service.runtime.inspection import Inspection
from service.runtime.preparation import Preparation
from service.runtime.question import Question, UnitRequest
from service.runtime.registry_watcher import RegistryWatcher
from service.runtime.results import Activations, Answer, EngineFacts, GuardViolation, ImageFacts, ModelFacts
from service.runtime.validation import validate
from service.settings import Settings

PREVIEW = 1024
"""Longer side of the picture under an overlay, in pixels at most."""

QUICK_THREADS = 2
"""Threads for methods that need no further forward pass."""

SLOW_SECONDS = 2.0
"""Seconds that one question of the slow lane is expected to take before any was measured."""

SLOW_QUEUE_SIZE = 16
"""Questions that may wait for the slow lane before new ones are refused."""


class InferenceService:
    """The implementation of `service.runtime.answers.Answers`; `start` and `close` run on the event loop that asks.

    Everything slow is awaited: decoding runs in processes, forwards on one thread, methods on others.
    """

    def __init__(self, settings: Settings, registry: Registry | None = None) -> None:
        self.settings = settings
        self.registry = registry or Registry(settings)
        cache_bytes = settings.feature_cache_mb * 2**20 // 2
        self.features = Features(
            cache_bytes=cache_bytes,
            threads=settings.forward_threads,
            batch_size=settings.batch_size,
            batch_wait=settings.batch_wait_ms / 1000,
            queue_size=settings.queue_size,
        )
        limits = Limits(settings.max_image_bytes, settings.max_image_pixels)
        decode_timer, explain_timer, slow_timer = (
            StageTimer(settings.decoders),
            StageTimer(QUICK_THREADS),
            StageTimer(1, SLOW_SECONDS),
        )
        self.decoders = DecodePool(
            settings.decoders, limits, settings.decode_seconds, settings.decode_memory_mb, decode_timer.measure
        )
        self._preparation = Preparation(self.decoders, cache_bytes, settings.queue_size)
        self._quick = ThreadPoolExecutor(
            QUICK_THREADS, "examine", torch.set_num_threads, (1,)
        )  # the cores are the forward's
        self._slow = ThreadPoolExecutor(1, "slow", torch.set_num_threads, (1,))
        self._slow_lane = Batcher(_call_each, self._slow, size=1, queue_size=SLOW_QUEUE_SIZE, timer=slow_timer)
        self._explain_timer = explain_timer
        self.admission = Admission(
            settings.max_wait_s, settings.deadline_s, (decode_timer, self.features.timer, explain_timer)
        )
        self._slow_admission = Admission(settings.deadline_s / 2, settings.deadline_s, (slow_timer,))
        self._reloading = ThreadPoolExecutor(1, "reload", torch.set_num_threads, (1,))
        self._loading: threading.Thread | None = None
        self._watcher = RegistryWatcher(self.registry.files, self.reload, settings.registry_watch_seconds)

    async def start(self, load: bool = True) -> None:
        """Start the decoders and the batchers, and begin to load all models in the background if `load`."""
        self.features.start()
        self._slow_lane.start()
        await self.decoders.start()
        self._loading = self.registry.load_all() if load else None
        if load:
            self._watcher.start()

    async def close(self) -> None:
        """Stop everything that `start` started."""
        await self._watcher.close()
        self.registry.close()
        if self._loading is not None:
            await asyncio.to_thread(self._loading.join)
        await self._slow_lane.close()
        await self.features.close()
        await self.decoders.close()
        self._quick.shutdown(cancel_futures=True)
        self._slow.shutdown(cancel_futures=True)
        self._reloading.shutdown(cancel_futures=True)

    @property
    def ready(self) -> tuple[bool, str]:
        """Whether questions to the default model can be answered, and the reason in words."""
        if not (self.features.batcher.alive and self._slow_lane.alive):
            return False, "the batcher has stopped"
        now = self.registry.now
        if now.default is None:
            return True, "there is no default model to wait for"
        state = now[None].state
        return state == "ready", f"model {now.default!r} is {state}"

    def pinned(self, question: Question) -> Question:
        """See `service.runtime.answers.Answers`."""
        return replace(question, classifier=self.registry.get(question.model))

    async def reload(self) -> Reload:
        """See `service.runtime.answers.Answers`."""
        return await asyncio.get_running_loop().run_in_executor(self._reloading, self.registry.reload)

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
        unit_request = question.unit_request or UnitRequest()
        return await self.analyze(data, replace(question, methods=(), embed=False, unit_request=unit_request))

    async def analyze(self, data: bytes, question: Question) -> Answer:
        """Everything the question asks for, from one decoding and one forward.

        data: the encoded image. Raises every RequestError and UnavailableError of the tree.
        """
        classifier = question.classifier or self.registry.get(question.model)
        layer, methods = validate(question, classifier)
        slow = question.quality or any(method.forwards for method in methods)
        with self._slow_admission.accept(1) if slow else nullcontext():
            return await self._answer(data, question, classifier, layer, methods, slow)

    async def _answer(
        self,
        data: bytes,
        question: Question,
        classifier: Classifier,
        layer: str,
        methods: list[Method],
        slow: bool,
    ) -> Answer:
        begun = time.monotonic()
        deadline = begun + self.settings.deadline_s
        preview = PREVIEW if question.overlay and methods else 0
        prepared = await self._preparation.prepare(data, classifier.entry.frame, deadline, preview)
        decoded = time.monotonic()
        violations = _violations(classifier.entry.guard, prepared)
        if violations:
            return _refused(classifier, prepared, violations, _timing(begun, decode=decoded))
        A = await self.features.get(classifier, layer, prepared.sha256, prepared.x, deadline)
        computed = time.monotonic()
        inspection = Inspection(classifier, prepared, layer, A, self.features.run_between_batches)
        partial_deadline = deadline - 0.1 * self.settings.deadline_s  # a partial map has to be painted and sent as well
        parts = await self._run(
            slow, lambda: examine.examine(inspection, methods, question, partial_deadline), deadline
        )
        units = await self._unit_activations(inspection, question.unit_request)
        explained = time.monotonic()
        return Answer(
            status="ok",
            reasons=(),
            model=_model(classifier),
            image=_image(prepared),
            predictions=parts.predictions[: question.top_k],
            explanations=parts.explanations,
            embedding=parts.embedding,
            activations=units,
            engine=_engine(classifier),
            timing_ms=_timing(begun, decode=decoded, forward=computed, explain=explained),
        )

    async def inspect(self, data: bytes, model: str | None, preview: int = 0) -> Inspection:
        """An image at its model's default cut. preview: longer side in pixels of the picture with it, 0 for none.

        Raises RefusedImage where the model's guard refuses it, and all that `analyze` raises.
        """
        deadline = time.monotonic() + self.settings.deadline_s
        classifier = self.registry.get(model)
        prepared = await self._preparation.prepare(data, classifier.entry.frame, deadline, preview)
        violations = _violations(classifier.entry.guard, prepared)
        if violations:
            found = ", ".join(f"{one.measure} is {one.value:.3g} ({one.reason})" for one in violations)
            raise RefusedImage(f"model {classifier.entry.name!r} does not answer for such an image: {found}")
        A = await self.features.get(classifier, classifier.cut, prepared.sha256, prepared.x, deadline)
        return Inspection(classifier, prepared, classifier.cut, A, self.features.run_between_batches)

    async def covered(self, mask: bytes, inspection: Inspection) -> NDArray[np.float32]:
        """The share, 0 to 1, of every pixel of the model's input that a mask's file covers: [s, s]."""
        deadline = time.monotonic() + self.settings.deadline_s
        return await self._preparation.cover(mask, inspection.prepared.geometry, deadline)

    async def _unit_activations(self, inspection: Inspection, unit_request: UnitRequest | None) -> Activations | None:
        if unit_request is None:
            return None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._quick, activations.activations, inspection, unit_request)

    async def _run(self, slow: bool, work: Callable[[], examine.Parts], deadline: float) -> examine.Parts:
        """Methods that run the network again have a lane of their own, so that they never delay a prediction."""
        if slow:
            return await self._slow_lane.submit("slow", work, deadline)
        return await asyncio.get_running_loop().run_in_executor(self._quick, self._timed, work)

    def _timed(self, work: Callable[[], examine.Parts]) -> examine.Parts:
        with self._explain_timer.measure():
            return work()


def _call_each(_: str, work: list[Callable[[], examine.Parts]]) -> list[examine.Parts]:
    return [one() for one in work]


def _violations(guard: Guard | None, prepared: Prepared) -> tuple[GuardViolation, ...]:
    measures = prepared.measures
    limits = guard.violations(measures) if guard else ()
    return tuple(
        GuardViolation(one.measure, measures[one.measure], one.minimum, one.maximum, one.reason) for one in limits
    )


def _refused(
    classifier: Classifier,
    prepared: Prepared,
    violations: tuple[GuardViolation, ...],
    timing_ms: dict[str, float],
) -> Answer:
    return Answer(
        status="refused",
        reasons=tuple(dict.fromkeys(one.reason for one in violations)),
        model=_model(classifier),
        image=_image(prepared),
        predictions=(),
        explanations=(),
        embedding=None,
        engine=_engine(classifier),
        timing_ms=timing_ms,
        violations=violations,
    )


def _model(classifier: Classifier) -> ModelFacts:
    entry = classifier.entry
    return ModelFacts(entry.name, entry.version, classifier.weights_sha256, entry.card.notice)


def _engine(classifier: Classifier) -> EngineFacts:
    return EngineFacts(classifier.engine.name, classifier.engine.precision)


def _image(prepared: Prepared) -> ImageFacts:
    geometry = prepared.geometry
    return ImageFacts(prepared.sha256, geometry.width, geometry.height, prepared.format, prepared.notes)


def _timing(begun: float, **ends: float) -> dict[str, float]:
    """Milliseconds from the end of one step to the end of the next, and in total."""
    moments = [begun, *ends.values()]
    steps = {name: 1000 * (end - start) for name, start, end in zip(ends, moments, moments[1:], strict=False)}
    return {name: round(ms, 2) for name, ms in (steps | {"total": 1000 * (moments[-1] - begun)}).items()}
