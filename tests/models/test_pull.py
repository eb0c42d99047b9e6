from __future__ import annotations

import hashlib
import io
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models import resnet18

from service.errors import ModelUnavailable, WeightsError
from service.models.catalogue import parse
from service.models.download import RetryPolicy
from service.models.entry import Entry
from service.models.official import Official, official
from service.models.pull import pull, source
from service.models.registry import Registry
from service.models.weights import digest, save
from service.models.weights_store import WeightsStore
from service.settings import SHIPPED_REGISTRY
from tests.models.server import Site, serving
from tests.models.tiny import CARD, settings, weights

HASTE = RetryPolicy(tries=2, pause_s=0, connect_s=2, silence_s=2)
TINY = """
[models.tiny]
architecture = "tests.models.tiny:network"
weights = "{weights}"
{sha256}
labels = ["healthy", "ill"]
[models.tiny.frame]
resize = 16
crop = 16
"""


def published(state: dict[str, torch.Tensor]) -> bytes:
    """A file of the form that torchvision publishes: a zipped pickle of a state dict, without counters."""
    buffer = io.BytesIO()
    torch.save({key: tensor for key, tensor in state.items() if not key.endswith("num_batches_tracked")}, buffer)
    return buffer.getvalue()


@pytest.fixture
def site() -> Iterator[Site]:
    content = published(weights())
    with serving(Site({f"tiny-{hashlib.sha256(content).hexdigest()[:8]}.pth": content})) as site:
        yield site


@pytest.fixture
def entry(site: Site, monkeypatch: pytest.MonkeyPatch) -> Entry:
    """An entry whose weights torchvision would publish as the file of `site`."""
    name = next(iter(site.files))
    facts = official("torchvision:ResNet18_Weights.IMAGENET1K_V1")
    fake = Official(f"https://weights.example/models/{name}", name[5:13], facts.labels, facts.frame)
    monkeypatch.setattr("service.models.pull.official", lambda _: fake)
    return tiny("torchvision:ResNet18_Weights.IMAGENET1K_V1")


def tiny(weights: str, sha256: str = "") -> Entry:
    card = {"intended_use": "tests", "do_not_use": "else", "training_data": "none", "licence": "none"}
    fields: dict[str, Any] = {
        "name": "tiny",
        "architecture": "tests.models.tiny:network",
        "weights": weights,
        "sha256": sha256 or None,
        "labels": ["healthy", "ill"],
        "frame": {"resize": 16, "crop": 16},
        "card": card,
    }
    return Entry.model_validate(fields)


def registry(folder: Path, weights: str, sha256: str = "", **others: Any) -> Registry:
    stated = f'sha256 = "{sha256}"' if sha256 else ""
    (folder / "tiny.toml").write_text(TINY.format(weights=weights, sha256=stated) + CARD.format(name="tiny"))
    return Registry(settings(folder, **others))


def test_what_is_pulled_is_what_was_published(site: Site, entry: Entry, tmp_path: Path) -> None:
    store = WeightsStore(tmp_path / "data" / "weights")
    shown: list[tuple[int, int | None]] = []
    origin = pull(
        entry, store, settings(tmp_path, weights_mirror=site.url), progress=lambda *figures: shown.append(figures)
    )
    (name, content), *_ = site.files.items()
    assert site.seen == [(f"/{name}", None)]
    assert shown[-1][0] == len(content)
    assert origin.fetched_sha256 == hashlib.sha256(content).hexdigest()
    assert origin.sha256 == digest(store.file(entry))
    assert store.origin(entry) == origin
    assert json.loads((store.folder / "tiny.json").read_text())["url"] == f"{site.url}/{name}"
    assert sorted(path.name for path in store.folder.iterdir()) == ["tiny.json", "tiny.lock", "tiny.safetensors"]
    models = registry(tmp_path, entry.weights)
    expected = weights()
    loaded = models.load("tiny").network.stages[0].module.state_dict()
    assert torch.equal(loaded["weight"], expected["0.weight"])


