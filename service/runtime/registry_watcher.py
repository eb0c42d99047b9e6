"""Notice that the files of a registry have changed, and have it read again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from service.models.file_stamps import Stamps

log = logging.getLogger(__name__)


class RegistryWatcher:
    """Compares the files of a registry every few seconds, and reloads once they have stayed the same for one interval:
    a file that is still being copied is left alone.

    files: the stamps of all files now; blocks. seconds: between two comparisons; with 0 nothing is watched.
    """

    def __init__(self, files: Callable[[], Stamps], reload: Callable[[], Awaitable[object]], seconds: float) -> None:
        self._files, self._reload, self._seconds = files, reload, seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch; must be called on the event loop."""
        if self._seconds:
            self._task = asyncio.create_task(self._watch(), name="registry watcher")

    async def close(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        known = before = await asyncio.to_thread(self._files)
        while True:
            await asyncio.sleep(self._seconds)
            try:
                now = await asyncio.to_thread(self._files)
                if now != known and now == before:
                    await self._reload()
                    known = before = _merged(now, await asyncio.to_thread(self._files))
                else:
                    before = now
            except Exception:  # whatever it is, the next comparison may succeed
                log.exception("the files of the registry could not be compared")


def _merged(before: Stamps, after: Stamps) -> Stamps:
    """The files of a registry after it was read again, each as it was before, so that no change is missed."""
    known = dict(before)
    return tuple((file, known.get(file, stamp)) for file, stamp in after)
