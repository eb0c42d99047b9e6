from __future__ import annotations

import tomllib
from typing import Any

import pytest
from pydantic import ValidationError

from service.images.frame import Frame
from service.models.card import Card
from service.models.entry import Entry, to_toml

CARD = {"intended_use": "tests", "do_not_use": "else", "training_data": "none", "licence": "Apache-2.0"}
FIELDS: dict[str, Any] = {
    "name": "mine",
    "architecture": "resnet18",
    "weights": "mine.safetensors",
    "sha256": "a" * 64,
    "labels": ["no", "yes"],
    "card": CARD,
}


def entry(**fields: Any) -> Entry:
    given = {name: value for name, value in (FIELDS | fields).items() if value is not None}
    return Entry.model_validate(given)


def test_the_least_an_entry_must_say() -> None:
    least = entry()
    assert least.version == "1.0.0"
    assert least.labels == ("no", "yes")
    assert (least.activation, least.temperature, least.operating_point) == ("softmax", 1.0, None)
    assert least.frame == Frame()
    assert least.guard is None
    assert least.stages == ()
    assert not least.is_remote


def test_torchvisions_weights_bring_labels_and_frame() -> None:
    official = entry(weights="torchvision:ResNet50_Weights.IMAGENET1K_V2", sha256=None, labels="weights")
    assert official.is_official
    assert official.is_remote
    assert len(official.labels) == 1000
    assert official.frame.resize == 232
    own = entry(weights="torchvision:ResNet50_Weights.IMAGENET1K_V2", sha256=None, frame={"resize": 300})
    assert own.labels == ("no", "yes")
    assert own.frame == Frame(resize=300)


def test_an_address_is_remote_and_not_official() -> None:
    for suffix in ("safetensors", "pth", "pt"):
        fetched = entry(weights=f"https://example.org/w.{suffix}")
        assert fetched.is_remote
        assert not fetched.is_official


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"name": "../mine"}, "name"),
        ({"name": ".."}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": "a\\b"}, "name"),
        ({"name": "a\n"}, "name"),
        ({"name": "a\0"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "Mine"}, "name"),
        ({"name": "a" * 65}, "name"),
        ({"name": "%2e%2e"}, "name"),
        ({"architecture": "resnet81"}, "such as resnet18"),
        ({"architecture": "os.system"}, "architecture"),
        ({"architecture": "fasterrcnn_resnet50_fpn"}, "torchvision classifier"),
        ({"weights": "mine.pth"}, "fovea models convert"),
        ({"weights": "http://example.org/w.safetensors"}, "https URL"),
        ({"weights": "https://example.org/w.zip"}, "https URL"),
        ({"weights": "ftp://example.org/w.safetensors"}, "https URL"),
        ({"weights": "../mine.safetensors"}, "stay beside"),
        ({"weights": "a/../../mine.safetensors"}, "stay beside"),
        ({"weights": "torchvision:Nothing.V1"}, "torchvision has no weights"),
        ({"sha256": None}, "is required"),
        ({"sha256": None, "weights": "https://example.org/w.pth"}, "is required"),
        ({"sha256": "abc"}, "sha256"),
        ({"labels": []}, "labels"),
        ({"labels": ["a", "a"]}, "'a' occurs more than once"),
        ({"labels": ["a", ""]}, "labels"),
        ({"labels": "weights"}, "labels"),
        ({"activation": "relu"}, "softmax"),
        ({"activation": "single-logit", "labels": ["a", "b", "c"]}, "two for a single logit"),
        ({"temperature": 0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"operating_point": 1.5}, "operating_point"),
        ({"operating_point": 0.5, "labels": ["a", "b", "c"]}, "two labels only"),
        ({"card": None}, "card"),
        ({"pickle": True}, "pickle"),
    ],
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        entry(**fields)


def test_an_absolute_path_is_the_operators_choice() -> None:
    assert entry(weights="/mnt/models/mine.safetensors").weights == "/mnt/models/mine.safetensors"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"name": "a.b-c_1", "version": "2.1.0", "temperature": 1.37, "operating_point": 0.42},
        {"activation": "single-logit", "default_layer": "layer3", "stages": ["conv1", "layer1.0"]},
        {"arguments": {"width": 4, "deep": {"on": True, "list": [1, 2.5, "x"]}}, "architecture": "a.b:c"},
        {"frame": {"field_of_view": True, "resize": 300, "crop": 299, "mean": [0.5, 0.4, 0.3]}},
        {"guard": {"limits": [{"measure": "coverage", "minimum": 0.4, "reason": "out_of_distribution"}]}},
        {
            "guard": {
                "limits": [
                    {"measure": "sharpness", "minimum": 1e-7, "reason": "ungradable"},
                    {"measure": "brightness", "minimum": 10, "maximum": 240.5, "reason": "ungradable"},
                ]
            }
        },
        {"card": CARD | {"figures": {"auc": 0.98, "auc 95 % interval": "0.97 to 0.99"}, "notice": 'SAYS "NO"\n[x]'}},
        {"weights": "torchvision:ResNet18_Weights.IMAGENET1K_V1", "sha256": None, "labels": "weights"},
        {"labels": ["gesund \N{PILL}", "a\\b", "\x7f\x01", "']]"]},
    ],
)
def test_written_and_read_back_it_is_the_same(fields: dict[str, Any]) -> None:
    written = entry(**fields)
    tables = tomllib.loads(to_toml(written))["models"]
    assert list(tables) == [written.name]
    assert Entry.model_validate({"name": written.name} | tables[written.name]) == written


def test_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        entry().name = "yours"  # type: ignore[misc]
    assert entry().card == Card(**CARD)
