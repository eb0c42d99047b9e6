"""A torch module as an OpenVINO graph, and its compiled form cached on disk.

The graph is made by OpenVINO's frontend for PyTorch, which `openvino.convert_model` calls as well. `convert_model` also
reports each conversion over the network.
"""

from __future__ import annotations

import hashlib
import json
import logging
import mmap
import os
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import torch
from openvino.frontend import FrontEndManager, GeneralFailure, NotImplementedFailure, OpConversionFailure
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
from openvino.preprocess import PrePostProcessor
from torch import nn

from service.engines.engine import Plan
from service.images.normalisation import RGB

MAX_CACHED = 32
"""Compiled networks in the cache folder; the least recently used ones are deleted."""

DIGEST = 32  # bytes of SHA-256 before a compiled network, so that a damaged file is compiled again and not loaded

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Compiled:
    """A compiled network, and the memory map of the cached file that it was read from.

    At the first run OpenVINO copies the weights into a format of its own, and keeps the original ones as well.
    """

    network: Any
    blob: mmap.mmap | None = None

    def release_weights(self) -> None:
        """After the first run: release the memory of the original weights, which stay readable from the file."""
        if self.blob is not None:
            self.blob.madvise(mmap.MADV_DONTNEED)


class Channels(nn.Module):
    """Some channels of its input, in this order."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.channels = list(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x [N, C, H, W] -> [N, channels, H, W]."""
        return torch.cat([x[:, channel : channel + 1] for channel in self.channels], 1)


@torch.no_grad()
def graph(module: nn.Module, shape: tuple[int, int, int]) -> Any:
    """An OpenVINO model of a module, x float32 [N, *shape] -> A, for any N. Raises RuntimeError if it has none.

    `torch.jit.trace` is deprecated, but takes a fifth of the time of `torch.export` (DenseNet-121: 1.4 s, 7.7 s).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace: Any = torch.jit.trace
        traced = trace(module, torch.zeros(2, *shape), check_trace=False).eval()
        # Freezing would make the weights constants of a TorchScript class, and those are never freed. The decoder must
        # exist during the conversion, which does not reference it.
        decoder = TorchScriptPythonDecoder(traced, skip_freeze=True)
        frontend = FrontEndManager().load_by_framework("pytorch")
        try:
            model = frontend.convert(frontend.load(decoder))
        except (GeneralFailure, NotImplementedFailure, OpConversionFailure) as error:
            raise RuntimeError(str(error)) from error
    model.get_parameters()[0].set_element_type(openvino.Type.f32)  # unknown, a product with a number cannot be compiled
    model.reshape(openvino.PartialShape([-1, *shape]))
    return model


def from_normalised(features: nn.Module, plan: Plan) -> Any:
    """The model for x float32 [N, channels, height, width], normalised."""
    return graph(features, (len(plan.channels), *plan.size))


def from_pixels(features: nn.Module, plan: Plan) -> Any:
    """The model for x uint8 [N, height, width, 3], which it normalises and whose channels it selects."""
    selected = features if plan.channels == RGB else nn.Sequential(Channels(plan.channels), features)
    steps = PrePostProcessor(graph(selected, (3, *plan.size)))
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    scaled = [[255 * value for value in values] for values in (plan.mean, plan.std)]
    steps.input().preprocess().convert_element_type(openvino.Type.f32).mean(scaled[0]).scale(scaled[1])
    return steps.build()


def compiled(
    core: Any, build: Callable[[], Any], options: Mapping[str, Any], cache: Path | None, key: object
) -> Compiled:
    """`build()` compiled for the CPU, or the compiled network that an earlier run cached under the same key.

    key: everything that the graph depends on, as JSON. Errors of the cache are logged and otherwise ignored.
    """
    file = _file(core, cache, options, key)
    found = _read(core, file, options) if file else None
    if found is not None:
        return found
    new = core.compile_model(build(), "CPU", dict(options))
    if file and _write(file, new.export_model().getvalue()):
        found = _read(core, file, options)
    return found or Compiled(new)


def _file(core: Any, cache: Path | None, options: Mapping[str, Any], key: object) -> Path | None:
    if cache is None:
        return None
    cpu = core.get_property("CPU", "FULL_DEVICE_NAME"), core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    facts = [openvino.__version__, torch.__version__, cpu, {k: str(v) for k, v in options.items()}, key]
    return cache / f"{hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]}.blob"


def _read(core: Any, file: Path, options: Mapping[str, Any]) -> Compiled | None:
    try:
        with file.open("rb") as opened:
            blob = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
        if hashlib.sha256(memoryview(blob)[DIGEST:]).digest() != blob[:DIGEST]:
            return None
        os.utime(file)
        content = openvino.Tensor(np.frombuffer(blob, np.uint8, offset=DIGEST), shared_memory=True)
        return Compiled(core.import_model(content, "CPU", dict(options)), blob)
    except (FileNotFoundError, ValueError):  # mmap raises ValueError for an empty file
        return None
    except (OSError, RuntimeError) as error:
        log.warning("the compiled network %s cannot be used, compiling it again: %s", file.name, error)
        return None


def _write(file: Path, content: bytes) -> bool:
    """Whether the file was written. A file with its final name is complete and is never changed, only replaced."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as unfinished:
            unfinished.write(hashlib.sha256(content).digest() + content)
        Path(unfinished.name).replace(file)
        for old in sorted(file.parent.glob("*.blob"), key=lambda one: one.stat().st_mtime)[:-MAX_CACHED]:
            old.unlink(missing_ok=True)
    except OSError as error:
        log.warning("the compiled network is not cached, so the next start takes longer: %s", error)
        return False
    return True
