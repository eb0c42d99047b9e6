from __future__ import annotations

import argparse
import datetime
import fractions
import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from service.errors import WeightsError
from service.models.convert import convert, read_checkpoint
from service.models.weights import digest, read
from tests.models.tiny import network, weights


def converted(content: Any, folder: Path, half: bool = False) -> dict[str, torch.Tensor]:
    torch.save(content, folder / "model.pth")
    sha256 = convert(folder / "model.pth", folder / "model.safetensors", half=half)
    assert sha256 == digest(folder / "model.safetensors")
    return read(folder / "model.safetensors", sha256)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model_state_dict": state, "loss": 0.5},
        lambda state: {"model": {"state_dict": state}},
        lambda state: {f"module.{key}": tensor for key, tensor in state.items()},
        lambda state: {"state_dict": {f"module._orig_mod.{key}": tensor for key, tensor in state.items()}},
        lambda state: {f"_orig_mod.module.{key}": tensor for key, tensor in state.items()},
        lambda state: {key: nn.Parameter(t) if t.is_floating_point() else t for key, t in state.items()},
    ],
)
def test_every_form_of_checkpoint_gives_the_same_weights(wrapped: Any, tmp_path: Path) -> None:
    state = converted(wrapped(weights()), tmp_path)
    assert state.keys() == weights().keys()
    assert all(torch.equal(state[key], tensor) for key, tensor in weights().items())
    network().load_state_dict(state)


def prefixed(prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: tensor for name, tensor in weights().items()}


