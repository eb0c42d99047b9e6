"""How other libraries prepare images, as the fields of a frame. What a frame cannot express is refused, never guessed.

Sources: timm, `data/transforms_factory.py:transforms_imagenet_eval`; transformers, the image processors of its models.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from typing import Any

from service.errors import BadParameter

Fields = dict[str, Any]

PILLOW = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}
"""Pillow's numbers of filters, which image processors store."""

BY_HAND = "give its frame yourself, with --frame KEY=VALUE"

CROP_OR_SQUASH = ("ViT", "Beit", "DeiT", "Bit", "CLIP", "EfficientNet", "MobileNetV1", "MobileNetV2", "MobileViT")
"""Image processors of transformers that resize either the shorter side or both, then crop."""


TORCHXRAYVISION: Fields = {
    "resize": 224,
    "crop": 224,
    "channels": 1,
    "value_range": [-1024, 1024],
    "mean": [0.0],
    "std": [1.0],
}
"""Its `normalize`, `XRayCenterCrop` and `XRayResizer(224)`."""


def usual_frame(architecture: str) -> Fields:
    """How the networks of a library are usually given images, where the library says so.

    Raises BadParameter where nobody but the person who trained the network knows, or a frame cannot express it.
    """
    kind, colon, name = architecture.partition(":")
    if not colon:
        return {}  # torchvision's: what a frame is by default
    if kind == "timm":
        timm: Any = importlib.import_module("timm")
        if not timm.is_model(name):
            return {}  # loading the model says that there is none of this name
        config = timm.get_pretrained_cfg(name)
        if config is not None:
            return timm_frame(config.to_dict())
    if kind == "torchxrayvision":
        return TORCHXRAYVISION
    raise BadParameter(
        "how images were prepared in training is required, such as --frame resize=256 --frame crop=224"
        " --frame mean=0.5,0.5,0.5 --frame std=0.5,0.5,0.5"
    )


def timm_frame(config: Mapping[str, Any]) -> Fields:
    """The frame of a `pretrained_cfg` of timm. Raises BadParameter where a frame cannot express it."""
    channels, height, width = config.get("input_size") or (3, 224, 224)
    share = config.get("crop_pct") or 0.875
    mode = config.get("crop_mode") or "center"
    if mode == "squash" and share == 1:
        geometry = _squashed(height, width)
    elif mode == "center" or share == 1:
        geometry = _cropped(math.floor(min(height, width) / share), height, width)
    else:
        raise BadParameter(f"a frame cannot express timm's crop_mode {mode!r} with crop_pct {share:g}; {BY_HAND}")
    numbers = {"mean": list(config.get("mean") or ()), "std": list(config.get("std") or ())}
    numbers = {name: values for name, values in numbers.items() if values}
    filtered = {"interpolation": config.get("interpolation") or "bicubic"}
    return geometry | filtered | numbers | ({} if channels == 3 else {"channels": channels})


def transformers_frame(config: Mapping[str, Any]) -> Fields:
    """The frame of a preprocessor_config.json of transformers. Raises BadParameter where a frame cannot express it."""
    kind = str(config.get("image_processor_type") or config.get("feature_extractor_type") or "")
    kind = kind.removesuffix("Fast").removesuffix("ImageProcessor").removesuffix("FeatureExtractor")
    if config.get("do_resize") is False or kind not in (*CROP_OR_SQUASH, "ConvNext"):
        raise BadParameter(
            f"how the image processor {kind or '(without a name)'} prepares images is not known here; {BY_HAND}"
        )
    required = ["size", "resample"] + ["image_mean", "image_std"] * bool(config.get("do_normalize", True))
    missing = [name for name in required if config.get(name) is None]
    if missing:
        raise BadParameter(f"the image processor {kind} does not say its {', '.join(missing)}; {BY_HAND}")
    filtered = {"interpolation": PILLOW.get(config["resample"], "unknown")}
    return _geometry(kind, config) | filtered | _numbers(config)


def _geometry(kind: str, config: Mapping[str, Any]) -> Fields:
    size, crop = config["size"], config.get("crop_size") or {}
    if isinstance(size, int):
        size = {"height": size, "width": size} if kind in {"ViT", "Beit", "DeiT"} else {"shortest_edge": size}
    height, width = (crop, crop) if isinstance(crop, int) else (crop.get("height"), crop.get("width"))
    cropped = config.get("do_center_crop", kind in {"CLIP", "Bit", "DeiT", "MobileNetV1", "MobileNetV2", "MobileViT"})
    shorter = size.get("shortest_edge")
    if kind == "ConvNext" and shorter is not None:
        if shorter >= 384:
            return _squashed(shorter, shorter)
        return _cropped(int(shorter / config.get("crop_pct", 0.875)), shorter, shorter)
    if shorter is not None and cropped and height is not None and width is not None:
        return _cropped(shorter, height, width)
    if shorter is None and (not cropped or (height, width) == (size.get("height"), size.get("width"))):
        return _squashed(size["height"], size["width"])
    raise BadParameter(f"a frame cannot express the image processor's size {size} with crop_size {crop}; {BY_HAND}")


def _numbers(config: Mapping[str, Any]) -> Fields:
    """What 0 to 255 become: range, mean and standard deviation."""
    factor = config.get("rescale_factor", 1 / 255) if config.get("do_rescale", True) else 1.0
    low = -1.0 if config.get("rescale_offset") else 0.0
    high = round(low + 255 * factor, 6)
    scaled = config.get("do_normalize", True)
    mean, std = (list(config["image_mean"]), list(config["image_std"])) if scaled else ([0.0] * 3, [1.0] * 3)
    if scaled and config.get("include_top"):  # EfficientNet divides a second time
        std = [value**2 for value in std]
    found: Fields = {"mean": mean, "std": std}
    if (low, high) != (0.0, 1.0):
        found["value_range"] = [low, high]
    if config.get("do_flip_channel_order"):
        found["order"] = "BGR"
    return found


def _cropped(resize: int, height: int, width: int) -> Fields:
    return {"resize": resize, "crop": height} if height == width else {"resize": resize, "size": [height, width]}


def _squashed(height: int, width: int) -> Fields:
    if height == width:
        return {"fit": "squash", "resize": height, "crop": height}
    return {"fit": "squash", "size": [height, width]}
