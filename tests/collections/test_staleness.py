"""The fingerprint of a model, loaded or not, and what a collection says of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from service.collections.fingerprint import Fingerprint
from service.collections.staleness import expected_fingerprint, fingerprint_of, fingerprint_of_entry, stale_reason
from service.models.registry import Registry
from tests.collections.samples import collection
from tests.models import tiny


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    tiny.add(tmp_path, "tiny", seed=1)
    return Registry(tiny.settings(tmp_path))


def test_before_it_is_loaded_a_model_contradicts_nothing_that_it_says_afterwards(registry: Registry) -> None:
    """Otherwise a collection would be stale for as long as its model is loading."""
    before = expected_fingerprint(registry, "tiny")
    classifier = registry.load("tiny")
    after = expected_fingerprint(registry, "tiny")
    assert before is not None
    assert before.weights_sha256
    assert before.frame is not None
    assert after == fingerprint_of(classifier)
    assert after.changes(before) == []
    assert "" not in after.model_dump().values()


def test_a_model_that_is_gone_is_the_reason(registry: Registry) -> None:
    assert expected_fingerprint(registry, "other") is None
    assert stale_reason(collection(), None) == "its model 'tiny' is not in the registry any more"


def test_a_frame_that_only_torchvision_knows_is_unknown(registry: Registry) -> None:
    """On the command line the entry of an official model is read without PyTorch, and has a default frame."""
    entry = registry.entry("tiny")
    official = entry.model_construct(
        _fields_set=set(entry.model_fields_set) - {"frame"}, **(dict(entry) | {"weights": "torchvision:X.Y"})
    )
    assert fingerprint_of_entry(official, "").frame is None
    assert fingerprint_of_entry(entry, "").frame == entry.frame
    broken = fingerprint_of_entry(None, "")
    assert broken == Fingerprint(weights_sha256="", layer="", preprocessing=broken.preprocessing)


def test_several_changes_are_all_named() -> None:
    now = collection().fingerprint.model_copy(update={"weights_sha256": "1a" * 32, "layer": "5"})
    reason = stale_reason(collection(), now)
    assert reason is not None
    assert "other weights" in reason
    assert "; vectors are taken after layer '5'" in reason
    assert stale_reason(collection(), collection().fingerprint) is None


def test_reading_collections_needs_no_pytorch() -> None:
    code = (
        "import sys; import service.collections.staleness, service.collections.store.opening;"
        " sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