CHECKPOINTS: dict[str, Any] = {
    "lightning": {"state_dict": prefixed("model."), "pytorch-lightning_version": "2.4", "callbacks": {}, "loops": {}},
    "criterion": {"state_dict": {**prefixed("net."), "criterion.weight": torch.ones(3)}},
    "averaged": {**prefixed("module."), "n_averaged": torch.tensor(3)},
    "every-prefix": prefixed("backbone.model._orig_mod.module.net."),
    "compiled-inside": {name.replace("5.", "5._orig_mod."): tensor for name, tensor in weights().items()},
    "any-key": {"some_weights": weights(), "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}}},
    "deep": {"checkpoint": {"network": {"weights": weights()}}},
    "model-is-a-name": {"model": "resnet18", "state_dict": weights()},
    "empty-first": {"state_dict": {}, "model": weights()},
    "beside-an-average": {"state_dict": weights(), "state_dict_ema": weights(seed=1)},
    "average-alone": {"model_ema": {"module": weights()}, "epoch": 3},
    "in-a-list": [weights()],
    "with-numbers": {**weights(), "epoch": 3, "_extra_state": None, "note": "best"},
    "arguments": {"state_dict": weights(), "args": argparse.Namespace(lr=0.1, out=Path("/x"))},
    "numpy": {"state_dict": weights(), "best": np.float64(0.9), "curve": np.arange(3.0)},
    "of-any-class": {"state_dict": weights(), "config": fractions.Fraction(1, 3), "when": datetime.date(2020, 1, 1)},
}


@pytest.mark.parametrize("name", CHECKPOINTS)
@pytest.mark.parametrize("zipped", [True, False])
def test_weights_are_found_wherever_a_script_put_them(name: str, zipped: bool, tmp_path: Path) -> None:
    torch.save(CHECKPOINTS[name], tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    state = read_checkpoint(tmp_path / "a.pth").state
    assert state.keys() == weights().keys()
    assert all(torch.equal(state[key], tensor) for key, tensor in weights().items())


def test_a_container_that_holds_itself_ends(tmp_path: Path) -> None:
    content: dict[str, Any] = {"state_dict": weights()}
    content["itself"] = [content]
    torch.save(content, tmp_path / "a.pth")
    assert read_checkpoint(tmp_path / "a.pth").state.keys() == weights().keys()
    content.pop("state_dict")
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="holds no named tensors"):
        read_checkpoint(tmp_path / "a.pth")


def test_a_key_chooses_among_several(tmp_path: Path) -> None:
    two = {"teacher": weights(seed=1), "student": {"net": weights(seed=2)}}
    torch.save(two, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"several places; name one with --key: teacher \(9 .*student.net \(9 "):
        read_checkpoint(tmp_path / "a.pth")
    found = read_checkpoint(tmp_path / "a.pth", "student.net")
    assert torch.equal(found.state["0.weight"], weights(seed=2)["0.weight"])
    assert found.others == ("teacher",)
    with pytest.raises(WeightsError, match="no weights under 'pupil'; those are under teacher"):
        read_checkpoint(tmp_path / "a.pth", "pupil")


def test_what_was_left_out_is_named(tmp_path: Path) -> None:
    torch.save({"state_dict": {**weights(), "n_averaged": torch.tensor(1), "loss.weight": torch.ones(1)}, "epoch": 2},
               tmp_path / "a.pth")  # fmt: skip
    assert read_checkpoint(tmp_path / "a.pth").dropped == ("n_averaged", "loss.weight")


def test_an_average_beside_the_weights_is_offered(tmp_path: Path) -> None:
    torch.save(CHECKPOINTS["beside-an-average"], tmp_path / "a.pth")
    assert read_checkpoint(tmp_path / "a.pth").others == ("state_dict_ema",)
    average = read_checkpoint(tmp_path / "a.pth", "state_dict_ema").state
    assert torch.equal(average["0.weight"], weights(seed=1)["0.weight"])


def test_weights_of_a_quantised_network_are_refused(tmp_path: Path) -> None:
    torch.save({**weights(), "fc._packed_params.dtype": torch.qint8}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="quantised network; convert those from before"):
        read_checkpoint(tmp_path / "a.pth")


def test_a_prefix_that_not_all_share_stays(tmp_path: Path) -> None:
    assert converted({"module.a": torch.ones(1), "b": torch.ones(1)}, tmp_path).keys() == {"module.a", "b"}


def test_shared_and_strided_tensors_are_written_once_each(tmp_path: Path) -> None:
    base = torch.arange(12.0).view(3, 4)
    state = converted({"whole": base, "same": base, "turned": base.T, "row": base[1]}, tmp_path)
    assert torch.equal(state["same"], base)
    assert torch.equal(state["turned"], base.T)
    assert torch.equal(state["row"], base[1])


def test_half_keeps_biases_and_counters(tmp_path: Path) -> None:
    exact = 1 + 2**-20
    given = {"weight": torch.full((2, 2), exact), "bias": torch.full((2,), exact), "count": torch.tensor(7)}
    state = converted(given, tmp_path, half=True)
    assert torch.equal(state["bias"], given["bias"])
    assert state["count"] == 7
    assert torch.equal(state["weight"], torch.ones(2, 2))
    assert (tmp_path / "model.safetensors").stat().st_size < 400


@pytest.mark.parametrize(
    ("state", "complaint"),
    [
        ({"a": torch.tensor([float("nan")])}, "'a' holds NaN or Inf"),
        ({"a": torch.full((1, 1), 1e9)}, "'a' is too large for half precision"),
        ({"a": torch.eye(2).to_sparse()}, "'a' is not a dense tensor|no PyTorch file of dense tensors"),
        ({"a": torch.ones(1, dtype=torch.complex64)}, "'a' is not a dense tensor"),
        ({"a": 3}, r"no named tensors of a network; it has 'a' \(int\)"),
        ({}, "not a state dict"),
        ([torch.ones(1)], "holds a list, not a state dict"),
        (torch.ones(1), "holds a Tensor, not a state dict"),
    ],
)
def test_what_is_no_state_dict_is_told(state: Any, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=complaint):
        converted(state, tmp_path, half=True)
    assert not (tmp_path / "model.safetensors").exists()


def test_a_whole_model_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"refused.*torch\.save\(model\.state_dict\(\), path\)"):
        converted(network(), tmp_path)


class Touch:
    """A pickle that would create a file, had anyone unpickled it."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self.canary}",)


def evil_zip(canary: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": Touch(canary)}))
        archive.writestr("archive/version", "3\n")
    return buffer.getvalue()


def saved(content: Any, **how: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **how)
    return buffer.getvalue()


def test_malicious_pickles_are_refused_and_do_nothing(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    touch = Touch(canary)
    os.system(f"{touch.__reduce__()[1][0]}")
    assert canary.exists()  # the pickle would work
    canary.unlink()
    hostile = [
        pickle.dumps(touch),
        pickle.dumps({"state_dict": touch}),
        *(pickle.dumps({"a": touch}, protocol=protocol) for protocol in range(6)),
        saved({"a": touch}),
        saved({"a": touch}, _use_new_zipfile_serialization=False),
        saved({"a": torch.ones(1), "b": touch}, pickle_protocol=4),
        evil_zip(canary),
        b"",
        b"PK\x03\x04",
        b"\x80\x04.",
        saved({"a": torch.ones(100)})[:-200],
    ]
    for content in hostile:
        (tmp_path / "evil.pth").write_bytes(content)
        with pytest.raises(WeightsError, match=r"refused|holds"):
            convert(tmp_path / "evil.pth", tmp_path / "evil.safetensors")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["evil.pth"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot read"):
        convert(tmp_path / "none.pth", tmp_path / "out.safetensors")
