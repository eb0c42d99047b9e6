"""Weights into a network: every name and shape accounted for, up to what wrappers put before names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from service.errors import WeightsError

PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "backbone.", "encoder.")
"""What wrappers of a network put before every name: DataParallel, torch.compile, Lightning modules and the like."""

COUNTERS = ".num_batches_tracked"
"""Ending of a buffer of batch normalisation that does nothing at inference; old checkpoints lack it."""


def load(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copy weights into a model. Raises WeightsError that names the misfits."""
    wanted = {name: tensor.shape for name, tensor in model.state_dict().items()}
    named = _renamed(state, wanted)
    if complaints := _complaints(named, wanted):
        raise WeightsError(f"the weights do not fit the architecture: {'; '.join(complaints)}")
    model.load_state_dict(dict(named), strict=False)
    if not all(bool(torch.isfinite(tensor).all()) for tensor in model.state_dict().values()):
        raise WeightsError("the weights hold numbers that are not finite")


def _renamed(state: Mapping[str, Tensor], wanted: Mapping[str, torch.Size]) -> Mapping[str, Tensor]:
    """The state under the model's names, where the two differ in what wrappers put before all of them."""
    if state.keys() == wanted.keys():
        return state
    plain = dict(zip(_bare(wanted), wanted, strict=True))
    found = {plain.get(bare, name): state[name] for name, bare in zip(state, _bare(state), strict=True)}
    better = len(found.keys() & wanted.keys()) > len(state.keys() & wanted.keys())
    return found if better and len(found) == len(state) else state


def _bare(names: Iterable[str]) -> list[str]:
    """Names without every leading part that all of them share."""
    bare = [name.replace("_orig_mod.", "") for name in names]
    while bare and all("." in name for name in bare) and len({name.split(".", 1)[0] for name in bare}) == 1:
        bare = [name.split(".", 1)[1] for name in bare]
    return bare


def strip(names: Iterable[str]) -> list[str]:
    """Names without the prefixes that all of them share, one after the other, in any order."""
    stripped = list(names)
    while prefix := next((one for one in PREFIXES if stripped and all(name.startswith(one) for name in stripped)), ""):
        stripped = [name.removeprefix(prefix) for name in stripped]
    return stripped


def _complaints(state: Mapping[str, Tensor], wanted: Mapping[str, torch.Size]) -> list[str]:
    absent = sorted(name for name in wanted.keys() - state.keys() if not name.endswith(COUNTERS))
    surplus = sorted(state.keys() - wanted.keys())
    complaints = []
    if absent:
        complaints.append(f"missing {_few(absent)}")
    if surplus:
        complaints.append(f"unexpected {_few(surplus)}")
    misfits = [name for name, shape in wanted.items() if name in state and state[name].shape != shape]
    complaints += [
        f"{name} is {tuple(state[name].shape)}, the architecture has {tuple(wanted[name])}" for name in misfits[:3]
    ]
    return [*complaints, *_classes(state, wanted, misfits)]


def _classes(state: Mapping[str, Tensor], wanted: Mapping[str, torch.Size], misfits: list[str]) -> list[str]:
    """What it means where the only misfit is the number of rows of the last layer."""
    rows = [name for name in misfits if state[name].shape[1:] == wanted[name][1:]]
    if not rows or rows != misfits or len(rows) > 2:
        return []
    given, taken = len(state[rows[0]]), wanted[rows[0]][0]
    return [f"the weights have {given} classes and the network {taken}: write {given} labels, or other arguments"]


def _few(names: list[str]) -> str:
    """The first three names, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
