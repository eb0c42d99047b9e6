"""What is recorded of a run, what is refused, and that nobody else is affected."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor, nn

from service.models.tracing.recorder import UntraceableError, is_leaf, record
from service.models.tracing.recording import Ref
from tests.models.structures import Plain, ReusedRelu, drawn


def images(count: int = 2) -> Tensor:
    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(count))


def test_calls_are_recorded_in_order_with_the_modules_they_lie_in() -> None:
    model = drawn(ReusedRelu)
    found = record(model, model, images())
    assert [call.path for call in found.calls] == ["conv1", "bn1", "relu", "conv2", "bn2", "relu", "pool", "", "fc"]
    assert [call.module is not None for call in found.calls] == [True] * 7 + [False, True]
    assert found.calls[1].args == (Ref(0),)
    assert found.calls[3].args == (Ref(2),), "the ReLU in place gives the tensor that the next layer reads"
    assert found.output == Ref(8)


def test_a_network_is_as_before_when_it_has_been_recorded() -> None:
    model = drawn(Plain)
    x = images()
    before = model(x)
    record(model, model, x.clone())
    assert torch.equal(model(x), before)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_hooks_are_taken_away_after_a_failure_too() -> None:
    model = drawn(Plain)
    with pytest.raises(RuntimeError):
        record(model, model, torch.randn(2, 5, 32, 32))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


class Waits(Plain):
    """Stops in the middle of its forward until another thread has answered."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go_on = threading.Event(), threading.Event()

    def features(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        self.reached.set()
        assert self.go_on.wait(20)
        return self.conv2(self.bn1(x))


def test_other_threads_are_not_recorded() -> None:
    """Models are loaded while others answer. `torch.fx` replaces the call of every module of the process meanwhile."""
    model, other, x = drawn(Waits), drawn(Plain), images()
    expected = other(x)
    recordings = []
    thread = threading.Thread(target=lambda: recordings.append(record(model, model, images())))
    thread.start()
    assert model.reached.wait(20)
    answered = other(x)
    model.go_on.set()
    thread.join()
    assert torch.equal(answered, expected)
    assert [call.path for call in recordings[0].calls] == ["conv1", "bn1", "conv2", "pool", "", "fc"]


def test_modules_of_pytorch_are_leaves_unless_they_were_changed() -> None:
    plain, hooked, replaced = nn.ReLU(), nn.ReLU(), nn.ReLU()
    hooked.register_forward_hook(lambda *_: None)
    replaced.forward = lambda x: x  # type: ignore[method-assign]
    assert is_leaf(plain)
    assert not any(is_leaf(one) for one in (hooked, replaced, nn.Sequential(), Plain()))


@pytest.mark.parametrize("reader", [float, bool, int, lambda x: x.item(), lambda x: x.tolist(), lambda x: x.numpy()])
def test_values_of_the_image_must_not_become_python_objects(reader: object) -> None:
    def run(x: Tensor) -> Tensor:
        reader(x.sum())  # type: ignore[operator]
        return x

    with pytest.raises(UntraceableError, match="its forward reads values of the image"):
        record(nn.Identity(), run, images())


class Straight(torch.autograd.Function):
    """Rounds, and passes the gradient on as if it had not."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.round()

    @staticmethod
    def backward(ctx: object, *signals: Tensor) -> Tensor:
        return signals[0]


def test_a_backward_pass_of_its_own_is_found() -> None:
    """Recorded without it, a network would be explained by another gradient than it was trained with."""
    for run in (lambda x: Straight.apply(x) * 2, lambda x: Straight.apply(x * 2)):
        record(nn.Identity(), run, images())
    with pytest.raises(UntraceableError, match="its forward uses a function with a backward pass of its own"):
        record(nn.Identity(), lambda x: Straight.apply(x) * 2, images(), gradient=True)


def test_values_of_weights_may_be_read() -> None:
    model = drawn(Plain)
    found = record(model, lambda x: model(x) * float(model.fc.bias.sum()), images())
    assert [call.depends for call in found.calls[-2:]] == [False, True]
