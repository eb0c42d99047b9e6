"""A few disposable processes that decode, so that a hostile image costs one worker and not the service."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from service.errors import DamagedImage, TooLarge, UnavailableError
from service.images import protocol
from service.images.decode import Limits
from service.images.frame import Frame, Geometry

COMMAND = (sys.executable, "-P", "-m", "service.images.worker")
START_SECONDS = 60.0
RESPAWN_SECONDS = 1.0  # pause after a failed respawn
READ_BUFFER = 2**20
INHERITED_VARIABLES = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE")
"""What a worker inherits of our environment; keys and tokens stay here."""

Pixels = npt.NDArray[np.uint8]
Shares = npt.NDArray[np.float32]
Header = TypeVar("Header")
Result = TypeVar("Result")
Measure = Callable[[], AbstractContextManager[None]]
Read = Callable[[protocol.Reply, bytes], Result]


@dataclass(frozen=True)
class Prepared:
    """One image, ready for a model.

    sha256: of the bytes as sent, hex. format: see `decode.FORMATS`. notes: see `decode.Upright`.
    x: uint8[h, w, 3], RGB. geometry: where x lies. preview: uint8[h, w, 3] of the whole upright picture, or None.
    measures: see `measures.measure`.
    """

    sha256: str
    format: str
    notes: tuple[str, ...]
    x: Pixels
    geometry: Geometry
    preview: Pixels | None
    measures: Mapping[str, float]


class DecodePool:
    """Runs `workers` decoding processes; images wait in order of arrival for the next free one.

    limits: of one image. seconds: that decoding one may take. memory_mb: mebibytes a worker may use for it.
    measure: makes a context that encloses the work on one image.
    A worker that dies, hangs, or talks nonsense is replaced, and costs the one image that it had.
    """

    def __init__(
        self,
        workers: int,
        limits: Limits | None = None,
        seconds: float = 10.0,
        memory_mb: int = 1024,
        measure: Measure = nullcontext,
    ) -> None:
        self._count, self._measure = workers, measure
        self._limits = limits or Limits()
        self._seconds = seconds
        self._settings = protocol.WorkerSettings(
            bytes=self._limits.bytes, pixels=self._limits.pixels, memory_mb=memory_mb
        )
        self._idle: asyncio.Queue[_Worker | None] = asyncio.Queue()
        self._workers: set[_Worker] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._open = False

    async def start(self) -> None:
        """Start all workers at once; returns when all are ready. Raises UnavailableError where one cannot start."""
        self._open, self._idle = True, asyncio.Queue()
        started = await asyncio.gather(*(self._add() for _ in range(self._count)), return_exceptions=True)
        for outcome in started:
            if isinstance(outcome, BaseException):
                await self.close()
                raise outcome

    async def close(self) -> None:
        """End all workers and wait for them; images still being decoded get UnavailableError."""
        self._open = False
        for worker in self._workers:
            worker.kill()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(worker.end() for worker in self._workers))
        self._workers.clear()
        self._idle.put_nowait(None)  # wakes whoever still waits for a worker

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def prepare(self, data: bytes, frame: Frame, preview: int = 0) -> Prepared:
        """Decode and frame one image file. preview: longest side in pixels of the preview, 0 for none; it
        may come out at half of that, where the decoder can then do less, and is never larger than the image.

        Raises UnsupportedImage, TooLarge, DamagedImage; UnavailableError where the pool is closed. Where the caller is
        cancelled, the worker finishes in its own time and is then free again.
        """
        job = protocol.Job(frame=frame, preview=preview, seconds=self._seconds)
        return await self._request(job, data, partial(_prepared, job=job))

    async def cover(self, data: bytes, geometry: Geometry) -> Shares:
        """The share of every pixel of x that the file of a mask covers, float32 [h, w], 0 to 1, to 1/255.

        geometry: where x lies in the image that the mask belongs to. Raises as `prepare`, and BadParameter for a mask
        that is not as large as the image or marks nothing.
        """
        box = {"width": geometry.width, "height": geometry.height, "region": geometry.region, "size": geometry.size}
        job = protocol.MaskJob(**box, seconds=self._seconds)
        return await self._request(job, data, partial(_covered, job=job))

    async def _request(self, job: protocol.Job | protocol.MaskJob, data: bytes, read: Read[Result]) -> Result:
        if len(data) > self._limits.bytes:
            raise TooLarge(f"The image has {len(data)} bytes; at most {self._limits.bytes} are accepted.")
        worker = await self._free_worker()
        return await asyncio.shield(self._detached(self._decode(worker, job, data, read)))

    async def _decode(
        self, worker: _Worker, job: protocol.Job | protocol.MaskJob, data: bytes, read: Read[Result]
    ) -> Result:
        intact = False
        try:
            async with asyncio.timeout(self._seconds):
                with self._measure():
                    header, body = await worker.request(job, data)
            found = header if isinstance(header, protocol.Refused) else read(header, body)
            intact = True
        except TimeoutError as error:
            raise DamagedImage(f"Decoding the image took longer than {self._seconds:g} s.") from error
        except (EOFError, ConnectionError, ValueError) as error:
            if not self._open:
                raise UnavailableError("The service is stopping.") from error
            raise DamagedImage("The decoder failed on this image.") from error
        finally:
            if intact:
                self._idle.put_nowait(worker)
            else:
                self._replace(worker)
        if isinstance(found, protocol.Refused):
            raise protocol.ERRORS[found.error](found.detail)
        return found

    def _detached(self, work: Coroutine[None, None, Result]) -> asyncio.Task[Result]:
        """A task that outlives its caller, but not the pool."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # nobody may be left to ask for it

    async def _free_worker(self) -> _Worker:
        """The next free worker that is alive."""
        while self._open:
            worker = await self._idle.get()
            if worker is None:
                self._idle.put_nowait(None)
            elif worker.alive:
                return worker
            else:
                self._replace(worker)  # it died between two images
        raise UnavailableError("The decoders are not running.")

    async def _add(self) -> None:
        worker = await _Worker.start(self._settings)
        self._workers.add(worker)
        self._idle.put_nowait(worker)

    def _replace(self, worker: _Worker) -> None:
        worker.kill()
        if self._open:
            self._detached(self._respawn(worker))

    async def _respawn(self, worker: _Worker) -> None:
        await worker.end()
        self._workers.discard(worker)
        while self._open:
            try:
                await self._add()
                break
            except (UnavailableError, OSError):  # out of processes or memory, perhaps for a moment
                await asyncio.sleep(RESPAWN_SECONDS)


