"""Three ways to send images: a multipart form, the bytes themselves, JSON with base64. All three give the same bytes.

The Content-Type says how the body is wrapped, and never what format an image has: its content alone says that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pydantic_core
from starlette.requests import Request

from service.api.allowance import Allowance
from service.api.base64text import decode_base64
from service.api.multipart import EXAMPLE, read_multipart
from service.errors import MalformedRequest, UnsupportedImage

MUCH = 2**18
"""Bytes of JSON from which on it is read off the event loop."""

WAYS = (
    f"send it as a form ({EXAMPLE} ...), as bytes (curl -H 'Content-Type: image/jpeg' --data-binary @retina.jpg ...),"
    ' or as JSON {"image": "<base64>"}'
)


async def read_images(request: Request, allowance: Allowance) -> tuple[bytes, ...]:
    """The images of a request as they were encoded, in order, at least one and none of them empty.

    Raises MalformedRequest, TooLarge, UnsupportedImage (a Content-Type that wraps no image), TooSlow, Overloaded.
    """
    content_type = request.headers.get("content-type", "")
    read = _reader(content_type.partition(";")[0].strip().lower())
    images = await read(content_type, _chunks(request), allowance)
    for number, image in enumerate(images, 1):
        if not image:
            which = f"image {number} of {len(images)}" if len(images) > 1 else "the image"
            raise MalformedRequest(f"{which} is empty; {WAYS}")
    return images


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        if chunk:
            yield chunk


async def _read_raw(content_type: str, chunks: AsyncIterator[bytes], allowance: Allowance) -> tuple[bytes, ...]:
    del content_type
    pieces, nbytes = [], 0
    async for chunk in chunks:
        nbytes += len(chunk)
        allowance.check_bytes(nbytes)
        pieces.append(chunk)
    return (b"".join(pieces),)


async def _read_json(content_type: str, chunks: AsyncIterator[bytes], allowance: Allowance) -> tuple[bytes, ...]:
    del content_type
    pieces = [chunk async for chunk in chunks]
    if sum(map(len, pieces)) < MUCH:
        return _from_json(pieces, allowance)
    return await asyncio.to_thread(_from_json, pieces, allowance)


def _from_json(pieces: list[bytes], allowance: Allowance) -> tuple[bytes, ...]:
    texts = _texts(b"".join(pieces))
    allowance.check_count(len(texts))
    images = []
    for text in texts:
        images.append(decode_base64(text))
        allowance.check_bytes(len(images[-1]))
    return tuple(images)


def _texts(body: bytes) -> list[str]:
    try:
        document = pydantic_core.from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise MalformedRequest(f"the body is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise MalformedRequest('the JSON must be an object with the image in base64: {"image": "..."}')
    other = next((name for name in document if name != "image"), None)
    if other is not None:
        raise MalformedRequest(
            f'the JSON has a field {other[:40]!r}; it holds the image alone, {{"image": "<base64>"}}, and all else'
            " belongs into the query: ?model=..."
        )
    if not document:
        raise MalformedRequest('the JSON object is empty; it must hold the image in base64: {"image": "..."}')
    texts = document["image"] if isinstance(document["image"], list) else [document["image"]]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise MalformedRequest("image must be a base64 string, or a list of them")
    return texts


async def _refuse_dicom(content_type: str, chunks: AsyncIterator[bytes], allowance: Allowance) -> tuple[bytes, ...]:
    del content_type, chunks, allowance
    raise UnsupportedImage("DICOM is not read yet; send the picture itself, as JPEG, PNG, TIFF, BMP, WebP or GIF")


async def _refuse_form(content_type: str, chunks: AsyncIterator[bytes], allowance: Allowance) -> tuple[bytes, ...]:
    del content_type, chunks, allowance
    raise UnsupportedImage(
        "the body came as application/x-www-form-urlencoded, as curl calls every --data-binary unless told otherwise;"
        f" add -H 'Content-Type: image/jpeg', or send a form: {EXAMPLE}"
    )


async def _refuse(content_type: str, chunks: AsyncIterator[bytes], allowance: Allowance) -> tuple[bytes, ...]:
    del chunks, allowance
    raise UnsupportedImage(f"no image travels as {content_type[:60]!r}; {WAYS}")


Reader = Callable[[str, AsyncIterator[bytes], Allowance], Awaitable[tuple[bytes, ...]]]

READERS: dict[str, Reader] = {
    "": _read_raw,
    "application/octet-stream": _read_raw,
    "application/json": _read_json,
    "multipart/form-data": read_multipart,
    "application/dicom": _refuse_dicom,
    "application/x-www-form-urlencoded": _refuse_form,
}


def _reader(media_type: str) -> Reader:
    return READERS.get(media_type) or (_read_raw if media_type.startswith("image/") else _refuse)
