"""Which layers have feature maps, and what a network without any answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from service.errors import DoesNotApply
from service.explain.methods import METHODS
from service.models.layers import channels, mapped, vector_layer
from service.models.stages import INPUT
from service.runtime.describe import describe
from service.runtime.validation import obstacle
from tests.models.brought import classifier
from tests.models.structures import SIZE, ChannelsLast, MapPerClass, Plain, Transformer
from tests.models.zoo import built


class Pixels(nn.Sequential):
    """Linear in the pixels: it has neither maps nor features."""

    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(3 * SIZE * SIZE, 3))


class Perceptron(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(3 * SIZE * SIZE, 8), nn.ReLU(), nn.Linear(8, 3))


class Ensemble(nn.Module):
    """Two networks whose logits are averaged: nothing but the image leads into both."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = Plain(), Plain()

    def forward(self, x: Tensor) -> Tensor:
        return (self.one(x) + self.two(x)) / 2


class Recoloured(Pixels):
    """A convolution without weights in front: still nothing but colours."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward((x * 2 + 1).flip(1))


def test_shapes_with_places() -> None:
    assert [mapped(shape) for shape in ((8, 7, 7), (8, 1, 1), (17, 8), (1, 8), (8,))] == [
        True,
        False,
        True,
        False,
        False,
    ]
    assert [channels(shape) for shape in ((8, 7, 7), (17, 5), (9,))] == [8, 5, 9]


@pytest.mark.parametrize("build", [Pixels, Perceptron, Ensemble, Recoloured])
def test_without_a_feature_map_there_are_no_maps_but_of_pixels(
    build: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, found = classifier(monkeypatch, build)
    assert found.maps == ()
    for method in METHODS.values():
        reason = obstacle(method, found, found.cut)
        if method.reads == "pixels" and not method.deep:
            assert reason is None or "has no rule for" in reason, method.name
        else:
            assert reason is not None
            assert "has no feature map that Fovea can find" in reason
            assert "`stages`" in reason
            assert "`layout`" in reason
    with pytest.raises(DoesNotApply, match="has no feature map"):
        found.with_maps(INPUT)
    x = torch.randn(2, 3, SIZE, SIZE)
    torch.testing.assert_close(found.forward(x), model(x))


@pytest.mark.parametrize("build", [Pixels, Ensemble, Recoloured])
def test_mean_colours_are_no_vector(build: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch) -> None:
    _, found = classifier(monkeypatch, build)
    with pytest.raises(DoesNotApply, match=r"makes no vector of an image.*`stages`"):
        found.with_vector()
    with pytest.raises(DoesNotApply, match="nothing but the mean colour"):
        found.with_vector(INPUT)
    described = describe(found)
    assert (described.embedding_layer, described.embedding_dim) == (None, None)


def test_a_perceptron_has_a_vector(monkeypatch: pytest.MonkeyPatch) -> None:
    _, found = classifier(monkeypatch, Perceptron)
    assert found.embedding_layer == "2"
    assert describe(found).embedding_dim == 8


def test_tokens_that_nothing_reads_are_no_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the last block only the class token is read; where patches are averaged, the last layer has them."""
    _, token = classifier(monkeypatch, Transformer)
    _, mean = classifier(monkeypatch, lambda: Transformer("mean"))
    assert token.maps[-1] == "layers.0"
    assert mean.maps[-1] == "norm"


def test_a_vector_lies_in_front_of_the_map_of_each_class(monkeypatch: pytest.MonkeyPatch) -> None:
    _, found = classifier(monkeypatch, MapPerClass)
    assert found.cut == found.embedding_layer == "relu_1"


class Ambiguous(nn.Module):
    """Maps of 4 x 4 places and four channels, last, of which no operation tells which axis is which."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.fc = nn.Parameter(torch.randn(192, 64)), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        patches = x.unfold(2, 8, 8).unfold(3, 8, 8).permute(0, 2, 3, 1, 4, 5).reshape(len(x), 16, 192)
        A = (patches @ self.weight)[..., :4].reshape(len(x), 4, 4, 4).tanh()
        return self.fc(A.sum((1, 2)))


def test_a_layout_that_nobody_can_know_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    _, unknown = classifier(monkeypatch, Ambiguous)
    assert not any("tanh" in name for name in unknown.maps)
    model, told = classifier(monkeypatch, Ambiguous, layout="NHWC")
    assert told.cut == "tanh"
    x = torch.randn(1, 3, SIZE, SIZE)
    with torch.no_grad():
        kept: list[Tensor] = []
        monkeypatch.setattr(Tensor, "tanh", lambda A, real=Tensor.tanh: kept.append(real(A)) or kept[-1])
        model(x)
        monkeypatch.undo()
        torch.testing.assert_close(told.network.features("tanh")(x), kept[0].permute(0, 3, 1, 2))


def test_named_stages_with_channels_last(monkeypatch: pytest.MonkeyPatch) -> None:
    class Named(ChannelsLast):
        class Last(nn.Module):
            def forward(self, x: Tensor) -> Tensor:
                return x.permute(0, 2, 3, 1)

        class Mean(nn.Module):
            def forward(self, x: Tensor) -> Tensor:
                return x.mean((1, 2))

        def __init__(self) -> None:
            super().__init__()
            self.last, self.mean = self.Last(), self.Mean()

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.mean(self.norm(self.last(self.embed(x)))))

    names = ["embed", "last", "norm", "mean", "head"]
    model, found = classifier(monkeypatch, Named, stages=names)
    assert found.shapes["norm"] == (12, 4, 4)
    assert found.cut == "norm"
    x = torch.randn(2, 3, SIZE, SIZE)
    torch.testing.assert_close(found.forward(x), model(x))


@pytest.mark.parametrize(("default", "layer"), [(None, "features.12"), ("features.9", "features.9")])
def test_without_a_linear_layer_the_entry_names_where_the_vector_is_taken(default: str | None, layer: str) -> None:
    _, network, x = built("squeezenet1_1")
    assert vector_layer(network, network.shapes(x.shape[-1]), default) == layer


def test_a_linear_layer_decides_whatever_the_entry_names() -> None:
    _, network, x = built("resnet18")
    shapes = network.shapes(x.shape[-1])
    assert vector_layer(network, shapes, "layer2") == vector_layer(network, shapes) == "flatten"
