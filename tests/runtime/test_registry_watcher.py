"""The files of a registry are compared every so often, and a change is taken up once, when it is complete."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from service.models.file_stamps import Stamps
from service.runtime.inference_service import InferenceService
from service.runtime.question import Question
from service.runtime.registry_watcher import RegistryWatcher
from tests.models import tiny
from tests.runtime.test_answers import picture

STEP = 0.02


class Files:
    """Stamps that the test sets, and how often they led to a reload."""

    def __init__(self) -> None:
        self.content = 0
        self.read = 0
        self.reloads: list[int] = []
        self.more: Stamps = ()

    def __call__(self) -> Stamps:
        self.read += 1
        return ((Path("a.toml"), (self.content, 1, 1)), *self.more)

    async def reload(self) -> None:
        self.reloads.append(self.content)

    async def comparisons(self, count: int) -> None:
        """Wait until the files have been compared so many times more."""
        end = self.read + count
        async with asyncio.timeout(30):
            while self.read < end:  # noqa: ASYNC110  the files are compared on another thread
                await asyncio.sleep(STEP / 4)


async def test_a_change_leads_to_one_reload() -> None:
    files = Files()
    watcher = RegistryWatcher(files, files.reload, STEP)
    watcher.start()
    await files.comparisons(3)
    assert files.reloads == []
    files.content = 1
    await files.comparisons(5)
    assert files.reloads == [1]
    await watcher.close()
    files.content = 2
    await asyncio.sleep(5 * STEP)
    assert files.reloads == [1]


async def test_a_file_that_is_still_being_written_is_left_alone() -> None:
    files = Files()
    watcher = RegistryWatcher(files, files.reload, STEP)
    watcher.start()
    await files.comparisons(1)
    for _ in range(8):
        files.content += 1
        await files.comparisons(1)
    assert files.reloads in ([], [8])
    await files.comparisons(4)
    assert files.reloads == [8]
    await watcher.close()


async def test_a_change_during_a_reload_is_taken_up_as_well() -> None:
    files = Files()

    async def reload() -> None:
        await files.reload()
        if files.content == 1:
            files.content = 2
            files.more = ((Path("b.safetensors"), (0, 0, 0)),)  # the new entry has a file of its own

    watcher = RegistryWatcher(files, reload, STEP)
    watcher.start()
    await files.comparisons(1)
    files.content = 1
    await files.comparisons(9)
    assert files.reloads == [1, 2]
    await watcher.close()


async def test_an_error_does_not_end_the_watch(caplog: pytest.LogCaptureFixture) -> None:
    files = Files()

    async def reload() -> None:
        await files.reload()
        if len(files.reloads) == 1:
            raise RuntimeError("not now")

    watcher = RegistryWatcher(files, reload, STEP)
    watcher.start()
    await files.comparisons(1)
    files.content = 1
    await files.comparisons(8)
    assert files.reloads == [1, 1]
    assert "not now" in caplog.text
    await watcher.close()


async def test_without_an_interval_nothing_is_watched() -> None:
    files = Files()
    watcher = RegistryWatcher(files, files.reload, 0)
    watcher.start()
    await asyncio.sleep(3 * STEP)
    await watcher.close()
    assert files.read == 0


async def test_all_images_of_a_request_have_one_classifier(tmp_path: Path) -> None:
    """Between two of its images the model is swapped, and even removed."""
    tiny.add(tmp_path, "mine")
    service = InferenceService(tiny.settings(tmp_path, decode_workers=1, threads=1, feature_cache_mb=64))
    service.registry.load()
    await service.start(load=False)
    question = service.pinned(Question(embed=True))
    first = await service.embed(picture(0), question)
    tiny.add(tmp_path, "mine", seed=1)
    assert (await service.reload()).changed == ("mine",)
    second, new = await service.embed(picture(0), question), await service.embed(picture(0), Question())
    (tmp_path / "mine.toml").unlink()
    tiny.add(tmp_path, "other")
    assert (await service.reload()).removed == ("mine",)
    third = await service.embed(picture(0), question)
    await service.close()
    assert first.model == second.model == third.model
    assert first.predictions == second.predictions == third.predictions
    assert new.model.weights_sha256 != first.model.weights_sha256
    assert new.predictions != first.predictions
    assert first.embedding is not None
    assert new.embedding is not None
    assert not np.allclose(first.embedding.vector, new.embedding.vector)
