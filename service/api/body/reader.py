"""The images of a request body: a multipart form, the bytes of one image, or JSON with base64.

Masks may accompany the images in a form or in JSON. The Content-Type says how the body is encoded, not which format the
images have: the format is recognised from the content.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace

from starlette.requests import Request

from service.api.body.body_limits import BodyLimits
from service.api.body.json_images import read_json
from service.api.body.multipart import EXAMPLE, read_multipart
from service.errors import MalformedRequest, UnsupportedImage
from service.images.formats.table import LISTED

IMAGE_HINT = (
    f"send it as a form ({EXAMPLE} ...), as bytes (curl -H 'Content-Type: image/jpeg' --data-binary @retina.jpg ...),"
    ' or as JSON {"image": "<base64>"}'
)
MASK_HINT = "send a picture of the image's size that is white inside the region, or leave the mask out"

Files = dict[str, list[bytes]]
"""By field: `image`, and `mask` if masks were sent."""


async def read_images(request: Request, limits: BodyLimits) -> tuple[bytes, ...]:
    """The encoded images of a request, in order. There is at least one, and none is empty.

    Raises MalformedRequest, TooLarge, UnsupportedImage (an unsupported Content-Type), TooSlow, Overloaded.
    """
    return tuple((await _read(request, limits))["image"])


async def read_masked(request: Request, limits: BodyLimits) -> tuple[tuple[bytes, bytes | None], ...]:
    """The images of a request, each with its mask if masks were sent. Raises as `read_images`."""
    found = await _read(request, replace(limits, masks=True))
    images, masks = found["image"], found.get("mask", [])
    if masks and len(masks) != len(images):
        raise MalformedRequest(
            f"the request has {_count(images, 'image')} and {_count(masks, 'mask')}; send one mask per image, in the"
            " same order, or no masks"
        )
    return tuple(zip(images, masks, strict=True) if masks else ((image, None) for image in images))


async def _read(request: Request, limits: BodyLimits) -> Files:
    content_type = request.headers.get("content-type", "")
    read = _reader(content_type.partition(";")[0].strip().lower())
    found = await read(content_type, _chunks(request), limits)
    for field, files in found.items():
        for number, file in enumerate(files, 1):
            if not file:
                which = f"{field} {number} of {len(files)}" if len(files) > 1 else f"the {field}"
                raise MalformedRequest(f"{which} is empty; {IMAGE_HINT if field == 'image' else MASK_HINT}")
    return found


def _count(files: Sequence[bytes], noun: str) -> str:
    return f"{len(files)} {noun}{'s' * (len(files) > 1)}"


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        if chunk:
            yield chunk


async def _read_bytes(content_type: str, chunks: AsyncIterator[bytes], limits: BodyLimits) -> Files:
    del content_type
    pieces, nbytes = [], 0
    async for chunk in chunks:
        nbytes += len(chunk)
        limits.check_bytes(nbytes)
        pieces.append(chunk)
    return {"image": [b"".join(pieces)]}


async def _refuse_dicom(content_type: str, chunks: AsyncIterator[bytes], limits: BodyLimits) -> Files:
    del content_type, chunks, limits
    raise UnsupportedImage(f"DICOM is not supported; send the image as {LISTED}")


async def _refuse_form(content_type: str, chunks: AsyncIterator[bytes], limits: BodyLimits) -> Files:
    del content_type, chunks, limits
    raise UnsupportedImage(
        "the Content-Type is application/x-www-form-urlencoded, which curl sets for --data-binary by default;"
        f" add -H 'Content-Type: image/jpeg', or send a form: {EXAMPLE}"
    )


async def _refuse(content_type: str, chunks: AsyncIterator[bytes], limits: BodyLimits) -> Files:
    del chunks, limits
    raise UnsupportedImage(f"the Content-Type {content_type[:60]!r} is not supported for images; {IMAGE_HINT}")


Reader = Callable[[str, AsyncIterator[bytes], BodyLimits], Awaitable[Files]]

READERS: dict[str, Reader] = {
    "": _read_bytes,
    "application/octet-stream": _read_bytes,
    "application/json": read_json,
    "multipart/form-data": read_multipart,
    "application/dicom": _refuse_dicom,
    "application/x-www-form-urlencoded": _refuse_form,
}
"""By media type. Every `image/*` is read as bytes; all other types are refused."""


def _reader(media_type: str) -> Reader:
    return READERS.get(media_type) or (_read_bytes if media_type.startswith("image/") else _refuse)
