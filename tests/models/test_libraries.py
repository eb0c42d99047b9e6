"""Classifiers of other libraries, with random weights: once added, a checkpoint gives the logits of the library."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from service.errors import BadParameter, RegistryError, WeightsError
from service.images.frame import Frame
from service.models.addition import Addition, add_model
from service.models.architecture import architecture
from service.models.classifier import Classifier
from service.models.libraries import LIBRARIES
from service.models.library_frames import timm_frame, transformers_frame, usual_frame
from service.models.model_folder import read_folder
from tests.models import tiny
from tests.models.brought import entry
from tests.models.test_addition import CARD

CLASSES = ["normal", "glaucoma", "other"]
SMALL_FRAME = {"resize": 64, "crop": 64, "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]}


@pytest.fixture(autouse=True)
def no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever tries to connect fails."""

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def drawn(network: nn.Module) -> nn.Module:
    """With statistics of batch normalisation that are not those of a fresh network."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean = torch.randn(module.num_features, generator=generator) * 0.1
            module.running_var = torch.rand(module.num_features, generator=generator) + 0.5
    return network.eval()


def served(folder: Path, source: Path, **fields: Any) -> Classifier:
    added = add_model(
        Addition(source, "mine", {"labels": CLASSES, "card": CARD, **fields}),
        tiny.settings(folder / "models", data_dir=folder / "data"),
    )
    assert added.status.classifier is not None
    return added.status.classifier


def same_logits(classifier: Classifier, network: nn.Module, size: int) -> None:
    x = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = network(x)
        expected = getattr(expected, "logits", expected)
        expected = expected[0] if isinstance(expected, tuple) else expected
    torch.testing.assert_close(classifier.forward(x), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


TIMM = ("resnet18", "resnet18.a1_in1k", "efficientnet_lite0", "mobilenetv3_small_050", "vit_tiny_patch16_224")


@pytest.mark.parametrize("name", TIMM)
def test_timm(name: str, tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    arguments = {"img_size": 64} if name.startswith("vit") else {}
    network = drawn(timm.create_model(name, pretrained=False, num_classes=3, **arguments))
    torch.save({"state_dict": network.state_dict(), "epoch": 3}, tmp_path / "best.pth")
    more = {"frame": SMALL_FRAME} | ({"arguments": arguments} if arguments else {})
    classifier = served(tmp_path, tmp_path / "best.pth", architecture=f"timm:{name}", **more)
    same_logits(classifier, network, 64)
    assert classifier.maps


def test_a_folder_of_timm_tells_labels_and_frame(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    hub = pytest.importorskip("timm.models._hub")
    network = drawn(timm.create_model("resnet18", pretrained=False, num_classes=3))
    hub.save_for_hf(network, tmp_path / "folder", model_config={"num_classes": 3, "label_names": CLASSES})
    classifier = served(tmp_path, tmp_path / "folder", labels=None)
    assert classifier.entry.architecture == "timm:resnet18"
    assert classifier.entry.labels == tuple(CLASSES)
    assert (classifier.entry.frame.resize, classifier.entry.frame.crop) == (235, 224)
    assert classifier.entry.frame.interpolation == "bicubic"
    same_logits(classifier, network, 64)


HUGGING_FACE: dict[str, dict[str, Any]] = {
    "ResNetForImageClassification": {"depths": [1, 1], "hidden_sizes": [16, 32], "embedding_size": 8},
    "ConvNextForImageClassification": {"depths": [1, 1], "hidden_sizes": [16, 32], "num_stages": 2},
    "MobileNetV2ForImageClassification": {"depth_multiplier": 0.35, "image_size": 64},
    "ViTForImageClassification": {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "image_size": 224,
    },
    "SwinForImageClassification": {
        "image_size": 224, "embed_dim": 16, "depths": [1, 1], "num_heads": [1, 2], "window_size": 4,
    },
}  # fmt: skip
CONVNEXT = {
    "image_processor_type": "ConvNextImageProcessor",
    "size": {"shortest_edge": 224},
    "crop_pct": 0.875,
    "resample": 3,
    "image_mean": [0.5, 0.4, 0.3],
    "image_std": [0.2, 0.3, 0.25],
}


def hugging_face(kind: str, folder: Path, labels: list[str] | None = None, **more: Any) -> nn.Module:
    transformers = pytest.importorskip("transformers")
    cls = getattr(transformers, kind)
    named = dict(enumerate(labels)) if labels else {index: f"LABEL_{index}" for index in range(3)}
    network: nn.Module = drawn(cls(cls.config_class(**HUGGING_FACE[kind], id2label=named, **more)))
    network.save_pretrained(folder)  # type: ignore[operator]
    (folder / "preprocessor_config.json").write_text(json.dumps(CONVNEXT))
    return network


@pytest.mark.parametrize("kind", HUGGING_FACE)
def test_a_folder_of_transformers_tells_everything_but_the_card(kind: str, tmp_path: Path) -> None:
    network = hugging_face(kind, tmp_path / "folder", CLASSES)
    classifier = served(tmp_path, tmp_path / "folder", labels=None)
    assert classifier.entry.architecture == f"transformers:{kind}"
    assert classifier.entry.labels == tuple(CLASSES)
    frame = classifier.entry.frame
    assert (frame.resize, frame.crop, frame.interpolation) == (256, 224, "bicubic")
    assert (frame.mean, frame.std) == ((0.5, 0.4, 0.3), (0.2, 0.3, 0.25))
    same_logits(classifier, network, 224)
    assert classifier.maps


def test_placeholders_are_no_labels(tmp_path: Path) -> None:
    hugging_face("ResNetForImageClassification", tmp_path / "folder")
    with pytest.raises(BadParameter, match=r"labels: config\.json has no names for its 3 classes"):
        served(tmp_path, tmp_path / "folder", labels=None)
    assert served(tmp_path, tmp_path / "folder").entry.labels == tuple(CLASSES)


def test_several_labels_at_once_are_a_sigmoid(tmp_path: Path) -> None:
    hugging_face("ResNetForImageClassification", tmp_path, CLASSES, problem_type="multi_label_classification")
    assert read_folder(tmp_path).fields["activation"] == "sigmoid"


def test_code_in_a_folder_is_not_run(tmp_path: Path) -> None:
    hugging_face("ResNetForImageClassification", tmp_path, CLASSES)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "evil.Evil"}}))
    (tmp_path / "evil.py").write_text("raise SystemExit")
    with pytest.raises(WeightsError, match="code of its own"):
        read_folder(tmp_path)


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "preprocessor_config.json"])
def test_a_folder_that_lacks_a_file_says_which(missing: str, tmp_path: Path) -> None:
    hugging_face("ResNetForImageClassification", tmp_path / "folder", CLASSES)
    (tmp_path / "folder" / missing).unlink()
    with pytest.raises((WeightsError, BadParameter), match=missing):
        served(tmp_path, tmp_path / "folder", labels=None)


MONAI: dict[str, tuple[Callable[[Any], nn.Module], dict[str, Any]]] = {
    "DenseNet121": (lambda nets: nets.DenseNet121(spatial_dims=2, in_channels=3, out_channels=3), {}),
    "resnet18": (lambda nets: nets.resnet18(spatial_dims=2, n_input_channels=3, num_classes=3), {}),
    "SEResNet50": (lambda nets: nets.SEResNet50(spatial_dims=2, in_channels=3, num_classes=3), {}),
    "EfficientNetBN": (
        lambda nets: nets.EfficientNetBN("efficientnet-b0", pretrained=False, num_classes=3),
        {"model_name": "efficientnet-b0"},
    ),
}


@pytest.mark.parametrize("name", MONAI)
def test_monai(name: str, tmp_path: Path) -> None:
    nets = pytest.importorskip("monai.networks.nets")
    build, arguments = MONAI[name]
    network = drawn(build(nets))
    torch.save(network.state_dict(), tmp_path / "best.pt")
    more = {"arguments": arguments} if arguments else {}
    classifier = served(tmp_path, tmp_path / "best.pt", architecture=f"monai:{name}", frame=SMALL_FRAME, **more)
    same_logits(classifier, network, 64)
    assert classifier.maps


def test_torchxrayvision_has_one_channel_and_its_own_range(tmp_path: Path) -> None:
    models = pytest.importorskip("torchxrayvision.models")
    network = drawn(models.DenseNet(num_classes=3, in_channels=1, weights=None))
    torch.save(network.state_dict(), tmp_path / "best.pt")
    classifier = served(tmp_path, tmp_path / "best.pt", architecture="torchxrayvision:DenseNet", activation="sigmoid")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 1), np.uint8).repeat(3, 3)
    A = classifier.engine.features(torch.from_numpy(pixels), classifier.cut)
    x = (2 * torch.from_numpy(pixels[..., :1]).permute(0, 3, 1, 2).float() / 255 - 1) * 1024
    with torch.no_grad():
        torch.testing.assert_close(classifier.head(classifier.cut)(A), network(x), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["pretrained", "weights", "checkpoint_path", "cache_dir"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_arguments_that_fetch_are_refused(library: str, name: str) -> None:
    with pytest.raises(RegistryError, match="come from the entry's own file alone"):
        architecture(entry(architecture=f"{library}:anything", arguments={name: True}))


@pytest.mark.parametrize("name", ["resnet18000", "hf_hub.resnet"])
def test_an_unknown_network_is_named(name: str) -> None:
    pytest.importorskip("timm")
    with pytest.raises(RegistryError, match=name.partition(".")[0]):
        architecture(entry(architecture=f"timm:{name}"))


def test_a_library_that_is_not_installed_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(RegistryError, match=r"install it: pip install 'fovea\[timm\]'"):
        architecture(entry(architecture="timm:resnet18"))


def photograph(width: int, height: int) -> Image.Image:
    generator = np.random.default_rng(3)
    small = Image.fromarray(generator.integers(0, 256, (12, 16, 3), np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC)


def pixels(fields: dict[str, Any], picture: Image.Image) -> np.ndarray[Any, Any]:
    """What a network gets of a picture through a frame, [3, H, W]."""
    frame = Frame.model_validate(fields)
    x = frame.apply(np.asarray(picture), *picture.size)[0].astype(np.float32) / 255
    low, high = fields.get("value_range", (0, 1))
    x = low + x * (high - low)
    return ((x - np.array(frame.mean)) / np.array(frame.std)).transpose(2, 0, 1)


SIZES = [(640, 480), (300, 451)]
STEP = 1.01 / 255
"""One level of a pixel: what rounding may differ by, before the division by a standard deviation."""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224", "efficientnet_lite0"])
def test_frames_of_timm_are_its_own_transforms(name: str, size: tuple[int, int]) -> None:
    timm = pytest.importorskip("timm")
    config = timm.get_pretrained_cfg(name).to_dict()
    expected = timm.data.create_transform(**timm.data.resolve_data_config({}, pretrained_cfg=config))
    found = pixels(timm_frame(config), photograph(*size))
    np.testing.assert_allclose(found, expected(photograph(*size)).numpy(), atol=STEP / 0.2)
    assert usual_frame(f"timm:{name}") == timm_frame(config)


PROCESSORS: dict[str, dict[str, Any]] = {
    "ConvNextImageProcessor": {"size": {"shortest_edge": 224}, "crop_pct": 0.875, "resample": 3},
    "BitImageProcessor": {"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}, "resample": 3},
    "CLIPImageProcessor": {"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}, "resample": 3},
    "MobileNetV2ImageProcessor": {"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}},
}
SQUASHING: dict[str, dict[str, Any]] = {
    "ViTImageProcessor": {"size": {"height": 224, "width": 224}},
    "ConvNextImageProcessor": {"size": {"shortest_edge": 384}, "resample": 3},
}
BOTH = [*PROCESSORS.items(), *SQUASHING.items()]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "options"), BOTH)
def test_frames_of_transformers_are_its_own_processors(
    name: str, options: dict[str, Any], size: tuple[int, int]
) -> None:
    transformers = pytest.importorskip("transformers")
    processor = getattr(transformers, name)(**options)
    expected = processor(photograph(*size), return_tensors="np")["pixel_values"][0]
    stored = json.loads(processor.to_json_string())
    found = pixels(transformers_frame(stored | {"image_processor_type": name}), photograph(*size))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2 * STEP / 0.2)


@pytest.mark.parametrize("missing", ["size", "resample", "image_mean", "image_std", "crop_size"])
def test_a_processor_that_leaves_out_a_number_is_not_guessed(missing: str) -> None:
    complete = {
        "image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 224}, "crop_size": 224, "resample": 3,
        "image_mean": [0.5] * 3, "image_std": [0.5] * 3,
    }  # fmt: skip
    assert transformers_frame(complete)["crop"] == 224
    del complete[missing]
    with pytest.raises(BadParameter, match="give its frame yourself"):
        transformers_frame(complete)


INEXPRESSIBLE: dict[str, dict[str, Any]] = {
    "squash, then crop": {
        "image_processor_type": "DeiTImageProcessor", "size": {"height": 256, "width": 256}, "crop_size": 224,
    },
    "any shape": {
        "image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 224}, "do_center_crop": False,
    },
    "not resized": {"image_processor_type": "ViTImageProcessor", "do_resize": False},
    "unknown": {"image_processor_type": "OwnImageProcessor", "size": 224},
}  # fmt: skip


@pytest.mark.parametrize("name", INEXPRESSIBLE)
def test_what_a_frame_cannot_express_is_never_guessed(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadParameter, match="give its frame yourself"):
        transformers_frame(INEXPRESSIBLE[name])
    hugging_face("ResNetForImageClassification", tmp_path / "folder", CLASSES)
    (tmp_path / "folder" / "preprocessor_config.json").write_text(json.dumps(INEXPRESSIBLE[name]))
    with pytest.raises(BadParameter, match=r"frame: .*give its frame yourself"):
        served(tmp_path, tmp_path / "folder", labels=None)
    assert served(tmp_path, tmp_path / "folder", frame=SMALL_FRAME).entry.frame.crop == 64
