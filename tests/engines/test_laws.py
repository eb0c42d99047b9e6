"""What every engine must keep: it says what torch says in float32, however it is asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest
import torch
from torch import Tensor

from service.engines.choice import BUILDERS, has_bf16
from service.engines.engine import Engine, Plan
from service.engines.torch import TorchEngine, normalised
from service.explain.method import Method
from service.explain.methods import METHODS
from tests.engines.networks import CUTS, OTHER, images, network, plan

BOUND = {"f32": 1e-5, "bf16": 3e-2}
PRECISIONS = ["f32", pytest.param("bf16", marks=pytest.mark.skipif(not has_bf16(), reason="no bf16 here"))]
FREE = [method for method in METHODS.values() if method.reads == "features"]


@cache
def shared(name: str) -> Plan:
    return plan(name)


@cache
def built(engine: str, name: str, precision: str) -> Engine:
    return BUILDERS[engine](shared(name), precision)


def expected(name: str, x: Tensor, cut: str) -> Tensor:
    """The stages in plain torch."""
    with torch.no_grad():
        module = shared(name).features(cut)
        return module(normalised(x, shared(name).mean, shared(name).std))


def distance(got: Tensor, wanted: Tensor) -> float:
    return float((got - wanted).norm() / wanted.norm())


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", CUTS)
@pytest.mark.parametrize("engine", BUILDERS)
def test_every_engine_says_what_torch_says(engine: str, name: str, precision: str) -> None:
    x = images(2)
    A = built(engine, name, precision).features(x, CUTS[name])
    assert (A.dtype, A.device.type, A.is_contiguous()) == (torch.float32, "cpu", True)
    assert distance(A, expected(name, x, CUTS[name])) <= BOUND[precision]


@pytest.mark.parametrize("engine", BUILDERS)
def test_another_cut_is_served_as_well(engine: str) -> None:
    x = images(2)
    for name, cut in OTHER.items():
        assert distance(built(engine, name, "f32").features(x, cut), expected(name, x, cut)) <= 1e-5


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("engine", BUILDERS)
def test_normalised_input_gives_the_same_maps(engine: str, precision: str) -> None:
    x, runner = images(3), built(engine, "resnet", precision)
    ready = normalised(x, shared("resnet").mean, shared("resnet").std)
    assert distance(runner.forward(ready, "layer4"), expected("resnet", x, "layer4")) <= BOUND[precision]


@pytest.mark.parametrize("engine", BUILDERS)
def test_a_batch_is_its_images_one_by_one(engine: str) -> None:
    x, runner = images(5), built(engine, "resnet", "f32")
    alone = torch.cat([runner.features(x[i : i + 1], "layer4") for i in range(5)])
    torch.testing.assert_close(runner.features(x, "layer4"), alone, rtol=1e-5, atol=1e-5 * float(alone.abs().max()))


@pytest.mark.parametrize("engine", BUILDERS)
def test_four_threads_get_what_one_gets(engine: str) -> None:
    runner = built(engine, "resnet", "f32")
    asked = [images(1 + seed % 3, seed) for seed in range(24)]
    alone = [runner.features(x, "layer4") for x in asked]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda x: runner.features(x, "layer4"), asked))
    for one, other in zip(alone, together, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5 * float(one.abs().max()))


@pytest.mark.parametrize("engine", BUILDERS)
def test_an_answer_stays_as_it_was_when_the_next_is_computed(engine: str) -> None:
    runner = built(engine, "resnet", "f32")
    first = runner.features(images(1, 0), "layer4")
    kept = first.clone()
    runner.features(images(1, 1), "layer4")
    assert torch.equal(first, kept)


@pytest.mark.parametrize("engine", BUILDERS)
def test_what_comes_in_is_not_written_to(engine: str) -> None:
    x = images(2)
    kept = x.clone()
    built(engine, "resnet", "f32").features(x, "layer4")
    assert torch.equal(x, kept)


def test_a_view_of_other_strides_is_read_as_it_looks() -> None:
    x, runner = images(2), built("openvino", "resnet", "f32")
    flipped = x.flip(1)
    turned = x.transpose(1, 2)
    assert distance(runner.features(turned, "layer4"), expected("resnet", turned, "layer4")) <= 1e-5
    assert distance(runner.features(flipped, "layer4"), expected("resnet", flipped, "layer4")) <= 1e-5


@pytest.mark.parametrize("method", FREE, ids=lambda method: method.name)
def test_maps_are_the_same_through_openvino(method: Method) -> None:
    x, head = images(1), network("resnet").head("layer4")
    target = torch.eye(5)[:2]
    grids = [method.function(runner.features(x, "layer4"), head, target) for runner in _both()]
    torch.testing.assert_close(grids[0], grids[1], rtol=1e-4, atol=1e-4 * float(grids[0].abs().max()))


def test_the_distance_would_be_seen() -> None:
    """Another image's maps, or another normalisation, are farther away than any bound."""
    x = images(2)
    other = TorchEngine(Plan(shared("resnet").features, "layer4", (64, 64), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)))
    assert distance(other.features(x, "layer4"), expected("resnet", x, "layer4")) > 3e-2


def _both() -> list[Engine]:
    return [built(engine, "resnet", "f32") for engine in ("torch", "openvino")]
