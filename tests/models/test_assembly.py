"""Whatever the structure of a network, its stages answer as it does, or it is refused with a remedy."""

from __future__ import annotations

import copy
import functools

import pytest
import torch
from torch import Tensor, nn

from service.errors import DoesNotApply, RegistryError
from service.explain.heads import PooledLinear
from service.explain.methods import METHODS
from service.explain.tokens import spatial
from service.models.classifier import Classifier
from service.models.logits import LogitsOf
from service.models.stages import INPUT
from tests.models import refused
from tests.models.brought import classifier
from tests.models.structures import CLASSES, SERVED, SIZE

POOLED = {
    *("functions", "reused-relu", "other-order", "skip", "scaled", "extra-head", "subclass", "pre-hook", "in-place"),
    *("in-place-tail", "through-views", "wrapped", "wrapped-twice", "dictionary", "dataclass", "named-tuple", "tuple"),
    *(
        "container-of-one",
        "normalise-first",
        "shapes",
        "channels-last",
        "windows",
        "own-function",
        "straight-through",
        "scripted",
    ),
    *("reparametrised", "standardised", "squeeze-excite", "remembers", "checkpointed", "data-parallel", "compiled"),
}
"""Structures whose tail is a mean and one linear layer, in whatever form they write it."""

UNDIFFERENTIABLE = {"in-place", "through-views"}
"""Structures with which PyTorch itself can compute no gradient; their stages can."""


def size(name: str) -> int:
    return 64 if SERVED[name][2][1:] == (1, 1) else SIZE


def close(found: Tensor, wanted: Tensor, share: float = 1e-5) -> None:
    torch.testing.assert_close(found, wanted, rtol=0, atol=share * float(wanted.abs().max()))


@functools.lru_cache(maxsize=1)
def assembled(name: str) -> tuple[nn.Module, Classifier]:
    with pytest.MonkeyPatch.context() as patch:
        return classifier(patch, SERVED[name][0], size(name))


@pytest.fixture(scope="module", params=SERVED)
def brought(request: pytest.FixtureRequest) -> tuple[str, nn.Module, Classifier]:
    return (request.param, *assembled(request.param))


def test_every_structure_answers_as_the_network(brought: tuple[str, nn.Module, Classifier]) -> None:
    """By way of every cut, for any number of images, and without writing to an image or a feature map."""
    name, model, found = brought
    ask, network = LogitsOf(model, CLASSES), found.network
    assert len(set(network.names)) == len(network.names)
    with torch.no_grad():
        for images in (1, 2, 5):
            x = torch.randn(images, 3, size(name), size(name), generator=torch.Generator().manual_seed(images))
            wanted = ask(x.clone())
            close(found.forward(x), wanted)
            A, last = x, INPUT
            for cut in network.names:
                A = network.between(last, cut)(A)
                last, kept = cut, A.clone()
                close(network.head(cut)(A), wanted)
                assert torch.equal(A, kept), f"the head behind {cut} wrote to its input"


def test_every_structure_is_explained_where_it_should_be(brought: tuple[str, nn.Module, Classifier]) -> None:
    """The default layer, its shape, and a class activation map wherever the tail is a mean and a linear layer."""
    name, _, found = brought
    _, cut, shape = SERVED[name]
    assert found.cut == cut
    assert found.shapes[cut][0] == shape[0]
    assert shape[1:] == (1, 1) or found.shapes[cut] == shape
    assert isinstance(found.head(cut), PooledLinear) == (name in POOLED)


def test_every_structure_has_the_gradient_of_the_network(brought: tuple[str, nn.Module, Classifier]) -> None:
    name, model, found = brought
    if name in UNDIFFERENTIABLE:
        pytest.skip("it overwrites what its own backward pass needs")
    x = torch.randn(2, 3, size(name), size(name), generator=torch.Generator().manual_seed(0))
    direction = torch.tensor([1.0, -0.5, 0.25])
    gradients = []
    for forward in (LogitsOf(model, CLASSES), found.head(INPUT)):
        leaf = x.clone().requires_grad_()
        given = leaf.clone()  # a network may write to what it is given, and not to a leaf
        gradients.append(torch.autograd.grad((forward(given) * direction).sum(), leaf)[0])
    close(gradients[1], gradients[0], 1e-4)


def test_every_structure_keeps_the_laws_of_maps(brought: tuple[str, nn.Module, Classifier]) -> None:
    """mean(CAM) + b is the logit, and every cheap method gives a finite map of the layer's size."""
    name, _, found = brought
    x = torch.randn(1, 3, size(name), size(name), generator=torch.Generator().manual_seed(1))
    target = nn.functional.one_hot(torch.tensor([0, 2]), CLASSES).float()
    A, head = spatial(found.engine.forward(x, found.cut), found.head(found.cut), tuple(x.shape[-2:]))
    if isinstance(head, PooledLinear):
        M = METHODS["cam"].function(A, head, target)
        close(M.mean((1, 2)) + target @ head.bias, head(A)[0][[0, 2]])
    for method in METHODS.values():
        if method.reads == "features" and method.head == "any":
            try:
                M = method.function(A, head, target)
            except DoesNotApply:
                assert method.known, method.name
                continue
            assert M.shape == (2, *A.shape[2:]), method.name
            assert torch.isfinite(M).all(), method.name


def test_every_structure_moves_to_another_device(brought: tuple[str, nn.Module, Classifier]) -> None:
    """As an engine moves it to a GPU: every tensor goes along, and what the forward makes is made there."""
    name, _, found = brought
    moved = copy.deepcopy(found.head(INPUT)).to("meta")
    logits = moved(torch.empty(2, 3, size(name), size(name), device="meta"))
    assert logits.device.type == "meta"
    assert logits.shape == (2, CLASSES)


@pytest.mark.parametrize("name", ["functions", "scaled", "channels-last", "windows", "transformer", "in-place"])
def test_openvino_computes_the_features_of_a_traced_network(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, found = classifier(monkeypatch, SERVED[name][0], engine="openvino")
    assert found.engine.name == "openvino", found.parity
    for images in (1, 5):
        x = torch.randn(images, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(images))
        with torch.no_grad():
            close(found.forward(x), LogitsOf(model, CLASSES)(x.clone()), 1e-4)


@pytest.mark.parametrize("name", refused.REFUSED)
def test_what_cannot_be_served_is_refused_in_plain_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    build, reason, more = refused.REFUSED[name]
    with pytest.raises(RegistryError, match=reason) as caught:
        classifier(monkeypatch, build, **more)
    for sentence in refused.RAW:
        assert sentence not in str(caught.value)
