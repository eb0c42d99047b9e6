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
"""Asked for by name: left out, OpenVINO takes bf16 wherever the CPU has it."""


class OpenVinoEngine:
    """Runs the plan's cut compiled; every other cut, rarely asked for, goes to torch in float32.

    Raises RuntimeError where the network has an operation that OpenVINO does not know.
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
        """x float32 [N, 3, H, W] -> A float32 [N, C, h, w]; the graph for it is compiled when it is first asked for."""
        if cut != self._plan.cut:
            return self._torch.forward(x, cut)
        with self._compiling:
            if self._normalised is None:
                self._normalised = Runner(self._compiled("normalised"))
        return self._normalised(x)

    def _compiled(self, takes: str) -> graph.Compiled:
        plan = self._plan

        def build() -> Any:
            model = graph.graph(plan.features(plan.cut), plan.size)
            return graph.from_pixels(model, plan) if takes == "pixels" else model

        cache = plan.cache if plan.identity else None
        key = [takes, plan.identity, plan.cut, plan.size, plan.mean, plan.std]
        return graph.compiled(self._core, build, self._options, cache, key)


class Runner:
    """A compiled network as a function; safe to call from any thread, for each call has an infer request to itself."""

    def __init__(self, compiled: graph.Compiled) -> None:
        self._compiled = compiled
        self._idle: list[Any] = []

    def __call__(self, x: Tensor) -> Tensor:
        """x [N, ...] -> A float32 [N, C, h, w], in memory of its own."""
        try:
            request, new = self._idle.pop(), False
        except IndexError:
            request, new = self._compiled.network.create_infer_request(), True
        try:
            found = request.infer([x.contiguous().numpy()], share_inputs=True, share_outputs=True)
            return torch.from_numpy(found[0].copy())
        finally:
            self._idle.append(request)
            if new:
                self._compiled.settle()
