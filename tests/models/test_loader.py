"""What loading one model gives, and what is known of its weights before."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.models.catalogue import Record, parse
from service.models.loader import Loader
from service.settings import SHIPPED_REGISTRY, Settings
from tests.models.tiny import add, settings


def record(folder: Path) -> Record:
    return parse(folder).records["tiny"]


def test_a_model_with_weights_is_loaded_with_the_digest_that_was_expected(tmp_path: Path) -> None:
    sha256 = add(tmp_path, "tiny")
    loader = Loader(settings(tmp_path))
    assert loader.initial(record(tmp_path)).state == "loading"
    assert loader.expected_sha256(record(tmp_path)) == sha256
    status = loader.load(record(tmp_path))
    assert (status.state, status.problem) == ("ready", "")
    assert status.classifier is not None
    assert status.classifier.weights_sha256 == sha256


def test_a_model_without_its_file_is_missing(tmp_path: Path) -> None:
    add(tmp_path, "tiny")
    (tmp_path / "tiny.safetensors").unlink()
    loader = Loader(settings(tmp_path))
    assert not loader.can_load(record(tmp_path))
    assert loader.initial(record(tmp_path)) == loader.load(record(tmp_path))
    assert loader.initial(record(tmp_path)).state == "missing"


@pytest.mark.parametrize(
    ("auto_pull", "offline", "can"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_weights_are_fetched_only_where_the_settings_allow_it(
    auto_pull: bool, offline: bool, can: bool, tmp_path: Path
) -> None:
    official = parse(SHIPPED_REGISTRY).records["resnet18-imagenet"]
    loader = Loader(Settings(data_dir=tmp_path, auto_pull=auto_pull, offline=offline))
    assert not loader.has_weights(official)
    assert loader.can_load(official) == can
    assert loader.expected_sha256(official) == ""
    status = loader.load(official, fetch=False)  # and opens no connection
    assert status.state == "missing"
    assert "fovea models pull resnet18-imagenet" in status.problem
