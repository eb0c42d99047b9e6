"""A location leads to its store, and one of an unknown kind is refused before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.collections.store.opening import open_store
from service.collections.store.sqlite import SqliteStore
from service.errors import CollectionsError
from service.settings import Settings
from tests.collections.samples import collection


def test_a_folder_is_a_sqlite_store(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "deep" / "folder"))
    assert isinstance(store, SqliteStore)
    store.collections.create(collection())
    store.close()
    assert [path.name for path in (tmp_path / "deep" / "folder").glob("*.sqlite")] == ["collections.sqlite"]


@pytest.mark.parametrize("location", ["postgresql://host/db", "S3://bucket", "mysql+x://a"])
def test_an_unknown_scheme_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, location: str) -> None:
    """Fails where the location is taken for a relative path (tried)."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CollectionsError, match=rf"{location.partition(':')[0].lower().replace('+', '.')}://"):
        open_store(location)
    assert list(tmp_path.iterdir()) == []


def test_settings_keep_a_url_and_make_a_folder_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child process opens the store from another folder. Records of jobs stay on this machine."""
    monkeypatch.chdir(tmp_path)
    for given, location, jobs in (
        (None, str(tmp_path / "data" / "collections"), tmp_path / "data" / "collections"),
        ("kept", str(tmp_path / "kept"), tmp_path / "kept"),
        ("postgresql://host/db", "postgresql://host/db", tmp_path / "data" / "collections"),
    ):
        settings = Settings(data_dir=tmp_path / "data", collections=given)
        assert (settings.collections_location, settings.jobs_folder) == (location, jobs)