class _Worker:
    """One process, and the two pipes to it."""

    def __init__(self, process: Process) -> None:
        if process.stdin is None or process.stdout is None:
            raise ValueError("a worker needs a pipe in and a pipe out")
        self._process, self._to, self._from = process, process.stdin, process.stdout

    @classmethod
    async def start(cls, settings: protocol.WorkerSettings) -> _Worker:
        """A worker that is ready. Raises UnavailableError."""
        process = await asyncio.create_subprocess_exec(
            *COMMAND, settings.model_dump_json(), stdin=PIPE, stdout=PIPE, env=_environment(), limit=READ_BUFFER
        )
        worker = cls(process)
        try:
            async with asyncio.timeout(START_SECONDS):
                await worker._receive(protocol.READY, max_body_bytes=0)
        except (TimeoutError, EOFError, ConnectionError, ValueError) as error:
            await worker.end()
            raise UnavailableError(f"A decoder process could not be started: {error}") from error
        except BaseException:
            await worker.end()
            raise
        return worker

    @property
    def alive(self) -> bool:
        return self._process.returncode is None and not self._from.at_eof()

    async def request(self, job: protocol.Job | protocol.MaskJob, data: bytes) -> tuple[protocol.Reply, bytes]:
        """Send one job and wait for its reply. Raises EOFError, ConnectionError, ValueError."""
        self._to.writelines(protocol.pack(job, data))
        await self._to.drain()
        return await self._receive(protocol.REPLY, job.max_reply_bytes)

    async def _receive(self, kind: TypeAdapter[Header], max_body_bytes: int) -> tuple[Header, bytes]:
        header_bytes, body_bytes = protocol.LENGTHS.unpack(await self._from.readexactly(protocol.LENGTHS.size))
        if header_bytes > protocol.MAX_HEADER_BYTES or body_bytes > max_body_bytes:
            raise ValueError("the worker announced more than it was asked for")
        header = kind.validate_json(await self._from.readexactly(header_bytes))
        return header, await self._from.readexactly(body_bytes)

    def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()

    async def end(self) -> None:
        """Kill the process, and wait until nothing of it is left."""
        self.kill()
        self._to.close()
        await self._process.wait()


def _covered(header: protocol.Reply, body: bytes, job: protocol.MaskJob) -> Shares:
    """Raises ValueError where header and body contradict the job."""
    if header.kind != "covered":
        raise ValueError("the reply is not of a mask")
    return np.frombuffer(body, np.uint8).reshape(job.size).astype(np.float32) / np.float32(255)


def _prepared(header: protocol.Reply, body: bytes, job: protocol.Job) -> Prepared:
    """Raises ValueError where header and body contradict the job or each other."""
    if header.kind != "done":
        raise ValueError("the reply is not of an image")
    left, top, right, bottom = header.region
    height, width = header.preview
    if not (left < right and top < bottom and left < header.width and top < header.height and right > 0 and bottom > 0):
        raise ValueError("the region shows nothing of the image")
    if header.size != job.frame.shape or max(height, width) > job.preview:
        raise ValueError("the sizes are not those asked for")
    pixels = np.frombuffer(bytearray(body), np.uint8)  # a bytearray's pixels can be written to, as torch expects
    cut = 3 * header.size[0] * header.size[1]
    return Prepared(
        header.sha256,
        header.format,
        header.notes,
        pixels[:cut].reshape(*header.size, 3),
        Geometry(header.width, header.height, header.region, header.size),
        pixels[cut:].reshape(height, width, 3) if job.preview else None,
        header.measures,
    )


def _environment() -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    kept = {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ}
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    return kept | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
