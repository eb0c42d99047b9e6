"""Fetch the weights of a registry entry, verify them, and store them as safetensors."""

from __future__ import annotations

from dataclasses import dataclass

from service.errors import WeightsError
from service.models.convert import unpickle
from service.models.download import Progress, RetryPolicy, fetch
from service.models.entry import Entry
from service.models.official import official, with_current_names
from service.models.weights import read, save
from service.models.weights_store import Origin, WeightsStore
from service.settings import Settings


@dataclass(frozen=True)
class Source:
    """The URL of weights. sha256: the hex digits that the digest of the file must begin with."""

    url: str
    sha256: str


def source(entry: Entry, mirror: str = "") -> Source:
    """The URL of an entry's weights.

    mirror: a base URL that serves the files under the same names; the digests stay the same.
    Raises WeightsError if the weights are a local file.
    """
    if not entry.is_remote:
        raise WeightsError(f"nothing to fetch: the weights of {entry.name!r} are the local file {entry.weights}")
    if entry.is_official:
        facts = official(entry.weights)
        found = Source(facts.url, entry.sha256 or facts.hash_prefix)
    else:
        found = Source(entry.weights, entry.sha256 or "")
    return Source(f"{mirror.rstrip('/')}/{found.url.rsplit('/', 1)[1]}", found.sha256) if mirror else found


def pull(
    entry: Entry,
    store: WeightsStore,
    settings: Settings,
    *,
    progress: Progress | None = None,
    retry_policy: RetryPolicy | None = None,
) -> Origin:
    """Fetch, verify and convert the weights of an entry into the store; returns their origin.

    Raises WeightsError if the service is offline (before any connection), the entry's weights are local, another
    process is fetching them, the server refuses, the digest is wrong, or the file contains anything but tensors.
    """
    remote = source(entry, settings.weights_mirror)
    if settings.offline:
        raise WeightsError(f"offline: {remote.url} was not fetched (unset FOVEA_OFFLINE to fetch it)")
    fetched = store.folder / f"{entry.name}.download"
    with store.locked(entry):
        fetched_sha256 = fetch(remote.url, fetched, remote.sha256, progress=progress, retry_policy=retry_policy)
        try:
            state = read(fetched, fetched_sha256) if remote.url.endswith(".safetensors") else unpickle(fetched)
            sha256 = save(with_current_names(state) if entry.is_official else state, store.file(entry))
        finally:
            fetched.unlink(missing_ok=True)
        origin = Origin(weights=entry.weights, url=remote.url, fetched_sha256=fetched_sha256, sha256=sha256)
        store.record_origin(entry, origin)
    return origin
