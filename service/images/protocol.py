"""What the decoding processes and the service say to each other: a JSON header and raw bytes, never a pickle.

A message is two big-endian 32-bit numbers (lengths of header and body, in bytes), the header, and the body. The service
does not trust a worker, which handles hostile bytes: every header is validated, every length bounded.
"""

from __future__ import annotations

import struct
from typing import Annotated, BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from service.errors import BadParameter, DamagedImage, RequestError, TooLarge, UnsupportedImage
from service.images.frame import Box, Frame, Side

LENGTHS = struct.Struct(">II")
MAX_HEADER_BYTES = 2**18
ERRORS: dict[str, type[RequestError]] = {
    e.__name__: e for e in (BadParameter, DamagedImage, TooLarge, UnsupportedImage)
}
"""The errors a worker may answer with, by name."""

Count = Annotated[int, Field(ge=0, le=2**31)]


class Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class WorkerSettings(Message):
    """What a worker is started with: `Limits`, and mebibytes it may take beyond those it has once it is ready."""

    bytes: Count
    pixels: Count
    memory_mb: Annotated[int, Field(ge=16)]


class Job(Message):
    """Service to worker; the body is the image file. preview: longest side in pixels, 0 for none."""

    kind: Literal["image"] = "image"
    frame: Frame
    preview: Annotated[int, Field(ge=0, le=16_384)] = 0
    seconds: Annotated[float, Field(gt=0)]

    @property
    def max_reply_bytes(self) -> int:
        """Bytes of the reply's body at most."""
        height, width = self.frame.shape
        return 3 * (height * width + max(self.preview, 1) ** 2)


class MaskJob(Message):
    """Service to worker; the body is a mask's file. The rest is the geometry of the image that it belongs to."""

    kind: Literal["mask"] = "mask"
    width: Count
    height: Count
    region: Box
    size: tuple[Side, Side]
    seconds: Annotated[float, Field(gt=0)]

    @property
    def max_reply_bytes(self) -> int:
        """Bytes of the reply's body at most."""
        return self.size[0] * self.size[1]


class Ready(Message):
    """Worker to service, once, when it can take jobs."""

    kind: Literal["ready"] = "ready"


class Refused(Message):
    """Worker to service: the image is at fault. error: a key of `ERRORS`."""

    kind: Literal["refused"] = "refused"
    error: Literal["BadParameter", "DamagedImage", "TooLarge", "UnsupportedImage"]
    detail: Annotated[str, Field(max_length=1000)]


class Done(Message):
    """Worker to service; the body is x (size × 3 bytes), then the preview (height × width × 3 bytes)."""

    kind: Literal["done"] = "done"
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    format: Annotated[str, Field(max_length=16)]
    notes: Annotated[tuple[Annotated[str, Field(max_length=1000)], ...], Field(max_length=16)]
    width: Count
    height: Count
    region: Box
    size: tuple[Count, Count]  # height, width
    preview: tuple[Count, Count] = (0, 0)  # height, width
    measures: Annotated[dict[str, float], Field(max_length=64)]


class Covered(Message):
    """Worker to service; the body is how much of every pixel of x the mask covers, height × width bytes of 0 to 255."""

    kind: Literal["covered"] = "covered"


Reply = Refused | Done | Covered

READY = TypeAdapter(Ready)
JOB: TypeAdapter[Job | MaskJob] = TypeAdapter(Annotated[Job | MaskJob, Field(discriminator="kind")])
REPLY: TypeAdapter[Reply] = TypeAdapter(Annotated[Reply, Field(discriminator="kind")])


def pack(header: BaseModel, *body: bytes) -> list[bytes]:
    """One message as pieces to be written one after the other."""
    text = header.model_dump_json().encode()
    return [LENGTHS.pack(len(text), sum(map(len, body))) + text, *body]


def read(stream: BinaryIO) -> tuple[bytes, bytes] | None:
    """Header and body of the next message; None where the stream ends before or within it."""
    lengths = stream.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    header_bytes, body_bytes = LENGTHS.unpack(lengths)
    header, body = stream.read(header_bytes), stream.read(body_bytes)
    return (header, body) if len(body) == body_bytes else None