def test_a_whole_resnet_of_torchvisions_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = resnet18().eval()
    content = published(network.state_dict())
    name = f"resnet18-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    facts = official("torchvision:ResNet18_Weights.IMAGENET1K_V1")
    fake = Official(f"https://weights.example/models/{name}", name[9:17], facts.labels, facts.frame)
    monkeypatch.setattr("service.models.pull.official", lambda _: fake)
    zoo = parse(SHIPPED_REGISTRY)
    entry = zoo.records["resnet18-imagenet"].entry
    assert entry is not None
    with serving(Site({name: content}, cut=10_000_000, cuts=1)) as site:
        pull(entry, WeightsStore(tmp_path / "weights"), settings(tmp_path, weights_mirror=site.url), retry_policy=HASTE)
        assert site.seen == [(f"/{name}", None), (f"/{name}", "bytes=10000000-")]
    models = Registry(settings(SHIPPED_REGISTRY / "resnet18-imagenet.toml", data_dir=tmp_path))
    x = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(models.load().forward(x), network(x))


def test_wrong_digest_keeps_nothing(site: Site, entry: Entry, tmp_path: Path) -> None:
    name, content = next(iter(site.files.items()))
    site.files[name] = content[:-1] + b"x"
    store = WeightsStore(tmp_path / "weights")
    with pytest.raises(WeightsError, match=f"begins with {name[5:13]} was expected; the file was deleted"):
        pull(entry, store, settings(tmp_path, weights_mirror=site.url), retry_policy=HASTE)
    assert [path.name for path in store.folder.iterdir()] == ["tiny.lock"]
    assert store.origin(entry) is None


def test_an_earlier_pull_survives_a_later_one_that_fails(site: Site, entry: Entry, tmp_path: Path) -> None:
    store, how = WeightsStore(tmp_path / "weights"), settings(tmp_path, weights_mirror=site.url)
    origin = pull(entry, store, how)
    site.failures = [500] * 9
    with pytest.raises(WeightsError, match="answers 500"):
        pull(entry, store, how, retry_policy=HASTE)
    assert store.origin(entry) == origin
    assert digest(store.file(entry)) == origin.sha256


def test_what_is_no_state_dict_is_not_kept(tmp_path: Path) -> None:
    content = b"\x80\x04not weights"
    sha256 = hashlib.sha256(content).hexdigest()
    store = WeightsStore(tmp_path / "weights")
    with serving(Site({"x.pth": content})) as site, pytest.raises(WeightsError, match="refused"):
        pull(tiny("https://example.org/x.pth", sha256), store, settings(tmp_path, weights_mirror=site.url))
    assert [path.name for path in store.folder.iterdir()] == ["tiny.lock"]


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_weights_at_an_address_of_ones_own(suffix: str, tmp_path: Path) -> None:
    save(weights(), tmp_path / "own.safetensors")
    content = published(weights()) if suffix == "pth" else (tmp_path / "own.safetensors").read_bytes()
    if suffix == "pth":  # only torchvision's files are completed; one's own are taken at their word
        buffer = io.BytesIO()
        torch.save(weights(), buffer)
        content = buffer.getvalue()
    sha256, address = hashlib.sha256(content).hexdigest(), f"https://example.org/a/own.{suffix}"
    store = WeightsStore(tmp_path / "data" / "weights")
    with serving(Site({f"own.{suffix}": content})) as site:
        how = settings(tmp_path, weights_mirror=site.url)
        pull(tiny(address, sha256), store, how)
        assert registry(tmp_path, address, sha256).load("tiny").weights_sha256 == digest(
            store.file(tiny(address, sha256))
        )
        with pytest.raises(WeightsError, match="the file was deleted"):
            pull(tiny(address, "0" * 64), store, how, retry_policy=HASTE)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    tried: list[Any] = []

    def connect(_: socket.socket, address: Any) -> None:
        tried.append(address)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: connect(None, address))  # type: ignore[arg-type]
    return tried


def test_offline_tries_nothing(no_network: list[Any], tmp_path: Path) -> None:
    zoo = parse(SHIPPED_REGISTRY)
    store, offline = WeightsStore(tmp_path / "weights"), settings(tmp_path, offline=True, auto_pull=True)
    remote = [record.entry for record in zoo.records.values() if record.entry and record.entry.is_remote]
    assert len(remote) >= 6
    for entry in remote:
        with pytest.raises(WeightsError, match="offline"):
            pull(entry, store, offline)
    models = Registry(settings(SHIPPED_REGISTRY, data_dir=tmp_path, offline=True, auto_pull=True))
    for entry in remote:
        with pytest.raises(ModelUnavailable, match="fovea models pull"):
            models.load(entry.name)
        assert models.state(entry.name) == "missing"
    assert no_network == []
    assert list(tmp_path.iterdir()) == []


