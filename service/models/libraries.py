"""Networks of other libraries, with fresh weights: nothing is fetched, and no file is read.

An architecture `LIBRARY:NAME` of this table is a network of that library; the number of outputs follows from the
entry's labels, and further arguments of its builder are the entry's `arguments`.
"""

from __future__ import annotations

import importlib
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from service.errors import RegistryError

PRETRAINED = ("pretrained", "weights", "checkpoint_path", "pretrained_cfg", "cache_dir", "progress")
"""Arguments by which builders fetch or read weights; the entry's weights file is the only source of weights."""


@dataclass(frozen=True)
class Wanted:
    """The network that an entry describes. name: in its library. channels: of its images."""

    name: str
    outputs: int
    channels: int
    arguments: Mapping[str, Any]


def _timm(wanted: Wanted) -> Any:
    timm: Any = importlib.import_module("timm")
    arguments = {"num_classes": wanted.outputs, "in_chans": wanted.channels, **wanted.arguments}
    return timm.create_model(wanted.name, pretrained=False, **arguments)


def _transformers(wanted: Wanted) -> Any:
    transformers: Any = importlib.import_module("transformers")
    transformers.utils.logging.disable_progress_bar()
    found = getattr(transformers, wanted.name, None)
    if not inspect.isclass(found) or "ForImageClassification" not in wanted.name:
        raise RegistryError(
            f"transformers has no image classifier {wanted.name!r}; the name is the one under `architectures` in the"
            " model's config.json, such as ResNetForImageClassification"
        )
    kind: Any = found
    return kind(kind.config_class(**{"num_labels": wanted.outputs, **wanted.arguments}))


def _monai(wanted: Wanted) -> Any:
    builder = getattr(importlib.import_module("monai.networks.nets"), wanted.name, None)
    if not callable(builder):
        raise RegistryError(f"monai.networks.nets has no {wanted.name!r}; a common classifier is DenseNet121")
    fillings = {
        "spatial_dims": 2,
        "in_channels": wanted.channels,
        "n_input_channels": wanted.channels,
        "out_channels": wanted.outputs,
        "num_classes": wanted.outputs,
        "pretrained": False,
        "classification": True,
    }
    taken = _parameters(builder)
    return builder(**{name: value for name, value in fillings.items() if name in taken} | dict(wanted.arguments))


def _torchxrayvision(wanted: Wanted) -> Any:
    models: Any = importlib.import_module("torchxrayvision.models")
    if wanted.name != "DenseNet":
        raise RegistryError(
            f"of torchxrayvision's networks, only DenseNet is built without fetching weights, not {wanted.name}"
        )
    arguments = {"num_classes": wanted.outputs, "in_channels": wanted.channels, **wanted.arguments}
    return models.DenseNet(weights=None, **arguments)


LIBRARIES: dict[str, Callable[[Wanted], Any]] = {
    "timm": _timm,
    "transformers": _transformers,
    "monai": _monai,
    "torchxrayvision": _torchxrayvision,
}
"""By the name before the colon; each is an optional extra of the same name (`pip install 'fovea[timm]'`)."""


def library(architecture: str) -> str:
    """The library of an architecture such as `timm:resnet18`; empty where it is none of `LIBRARIES`."""
    name, colon, _ = architecture.partition(":")
    return name if colon and name in LIBRARIES else ""


def library_network(architecture: str, outputs: int, channels: int, arguments: Mapping[str, Any]) -> nn.Module:
    """A network of a library, with fresh weights. Raises RegistryError, and whatever the library raises."""
    fetching = next((name for name in PRETRAINED if name in arguments), "")
    if fetching:
        raise RegistryError(f"arguments must not have {fetching!r}: weights come from the entry's own file alone")
    name = architecture.partition(":")[2]
    network: nn.Module = LIBRARIES[library(architecture)](Wanted(name, outputs, channels, arguments))
    return network


def own_names(architecture: str, network: nn.Module, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Weights under the names that the network has now: transformers stores some under those of older versions.

    state: of a checkpoint. Where the library cannot match all of them, the weights are returned as they are.
    """
    if library(architecture) != "transformers" or state.keys() == network.state_dict().keys():
        return state
    kind: Any = type(network)
    renamed, report = kind.from_pretrained(
        None, config=network.config, state_dict=dict(state), output_loading_info=True, local_files_only=True
    )
    found: Mapping[str, Tensor] = renamed.state_dict()
    return state if any(report.values()) else found


def _parameters(builder: Any) -> set[str]:
    """The names of all arguments that a builder takes, also those that it only passes on."""
    if not inspect.isclass(builder):
        passed_on = typing.get_type_hints(builder).get("return")
        return set(inspect.signature(builder).parameters) | (
            _parameters(passed_on) if inspect.isclass(passed_on) else set()
        )
    kinds = [kind for kind in builder.__mro__ if "__init__" in vars(kind) and issubclass(kind, nn.Module)]
    return {name for kind in kinds if kind is not nn.Module for name in inspect.signature(kind).parameters}
