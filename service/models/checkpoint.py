"""Where the weights lie in what a training script has saved, and which of its tensors are the network's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from service.errors import WeightsError
from service.models.fitting import strip
from service.models.restricted_unpickler import StandIn
from service.models.weights import State

PREFERRED = (
    *("state_dict", "model_state_dict", "model_state", "model_weights", "model", "net", "network", "weights", "params"),
    *("state", "module", "ema_state_dict", "state_dict_ema", "model_ema", "ema_model", "ema", "averaged_model", "swa"),
)
"""Keys under which the weights lie, those that are taken first, first."""

OTHERS = ("optimizer", "scheduler", "lr_scheduler", "scaler", "amp", "callbacks", "loops", "rng", "criterion", "loss")
"""Beginnings of keys under which tensors lie that are no network's."""

NO_WEIGHTS = (
    *("n_averaged", "_extra_state", "criterion.", "criterions.", "loss.", "loss_fn.", "loss_func.", "loss_function."),
    *("metrics.", "train_metrics.", "val_metrics.", "test_metrics.", "train_acc.", "val_acc.", "test_acc.", "ema."),
)
"""Beginnings of names that training adds to a network's own: counters, criteria, metrics, averages."""

DEEPEST = 4
"""Containers within containers that are searched."""


@dataclass(frozen=True)
class Checkpoint:
    """The weights that were found. key: where, in dots; empty where the file is nothing else. others: where more lie.

    dropped: names that are no weights of a network.
    """

    state: State
    key: str
    others: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


def found(content: Any, name: str, key: str = "") -> Checkpoint:
    """The state dict in a checkpoint's content. name: of the file, for error texts. key: where it lies, in dots.

    Raises WeightsError where there is none, several could be meant, or `key` is none of them.
    """
    places = {".".join(path): mapping for path, mapping in _searched(content)}
    if not places:
        raise WeightsError(f"{name} {_no_state_dict(content)}")
    if key and key not in places:
        raise WeightsError(f"{name} has no weights under {key!r}; those are under {_listed(places)}")
    chosen = key or _preferred(list(places))
    if chosen is None:
        raise WeightsError(f"{name} has weights in several places; name one with --key: {_listed(places)}")
    return _checkpoint(places[chosen], chosen, tuple(place for place in places if place != chosen), name)


def _searched(
    content: Any, path: tuple[str, ...] = (), seen: frozenset[int] = frozenset()
) -> Iterator[tuple[tuple[str, ...], Mapping[Any, Any]]]:
    """Every mapping that has floating tensors under names, outside of what is no network's."""
    if len(path) > DEEPEST or id(content) in seen:
        return
    if isinstance(content, Mapping):
        if any(isinstance(key, str) and _is_weight(value) for key, value in content.items()):
            yield path, content
            return
        items = [(str(key), value) for key, value in content.items()]
    elif isinstance(content, (list, tuple)):
        items = [(str(index), value) for index, value in enumerate(content)]
    else:
        return
    for key, value in items:
        if not key.lower().startswith(OTHERS):
            yield from _searched(value, (*path, key), seen | {id(content)})


def _is_weight(value: Any) -> bool:
    return isinstance(value, Tensor) and (value.is_floating_point() or value.is_quantized or value.is_complex())


def _preferred(places: list[str]) -> str | None:
    """The only place, or the first by the order of `PREFERRED`; None where neither is clear."""
    if len(places) == 1:
        return places[0]
    ranks: dict[tuple[int, ...], str] = {}
    for place in places:
        keys = place.split(".")
        if all(key in PREFERRED for key in keys):
            ranks[tuple(PREFERRED.index(key) for key in keys)] = place
    return ranks[min(ranks)] if ranks else None


def _checkpoint(mapping: Mapping[Any, Any], key: str, others: tuple[str, ...], name: str) -> Checkpoint:
    if any("_packed_params" in str(one) for one in mapping) or any(
        isinstance(value, Tensor) and value.is_quantized for value in mapping.values()
    ):
        raise WeightsError(f"{name} holds the weights of a quantised network; convert those from before quantisation")
    tensors = {one: value for one, value in mapping.items() if isinstance(one, str) and isinstance(value, Tensor)}
    kept = {one: value for one, value in tensors.items() if not one.startswith(NO_WEIGHTS)} or tensors
    plain = strip(one.replace("_orig_mod.", "") for one in kept)
    names = plain if len(set(plain)) == len(kept) else list(kept)
    dropped = tuple(str(one) for one in mapping if one not in kept)
    return Checkpoint(dict(zip(names, kept.values(), strict=True)), key, others, dropped)


def _no_state_dict(content: Any) -> str:
    if isinstance(content, StandIn):
        return (
            f"is refused: it holds a whole object, and the code of its class, {content.path}, would have to run; where"
            " it was made, save its state dict, torch.save(model.state_dict(), path), and convert that"
        )
    if isinstance(content, Mapping) and content:
        keys = ", ".join(f"{key!r} ({_kind(value)})" for key, value in list(content.items())[:5])
        return f"holds no named tensors of a network; it has {keys}"
    return f"holds a {type(content).__name__}, not a state dict of named tensors"


def _kind(value: Any) -> str:
    return value.path if isinstance(value, StandIn) else type(value).__name__


def _listed(places: Mapping[str, Mapping[Any, Any]]) -> str:
    return ", ".join(f"{place or '(the file itself)'} ({len(mapping)} entries)" for place, mapping in places.items())