def test_nothing_goes_out_unasked(no_network: list[Any], tmp_path: Path) -> None:
    models = Registry(settings(SHIPPED_REGISTRY, data_dir=tmp_path))
    models.load_all().join()
    with pytest.raises(ModelUnavailable, match="run `fovea models pull vgg16-imagenet`"):
        models.get("vgg16-imagenet")
    models.examine("vgg16-imagenet")
    assert no_network == []


def test_asked_to_it_does_go_out(no_network: list[Any], tmp_path: Path) -> None:
    """The two tests above can fail: the same calls, with leave to fetch, do try the network."""
    entry = parse(SHIPPED_REGISTRY).records["vgg16-imagenet"].entry
    assert entry is not None
    with pytest.raises(WeightsError, match="cannot be fetched"):
        pull(entry, WeightsStore(tmp_path), settings(tmp_path), retry_policy=HASTE)
    assert no_network


def test_auto_pull_fetches_at_the_first_load(site: Site, entry: Entry, tmp_path: Path) -> None:
    models = registry(tmp_path, entry.weights, weights_mirror=site.url, auto_pull=True)
    assert models.state("tiny") == "missing"
    models.load_all().join()
    assert models.examine("tiny").state == "missing"
    assert site.seen == [], "neither start nor a look at it fetches"
    assert models.load("tiny").entry.name == "tiny"
    assert models.state("tiny") == "ready"
    assert len(site.seen) == 1


def test_two_pulls_at_once_do_not_meet(site: Site, entry: Entry, tmp_path: Path) -> None:
    store = WeightsStore(tmp_path)
    with store.locked(entry), pytest.raises(WeightsError, match="another process is fetching tiny right now"):
        pull(entry, store, settings(tmp_path, weights_mirror=site.url))
    pull(entry, store, settings(tmp_path, weights_mirror=site.url))


def test_weights_pulled_for_another_entry_are_not_served(site: Site, entry: Entry, tmp_path: Path) -> None:
    models = registry(tmp_path, "torchvision:ResNet18_Weights.IMAGENET1K_V1")
    pull(entry, models.store, settings(tmp_path, weights_mirror=site.url))
    models = registry(tmp_path, "torchvision:ResNet34_Weights.IMAGENET1K_V1")
    with pytest.raises(ModelUnavailable, match="the entry now names others"):
        models.load("tiny")
    models = registry(tmp_path, "torchvision:ResNet18_Weights.IMAGENET1K_V1", sha256="0" * 64)
    with pytest.raises(ModelUnavailable, match="the entry now names others"):
        models.load("tiny")


def test_pulled_weights_that_changed_on_disk_are_not_served(site: Site, entry: Entry, tmp_path: Path) -> None:
    models = registry(tmp_path, entry.weights)
    pull(entry, models.store, settings(tmp_path, weights_mirror=site.url))
    save(weights(1), models.store.file(entry))
    with pytest.raises(ModelUnavailable, match="is what was promised"):
        models.load("tiny")
    (models.store.folder / "tiny.json").write_text("{}")
    with pytest.raises(ModelUnavailable, match=r"tiny\.json beside the fetched weights cannot be read"):
        models.load("tiny")


def test_where_weights_come_from() -> None:
    vgg = parse(SHIPPED_REGISTRY).records["vgg16-imagenet"].entry
    assert vgg is not None
    assert source(vgg).url.endswith("/models/vgg16-397923af.pth")
    assert source(vgg).sha256 == "397923af"
    assert source(vgg, "http://mirror.local/torch/").url == "http://mirror.local/torch/vgg16-397923af.pth"
    own = tiny("https://example.org/a/b.pth", "f" * 64)
    assert (source(own).url, source(own).sha256) == ("https://example.org/a/b.pth", "f" * 64)
    with pytest.raises(WeightsError, match="nothing to fetch"):
        source(tiny("b.safetensors", "f" * 64))
