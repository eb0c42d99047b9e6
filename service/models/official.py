"""The facts about torchvision's own weights, from its enums, without any connection.

torchvision is imported when a function needs it, because it imports torch, which listing a registry does not need.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.errors import RegistryError
from service.images.frame import Frame

if TYPE_CHECKING:
    from torchvision.transforms._presets import ImageClassification

    from service.models.weights import State

SCHEME = "torchvision:"

_HASHED_NAME = re.compile(r"-([0-9a-f]{8,64})\.pth$")
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")
_UNTRAINED = ("aux1.", "aux2.", "AuxLogits.")


@dataclass(frozen=True)
class Official:
    """One member of a torchvision weights enum.

    url: where the file lives; hash_prefix: the first hex digits of its sha256, from the name of the file;
    labels: the classes in order of the logits; frame: how its training images were prepared.
    """

    url: str
    hash_prefix: str
    labels: tuple[str, ...]
    frame: Frame


def official(reference: str) -> Official:
    """The facts behind `torchvision:ResNet18_Weights.IMAGENET1K_V1`.

    Raises RegistryError if torchvision has no such weights, or if they are not those of an image classifier.
    """
    from torchvision.models import get_weight  # noqa: PLC0415
    from torchvision.transforms._presets import ImageClassification  # noqa: PLC0415

    try:
        member = get_weight(reference.removeprefix(SCHEME))
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise RegistryError(
            f"torchvision has no weights {reference.removeprefix(SCHEME)!r};"
            " the form is torchvision:ResNet18_Weights.IMAGENET1K_V1"
        ) from error
    hashed = _HASHED_NAME.search(member.url)
    preset = member.transforms()
    categories = member.meta.get("categories")
    if hashed is None or not categories or not isinstance(preset, ImageClassification):
        raise RegistryError(f"{reference.removeprefix(SCHEME)} are not the weights of an image classifier")
    return Official(member.url, hashed.group(1), _distinct(categories), _frame(preset))


def with_current_names(state: State) -> State:
    """A published state dict with the names of today's builders, without the auxiliary classifiers.

    DenseNet's files have `norm.1` for `norm1`. Files from before PyTorch 0.4.1 lack the counter of batch normalisation,
    which inference does not use. Inference does not use the auxiliary heads (GoogLeNet, Inception) either, and
    according to torchvision those of GoogLeNet were never trained.
    """
    import torch  # noqa: PLC0415

    named = {_OLD_DENSENET.sub(r"\1\2", key): tensor for key, tensor in state.items()}
    kept = {key: tensor for key, tensor in named.items() if not key.startswith(_UNTRAINED)}
    norms = [key.removesuffix("running_mean") for key in kept if key.endswith("running_mean")]
    return {f"{norm}num_batches_tracked": torch.tensor(0) for norm in norms} | kept


def _distinct(categories: list[str]) -> tuple[str, ...]:
    """Names that occur twice get their index: ImageNet has a crane that is a bird and one that is a machine."""
    occurrences = Counter(categories)
    return tuple(name if occurrences[name] == 1 else f"{name} ({index})" for index, name in enumerate(categories))


def _frame(preset: ImageClassification) -> Frame:
    return Frame(
        resize=preset.resize_size[0],
        crop=preset.crop_size[0],
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        interpolation=preset.interpolation.value,
    )
