"""Laws that every method in the table keeps, on every kind of head it applies to. A new method inherits them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import pytest
import torch

from service.explain.method import Count, Head, Reads
from service.explain.methods import METHODS
from tests.explain.networks import HEADS, applies, arguments, cut, explain, one_hot, side

CASES = [(name, head) for name, method in METHODS.items() for head in HEADS if applies(method, cut(head))]


def same(name: str, together: torch.Tensor, alone: torch.Tensor) -> None:
    rounding = 1e-7 if name == "occlusion" else 0.0  # a difference of two scores rounds with the scores
    atol = rounding + 1e-6 * float(together.abs().max())
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=atol)


@pytest.mark.parametrize(("name", "head"), CASES)
def test_batched_equals_one_by_one(name: str, head: str) -> None:
    network, target = cut(head), one_hot([1, 3, 0])
    together = explain(METHODS[name], network, target)
    alone = [explain(METHODS[name], network, target[i : i + 1], slice(i, i + 1)) for i in range(3)]
    assert together.shape == (3, side(METHODS[name]), side(METHODS[name]))
    assert together.abs().max() > 0
    same(name, together, torch.cat(alone))


@pytest.mark.parametrize(("name", "head"), CASES)
def test_one_image_serves_many_targets(name: str, head: str) -> None:
    network, target = cut(head), one_hot([4, 2])
    together = explain(METHODS[name], network, target, slice(0, 1))
    alone = [explain(METHODS[name], network, row[None], slice(0, 1)) for row in target]
    same(name, together, torch.cat(alone))


@pytest.mark.parametrize(("name", "head"), CASES)
def test_nothing_is_written_to_features_head_or_gradients(name: str, head: str) -> None:
    network = cut(head)
    network.head.requires_grad_(True)
    method, extra = METHODS[name], {}
    A, whole = arguments(method, network, slice(None), extra)
    modules = [network.features, network.head]
    before = [tensor.clone() for tensor in (A, network.x, *whole.state_dict().values())]
    result = method.function(A, whole, one_hot([1, 2, 3]), **extra)
    assert all(map(torch.equal, before, (A, network.x, *whole.state_dict().values())))
    assert all(parameter.grad is None for module in modules for parameter in module.parameters())
    assert A.grad is None
    assert not A.requires_grad
    assert not result.requires_grad
    assert not any(m._forward_hooks or m._backward_hooks or m._forward_pre_hooks for m in whole.modules())


@pytest.mark.heavy
@pytest.mark.parametrize(("name", "head"), CASES)
def test_threads_that_share_a_head_do_not_meet(name: str, head: str) -> None:
    network = cut(head)
    work = [(i % 3, i % 5) for i in range(10)]

    def one(job: tuple[int, int]) -> torch.Tensor:
        image, index = job
        return explain(METHODS[name], network, one_hot([index]), slice(image, image + 1))

    serial = [one(job) for job in work]
    with ThreadPoolExecutor(4) as threads:
        for expected, got in zip(serial, threads.map(one, work), strict=True):
            torch.testing.assert_close(got, expected, rtol=0, atol=0)


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.head == "any"])
def test_the_closed_form_equals_autograd(name: str) -> None:
    closed, general = cut("pooled-linear"), cut("pooled-linear-by-autograd")
    target = one_hot([1, 3, 0])
    torch.testing.assert_close(
        explain(METHODS[name], closed, target), explain(METHODS[name], general, target), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize(("name", "head"), CASES)
def test_models_of_one_two_and_three_classes_are_explained(name: str, head: str, classes: int) -> None:
    network = cut(head, classes)
    maps = explain(METHODS[name], network, torch.eye(classes)[:1].expand(3, -1))
    assert torch.isfinite(maps).all()


@pytest.mark.parametrize(("name", "head"), CASES)
def test_dead_features_give_zeros_and_no_nan(name: str, head: str) -> None:
    network = cut(head)
    with torch.no_grad():
        network.features[0].weight.zero_()
        network.features[0].bias.fill_(-1)
    torch.testing.assert_close(
        explain(METHODS[name], network, one_hot([0, 1, 2])), torch.zeros(3, side(METHODS[name]), side(METHODS[name]))
    )


@pytest.mark.parametrize("name", METHODS)
def test_only_class_specific_methods_depend_on_the_class(name: str) -> None:
    network = cut("pooled-linear")
    first, second = explain(METHODS[name], network, one_hot([0, 1]), slice(0, 1))
    assert torch.equal(first, second) != METHODS[name].class_specific


@pytest.mark.parametrize("name", METHODS)
def test_every_row_of_the_table_is_complete(name: str) -> None:
    method = METHODS[name]
    assert method.name == name
    assert method.function.__doc__
    assert method.paper.split()[0] in method.function.__doc__
    assert all((method.title, method.formula, method.summary))
    assert method.reads in get_args(Reads)
    assert method.head in get_args(Head)
    assert (method.reads == "features") == (method.forwards == 0)
    for count in (method.forwards, method.head_forwards):
        assert (isinstance(count, int) and count >= 0) or count in get_args(get_args(Count)[1])
    assert set(method.parameters.model_fields) <= set(method.function.__annotations__)
