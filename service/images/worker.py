"""The process that decodes: started by `workers.py`, fed through its standard input, and expected to die now and then.

It imports neither torch nor the web, holds no secrets, and takes no more memory than it is given: see `_confine`.
"""

from __future__ import annotations

import hashlib
import logging
import os
import resource
import signal
import sys
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import AvifImagePlugin, Image

from service.errors import RequestError
from service.images import field, protocol
from service.images.coverage import coverage, inside
from service.images.decode import Limits, decode
from service.images.frame import Geometry
from service.images.measures import measure

PRELOADED = (field,)
"""What a frame imports when it is first used; `_confine` counts memory from what is loaded."""


def work(job: protocol.Job, data: bytes, limits: Limits) -> list[bytes]:
    """Decode, frame, measure; the reply's pieces. Raises UnsupportedImage, TooLarge, DamagedImage."""
    least = job.frame.least_side
    upright = decode(data, limits, at_least=None if least is None else max(least, job.preview // 2))
    x, geometry = job.frame.apply(upright.pixels, upright.width, upright.height)
    preview = _preview(upright.pixels, job.preview) if job.preview else np.empty((0, 0, 3), np.uint8)
    done = protocol.Done(
        sha256=hashlib.sha256(data).hexdigest(),
        format=upright.format,
        notes=upright.notes,
        width=geometry.width,
        height=geometry.height,
        region=geometry.region,
        size=geometry.size,
        preview=(preview.shape[0], preview.shape[1]),
        measures=measure(x),
    )
    return protocol.pack(done, x.tobytes(), preview.tobytes())


def cover(job: protocol.MaskJob, data: bytes, limits: Limits) -> list[bytes]:
    """Decode a mask and lay it over what a model sees; the reply's pieces. Raises as `work`, and BadParameter."""
    geometry = Geometry(job.width, job.height, job.region, job.size)
    share = coverage(inside(decode(data, limits).pixels), geometry)
    return protocol.pack(protocol.Covered(), np.rint(share * 255).astype(np.uint8).tobytes())


def _preview(pixels: np.ndarray, longest: int) -> np.ndarray:
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))


def serve(source: BinaryIO, sink: BinaryIO, limits: Limits) -> None:
    """Answer one job after the other until the source ends."""
    while message := protocol.read(source):
        job = protocol.JOB.validate_json(message[0])
        signal.setitimer(signal.ITIMER_REAL, 2 * job.seconds)  # ends a hang even where the service itself has died
        try:
            given = message[1], limits
            reply = work(job, *given) if isinstance(job, protocol.Job) else cover(job, *given)
        except RequestError as error:
            reply = protocol.pack(protocol.Refused(error=type(error).__name__, detail=str(error)[:1000]))
        except MemoryError:
            reply = protocol.pack(
                protocol.Refused(error="TooLarge", detail="The image needs more memory than is allowed.")
            )
        signal.setitimer(signal.ITIMER_REAL, 0)
        sink.writelines(reply)
        sink.flush()


def _confine(memory_mb: int) -> None:
    """No core dumps, no files written, and no address space beyond today's plus `memory_mb` mebibytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit_bytes = pages * resource.getpagesize() + memory_mb * 2**20
    for what, limit in ((resource.RLIMIT_AS, limit_bytes), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        resource.setrlimit(what, (limit, limit))


def _silence() -> BinaryIO:
    """What C libraries and Pillow's loggers print goes nowhere: not among the replies, and not into the service's log,
    which must hold nothing of an image. Tracebacks of our own stay. Returns the stream for the replies.
    """
    sink, errors = os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(2), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    sys.stderr = errors
    logging.disable()
    return sink


def main() -> None:
    """Entry point: one argument, `protocol.WorkerSettings` as JSON."""
    settings = protocol.WorkerSettings.model_validate_json(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service, which then closes our input
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    Image.MAX_IMAGE_PIXELS = None  # this process has limits of its own
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # each worker is one of several, and threads take address space
    sink = _silence()
    _confine(settings.memory_mb)
    sink.writelines(protocol.pack(protocol.Ready()))
    sink.flush()
    try:
        serve(sys.stdin.buffer, sink, Limits(settings.bytes, settings.pixels))
    except BrokenPipeError:
        os._exit(0)  # the service has gone; there is nobody left to answer


if __name__ == "__main__":
    main()
