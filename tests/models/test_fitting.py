"""Weights fit a network up to what wrappers put before names; everything else is named."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from service.errors import WeightsError
from service.models.fitting import PREFIXES, load, strip
from tests.models import tiny


def fresh() -> nn.Module:
    return tiny.network(2)


@pytest.mark.parametrize("ours", ["", "model.", "module.net."])
@pytest.mark.parametrize("theirs", ["", "module.", "_orig_mod.module.", "backbone.", "model.encoder."])
def test_prefixes_on_either_side_do_not_matter(ours: str, theirs: str) -> None:
    model, state = fresh(), tiny.weights(seed=3)
    for name in reversed(ours.split(".")[:-1]):
        holder = nn.Module()
        holder.add_module(name, model)
        model = holder
    load(model, {theirs + name: tensor for name, tensor in state.items()})
    assert all(torch.equal(model.state_dict()[ours + name], tensor) for name, tensor in state.items())


def test_prefixes_go_in_any_order_and_only_where_all_share_them() -> None:
    assert strip(f"{''.join(PREFIXES)}{name}" for name in ("a", "b")) == ["a", "b"]
    assert strip(["module.a", "b"]) == ["module.a", "b"]
    assert strip([]) == []


def test_counters_of_old_checkpoints_may_be_absent() -> None:
    state = {name: tensor for name, tensor in tiny.weights(seed=3).items() if "num_batches" not in name}
    model = fresh()
    load(model, state)
    assert torch.equal(model.state_dict()["0.weight"], state["0.weight"])


def edited(**changes: Tensor | None) -> dict[str, Tensor]:
    state: dict[str, Tensor | None] = {
        **tiny.weights(),
        **{name.replace("_", ".", 1): t for name, t in changes.items()},
    }
    return {name: tensor for name, tensor in state.items() if tensor is not None}


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (edited(**{"0_weight": None}), "missing 0.weight"),
        (edited(extra=torch.ones(1)), "unexpected extra"),
        ({f"other.{index}": torch.ones(1) for index in range(5)}, "unexpected other.0, other.1, other.2 and 2 more"),
        (tiny.weights(classes=5), "the weights have 5 classes and the network 2: write 5 labels"),
        (edited(**{"0_weight": torch.ones(4, 1, 3, 3)}), r"0.weight is \(4, 1, 3, 3\), the architecture has"),
        (edited(**{"0_weight": torch.full((4, 3, 3, 3), torch.nan)}), "not finite"),
    ],
)
def test_misfits_are_named(state: dict[str, Tensor], reason: str) -> None:
    with pytest.raises(WeightsError, match=reason) as caught:
        load(fresh(), state)
    assert "classes" in reason or "classes" not in str(caught.value)
