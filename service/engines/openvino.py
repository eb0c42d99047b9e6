"""Feature maps by OpenVINO, on the CPU: uint8 in, normalisation inside the graph, any number of images."""

from __future__ import annotations

import threading
from typing import Any

import openvino
import torch
from torch import Tensor

from service.engines import graph
from service.engines.engine import Plan
from service.engines.torch import TorchEngine

PRECISIONS = {"f32": openvino.Type.f32, "bf16": openvino.Type.bf16}
"""Always set explicitly: by default OpenVINO uses bf16 on CPUs that have it."""


class OpenVinoEngine:
    """Runs the network compiled up to the plan's cut; every other cut, which is rarely used, runs in torch in float32.

    Raises RuntimeError if the network has an operation that OpenVINO does not support.
    """

    name = "openvino"

    def __init__(self, plan: Plan, precision: str = "f32") -> None:
        self.precision = precision
        self._plan, self._torch = plan, TorchEngine(plan)
        self._core = openvino.Core()
        self._options = {
            "INFERENCE_PRECISION_HINT": PRECISIONS[precision],
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": plan.threads,
            "ENABLE_CPU_PINNING": False,  # several models and the decoders share the cores
        }
        self._pixels = Runner(self._compiled("pixels"))
        self._normalised: Runner | None = None
        self._compiling = threading.Lock()

    def features(self, x: Tensor, cut: str) -> Tensor:
        """x uint8 [N, H, W, 3] -> A float32 [N, C, h, w] on the CPU."""
        return self._pixels(x) if cut == self._plan.cut else self._torch.features(x, cut)

    def forward(self, x: Tensor, cut: str) -> Tensor:
        """x float32 [N, channels, H, W] -> A float32 [N, C, h, w]; its graph is compiled at the first call."""
        if cut != self._plan.cut:
            return self._torch.forward(x, cut)
        with self._compiling:
            if self._normalised is None:
                self._normalised = Runner(self._compiled("normalised"))
        return self._normalised(x)

    def _compiled(self, input_kind: str) -> graph.Compiled:
        plan = self._plan

        def build() -> Any:
            features = plan.features(plan.cut)
            return (
                graph.from_pixels(features, plan) if input_kind == "pixels" else graph.from_normalised(features, plan)
            )

        cache = plan.cache if plan.identity else None
        key = [input_kind, plan.identity, plan.cut, plan.size, plan.mean, plan.std, plan.channels]
        return graph.compiled(self._core, build, self._options, cache, key)


class Runner:
    """A compiled network as a function. Thread-safe: each call has an infer request of its own."""

    def __init__(self, compiled: graph.Compiled) -> None:
        self._compiled = compiled
        self._idle: list[Any] = []

    def __call__(self, x: Tensor) -> Tensor:
        """x [N, ...] -> A float32 [N, C, h, w], in new memory."""
        try:
            request, is_new = self._idle.pop(), False
        except IndexError:
            request, is_new = self._compiled.network.create_infer_request(), True
        try:
            outputs = request.infer([x.contiguous().numpy()], share_inputs=True, share_outputs=True)
            return torch.from_numpy(outputs[0].copy())
        finally:
            self._idle.append(request)
            if is_new:
                self._compiled.release_weights()
