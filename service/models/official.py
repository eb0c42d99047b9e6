"""What torchvision says about its own weights, read from its enums: nothing here touches the network.

torchvision is imported when it is asked: it imports torch, which listing a registry does not need.
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

    url: where the file lives; hash_prefix: the hex digits its sha256 begins with, from the file's own name;
    labels: the classes in order of the logits; frame: how its images were prepared.
    """

    url: str
    hash_prefix: str
    labels: tuple[str, ...]
    frame: Frame


def official(reference: str) -> Official:
    """The facts behind `torchvision:ResNet18_Weights.IMAGENET1K_V1`.

    Raises RegistryError where torchvision has no such weights, or they are not those of an image classifier.
    """
    from torchvision.models import get_weight  # noqa: PLC0415
    from torchvision.transforms._presets import ImageClassification  # noqa: PLC0415

    try:
        member = get_weight(reference.removeprefix(SCHEME))
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise RegistryError(
            f"torchvision knows no weights {reference.removeprefix(SCHEME)!r};"
            " the form is torchvision:ResNet18_Weights.IMAGENET1K_V1"
        ) from error
    hashed = _HASHED_NAME.search(member.url)
    preset = member.transforms()
    categories = member.meta.get("categories")
    if hashed is None or not categories or not isinstance(preset, ImageClassification):
        raise RegistryError(f"{reference.removeprefix(SCHEME)} are not the weights of an image classifier")
    return Official(member.url, hashed.group(1), _distinct(categories), _frame(preset))


def modernise(state: State) -> State:
    """A published state dict under the names that today's builders use, without the auxiliary classifiers.

    DenseNet's files still say `norm.1` for `norm1`, and files from before PyTorch 0.4.1 lack batch normalisation's
    counter, which inference does not use. The auxiliary heads (GoogLeNet, Inception) are silent at inference, and
    torchvision says of GoogLeNet's that they were never trained.
    """
    import torch  # noqa: PLC0415

    named = {_OLD_DENSENET.sub(r"\1\2", key): tensor for key, tensor in state.items()}
    kept = {key: tensor for key, tensor in named.items() if not key.startswith(_UNTRAINED)}
    norms = [key.removesuffix("running_mean") for key in kept if key.endswith("running_mean")]
    return {f"{norm}num_batches_tracked": torch.tensor(0) for norm in norms} | kept


def _distinct(categories: list[str]) -> tuple[str, ...]:
    """ImageNet has a crane that flies and one that lifts: a name that occurs twice is told apart by its index."""
    times = Counter(categories)
    return tuple(name if times[name] == 1 else f"{name} ({index})" for index, name in enumerate(categories))


def _frame(preset: ImageClassification) -> Frame:
    return Frame(
        resize=preset.resize_size[0],
        crop=preset.crop_size[0],
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        interpolation=preset.interpolation.value,
    )
