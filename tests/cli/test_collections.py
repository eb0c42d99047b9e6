"""`fovea collections`: what is in a folder comes into a collection, once, and nothing is left out without a word."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from service.cli.main import app
from service.collections.store.sqlite import SqliteStore
from tests.forked import ForkedCommand
from tests.models import tiny
from tests.runtime.test_answers import picture


@pytest.fixture(autouse=True)
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "zoo"
    folder.mkdir()
    for seed, name in enumerate(("tiny", "other")):
        tiny.add(folder, name, seed=seed)
    (folder / "default.toml").write_text('default = "tiny"')
    given = {"REGISTRY": folder, "DATA_DIR": tmp_path / "data", "ENGINE": "torch", "DECODE_WORKERS": 1, "THREADS": 1}
    for name, value in given.items():
        monkeypatch.setenv(f"FOVEA_{name}", str(value))
    monkeypatch.setenv("COLUMNS", "200")
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return images(tmp_path / "photographs", 5)


def images(root: Path, count: int) -> Path:
    """So many images of each of two labels."""
    for first, label in ((0, "healthy"), (10_000, "ill")):
        (root / label).mkdir(parents=True)
        for number in range(count):
            (root / label / f"{number}.png").write_bytes(picture(first + number))
    return root


def fovea(*arguments: str | Path, exit_code: int = 0, answer: str | None = None) -> Result:
    result = CliRunner().invoke(app, ["collections", *map(str, arguments)], input=answer)
    assert result.exit_code == exit_code, f"{result.output}\n{result.exception!r}"
    return result


def names(folder: Path) -> list[str]:
    store = SqliteStore(folder / "data" / "collections")
    found = sorted(line.name for line in store.items.page("set", limit=10**6))
    store.close()
    return found


def stale(folder: Path) -> None:
    with sqlite3.connect(folder / "data" / "collections" / "collections.sqlite") as db:
        db.execute("UPDATE collections SET fingerprint = json_set(fingerprint, '$.weights_sha256', ?)", ("00" * 32,))
    db.close()


def test_what_is_no_image_of_a_label_is_left_out_and_said(data: Path, tmp_path: Path) -> None:
    """Fails where hidden folders count as labels, or deeper images are silently passed over (it did both)."""
    (data / "ill" / "notes.txt").write_text("no image")
    (data / "ill" / "cut.png").write_bytes(picture(1)[:200])
    (data / "ill" / "memory.png").symlink_to("/proc/self/mem")
    (data / "ill" / "again.png").write_bytes(picture(0))
    (data / "ill" / ".hidden.png").write_bytes(picture(70))
    (data / "ill" / "0.mask.png").write_bytes(picture(71))
    (data / "loose.png").write_bytes(picture(72))
    for deeper in (data / "ill" / "left", data / ".thumbnails"):
        deeper.mkdir()
        (deeper / "1.png").write_bytes(picture(73))
    said = fovea("import", data, "--name", "set").output
    assert names(tmp_path) == [f"{label}/{number}.png" for label in ("healthy", "ill") for number in range(5)]
    assert "set: 10 images, 1 of the files the same as others" in said
    for left_out in ("ill/notes.txt: ", "ill/cut.png: ", "ill/memory.png: cannot be read"):
        assert left_out in said
    assert "2 images were left out, such as ill/left/1.png" in said
    assert "hidden" not in said
    shown = json.loads(fovea("show", "set", "--json").stdout)
    assert shown["labels"] == {"healthy": 5, "ill": 5}


def test_a_folder_without_images_makes_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "empty" / "ill").mkdir(parents=True)
    assert "one subfolder per label" in fovea("import", tmp_path / "empty", "--name", "set", exit_code=2).output
    assert "name a folder, or use --generate" in fovea("import", "--name", "set", exit_code=2).output
    assert "cannot be called" in fovea("import", tmp_path / "empty", "--name", "A/b", exit_code=2).output


def test_a_collection_is_of_one_model_and_keeps_what_it_was_made_to_keep(data: Path) -> None:
    fovea("import", data, "--name", "set", "--model", "other")
    assert "set: 10 images" in fovea("import", data, "--name", "set").output  # not the default model's
    for more, told in (
        (["--model", "tiny"], "is of model 'other', not 'tiny'"),
        (["--keep-images"], "was created without"),
    ):
        said = fovea("import", data, "--name", "set", *more, exit_code=2).output
        assert told in said
        assert "another --name" in said
    assert json.loads(fovea("show", "set", "--json").stdout)["count"] == 10


def test_it_is_listed_shown_embedded_again_and_deleted(data: Path, tmp_path: Path) -> None:
    assert "There are no collections yet" in fovea("list").output
    fovea("import", data, "--name", "set", "--keep-images")
    fovea("project", "set", "--method", "pca")
    shown = fovea("show", "set").output
    for word in ("10: healthy 5, ill 5", "fits its model", "pca-2d ", " kB", "4 numbers after"):
        assert word in shown
    stale(tmp_path)
    assert "stale" in fovea("list").output
    shown = fovea("show", "set").output
    assert "stale: the model has other weights now" in shown
    assert "run `fovea collections reembed set`" in shown
    assert "embeds its images again" in fovea("import", data, "--name", "set", exit_code=1).output
    assert "set: 10 images embedded by weights" in fovea("reembed", "set").output
    told = json.loads(fovea("list", "--json").stdout)
    assert [(one["name"], one["count"], one["stale"]) for one in told] == [("set", 10, False)]
    assert "pca-2d (outdated)" in fovea("show", "set").output
    for said in ("n\n", ""):
        fovea("delete", "set", answer=said, exit_code=1)
    assert "deleted, with 10 images" in fovea("delete", "set", answer="y\n").output
    assert "there are: none yet" in fovea("show", "set", exit_code=2).output
    fovea("import", data, "--name", "set")
    stale(tmp_path)
    assert "import the folder again" in fovea("reembed", "set", exit_code=1).output
    fovea("delete", "set", "--yes")


def test_a_name_that_is_none_gets_the_nearest(data: Path) -> None:
    fovea("import", data, "--name", "eyes-2026")
    for command in (["show"], ["reembed"], ["project"], ["delete", "--yes"]):
        assert "did you mean 'eyes-2026'?" in fovea(*command, "eyes-2062", exit_code=2).output
    assert "there are: eyes-2026" in fovea("show", "something", exit_code=2).output


def killed(process: ForkedCommand, folder: Path, query: str, after: float) -> None:
    """Kill it a moment after this query gives something else than it did."""
    file, before = folder / "data" / "collections" / "collections.sqlite", None
    while process.poll() is None:
        if file.exists():
            with sqlite3.connect(file, timeout=30) as db:
                try:
                    found = db.execute(query).fetchone()
                except sqlite3.OperationalError:
                    found = None
            db.close()
            if before is not None and found != before:
                break
            before = found if before is None else before
        time.sleep(0.005)
    time.sleep(after)
    process.kill()
    process.wait()


@pytest.mark.slow
def test_a_killed_import_goes_on_and_a_killed_renewal_too(tmp_path: Path, zoo: Path) -> None:
    """Real processes. Nothing is there twice, nothing is lost, and what was done is not done again."""
    data, chance, kept = images(tmp_path / "photographs", 150), random.Random(5), list[int]()
    log = tmp_path / "log.txt"
    expected = sorted(path.relative_to(data).as_posix() for path in data.rglob("*.png"))
    SqliteStore(tmp_path / "data" / "collections").close()
    for _ in range(2):
        importing = ForkedCommand(["collections", "import", str(data), "--name", "set", "--keep-images"], log)
        killed(importing, tmp_path, "SELECT count(*) FROM items", chance.uniform(0, 0.3))
        found = names(tmp_path)
        assert len(set(found)) == len(found)
        kept.append(len(found))
    assert 0 < kept[0] < kept[1] < len(expected)
    fovea("import", data, "--name", "set")
    assert names(tmp_path) == expected
    new = tiny.add(zoo, "tiny", seed=7)
    seen = "SELECT count(*) FROM vectors"
    killed(ForkedCommand(["collections", "reembed", "set"], log), tmp_path, seen, chance.uniform(0, 0.3))
    shown = json.loads(fovea("show", "set", "--json").stdout)
    assert (shown["stale"], shown["count"], shown["labels"]) == (True, 300, {"healthy": 150, "ill": 150})
    assert "embedded again" in fovea("reembed", "set").output
    shown = json.loads(fovea("show", "set", "--json").stdout)
    assert (shown["stale"], shown["weights_sha256"], shown["count"]) == (False, new, 300)
    assert names(tmp_path) == expected
