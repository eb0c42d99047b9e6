"""A softmax or sigmoid at the end of a network is left out, so that probabilities are the network's own."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from service.errors import RegistryError
from service.models.classifier import Classifier
from service.models.scores import probabilities
from tests.models.brought import classifier, entry
from tests.models.refused import Ends
from tests.models.structures import CLASSES, SIZE, Plain

IMAGES = torch.randn(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


def chain(last: nn.Module) -> nn.Module:
    return nn.Sequential(
        OrderedDict(conv=nn.Conv2d(3, 8, 3), pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), fc=nn.Linear(8, CLASSES)),
    ).append(last)


def answered(found: Classifier) -> Tensor:
    with torch.no_grad():
        return torch.stack([probabilities(row, found.entry) for row in found.forward(IMAGES)]).float()


SOFTMAX: dict[str, Callable[[], nn.Module]] = {
    "module": lambda: chain(nn.Softmax(1)),
    "last-axis": lambda: chain(nn.Softmax(-1)),
    "nested": lambda: chain(nn.Sequential(nn.Dropout(), nn.Softmax(1))),
    "function": lambda: Ends(lambda logits: logits.softmax(-1)),
    "torch": lambda: Ends(lambda logits: torch.softmax(logits, 1)),
    "dropped-out": lambda: chain(nn.Sequential(nn.Softmax(1), nn.Dropout(), nn.Identity())),
    "viewed": lambda: Ends(lambda logits: logits.softmax(1).view(-1, CLASSES)),
    "contiguous": lambda: Ends(lambda logits: logits.softmax(1).contiguous().clone()),
}


@pytest.mark.parametrize("name", SOFTMAX)
def test_a_softmax_is_not_applied_twice(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, found = classifier(monkeypatch, SOFTMAX[name])
    torch.testing.assert_close(answered(found), model(IMAGES))
    assert found.notes == ("The network's last layer, Softmax, is left out: Fovea applies it to the logits.",)


@pytest.mark.parametrize("build", [lambda: chain(nn.LogSoftmax(1)), lambda: Ends(lambda z: z.log_softmax(1))])
def test_log_probabilities_become_logits(build: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch) -> None:
    model, found = classifier(monkeypatch, build)
    torch.testing.assert_close(answered(found), model(IMAGES).exp())
    assert "LogSoftmax" in found.notes[0]


@pytest.mark.parametrize(
    "build", [lambda: chain(nn.Sigmoid()), lambda: Ends(torch.sigmoid), lambda: Ends(Tensor.sigmoid)]
)
def test_a_sigmoid_is_not_applied_twice(build: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch) -> None:
    model, found = classifier(monkeypatch, build, activation="sigmoid")
    torch.testing.assert_close(answered(found), model(IMAGES))
    assert "Sigmoid" in found.notes[0]


class OneLogit(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(12, 1)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).sigmoid().squeeze()  # type: ignore[no-any-return]


def test_a_single_probability_speaks_for_the_second_label(monkeypatch: pytest.MonkeyPatch) -> None:
    model, found = classifier(monkeypatch, OneLogit, labels=["no", "yes"], activation="single-logit")
    torch.testing.assert_close(answered(found)[:, 1], model(IMAGES))


@pytest.mark.parametrize("build", [Plain, lambda: chain(nn.ReLU()), lambda: Ends(torch.tanh)])
def test_a_network_that_ends_otherwise_stays_whole(
    build: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, found = classifier(monkeypatch, build)
    torch.testing.assert_close(found.forward(IMAGES), model(IMAGES))
    assert found.notes == ()


def test_named_stages_may_name_the_softmax_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["conv", "pool", "flat", "fc", "4"]
    model, found = classifier(monkeypatch, lambda: chain(nn.Softmax(1)), stages=names)
    torch.testing.assert_close(answered(found), model(IMAGES))
    with pytest.raises(RegistryError, match="do not compute what the network computes"):
        classifier(monkeypatch, lambda: chain(nn.Softmax(1)), stages=names[:-1])


def test_a_softmax_over_one_label_is_refused_with_what_to_write() -> None:
    with pytest.raises(ValueError, match=r"softmax over one label is 1 for every image; write sigmoid .* single-logit"):
        entry(labels=["ill"])
    assert entry(labels=["ill"], activation="sigmoid").labels == ("ill",)
