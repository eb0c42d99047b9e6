"""Three ways to send images: a multipart form, the bytes themselves, JSON with base64. All three give the same bytes.

Where masks may come with them, they come in the first and the last of these.
The Content-Type says how the body is wrapped, and never what format an image has: its content alone says that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace

import pydantic_core
from starlette.requests import Request

from service.api.body.base64_text import decode_base64
from service.api.body.body_limits import BodyLimits
from service.api.body.multipart import EXAMPLE, read_multipart
from service.errors import MalformedRequest, UnsupportedImage

MUCH = 2**18
"""Bytes of JSON from which on it is read off the event loop."""

WAYS = (
    f"send it as a form ({EXAMPLE} ...), as bytes (curl -H 'Content-Type: image/jpeg' --data-binary @retina.jpg ...),"
    ' or as JSON {"image": "<base64>"}'
)
BESIDE = "send a picture that is white where the region is, of the image's size, or leave the mask out"

Files = dict[str, list[bytes]]
"""By field: `image`, and `mask` where masks came."""


async def read_images(request: Request, allowance: BodyLimits) -> tuple[bytes, ...]:
    """The images of a request as they were encoded, in order, at least one and none of them empty.

    Raises MalformedRequest, TooLarge, UnsupportedImage (a Content-Type that wraps no image), TooSlow, Overloaded.
    """
    return tuple((await _read(request, allowance))["image"])


async def read_masked(request: Request, allowance: BodyLimits) -> tuple[tuple[bytes, bytes | None], ...]:
    """The images of a request, each with its mask where masks came. Raises as `read_images`."""
    found = await _read(request, replace(allowance, masks=True))
    images, masks = found["image"], found.get("mask", [])
    if masks and len(masks) != len(images):
        raise MalformedRequest(
            f"{_counted(masks, 'mask')} came for {_counted(images, 'image')}; send one for each, in the same order, or"
            " none at all"
        )
    return tuple(zip(images, masks, strict=True) if masks else ((image, None) for image in images))


async def _read(request: Request, allowance: BodyLimits) -> Files:
    content_type = request.headers.get("content-type", "")
    read = _reader(content_type.partition(";")[0].strip().lower())
    found = await read(content_type, _chunks(request), allowance)
    for field, files in found.items():
        for number, file in enumerate(files, 1):
            if not file:
                which = f"{field} {number} of {len(files)}" if len(files) > 1 else f"the {field}"
                raise MalformedRequest(f"{which} is empty; {WAYS if field == 'image' else BESIDE}")
    return found


def _counted(files: Sequence[bytes], what: str) -> str:
    return f"{len(files)} {what}{'s' * (len(files) > 1)}"


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        if chunk:
            yield chunk


async def _read_raw(content_type: str, chunks: AsyncIterator[bytes], allowance: BodyLimits) -> Files:
    del content_type
    pieces, nbytes = [], 0
    async for chunk in chunks:
        nbytes += len(chunk)
        allowance.check_bytes(nbytes)
        pieces.append(chunk)
    return {"image": [b"".join(pieces)]}


async def _read_json(content_type: str, chunks: AsyncIterator[bytes], allowance: BodyLimits) -> Files:
    del content_type
    pieces = [chunk async for chunk in chunks]
    if sum(map(len, pieces)) < MUCH:
        return _from_json(pieces, allowance)
    return await asyncio.to_thread(_from_json, pieces, allowance)


def _from_json(pieces: list[bytes], allowance: BodyLimits) -> Files:
    found: Files = {}
    for field, texts in _texts(b"".join(pieces), allowance).items():
        allowance.check_count(len(texts))
        found[field] = []
        for text in texts:
            found[field].append(decode_base64(text))
            allowance.check_bytes(len(found[field][-1]))
    return found


def _texts(body: bytes, allowance: BodyLimits) -> dict[str, list[str]]:
    try:
        document = pydantic_core.from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise MalformedRequest(f"the body is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise MalformedRequest('the JSON must be an object with the image in base64: {"image": "..."}')
    other = next((name for name in document if name not in allowance.fields), None)
    if other is not None:
        holds = "the image, and perhaps a mask" if allowance.masks else "the image alone"
        raise MalformedRequest(
            f'the JSON has a field {other[:40]!r}; it holds {holds}, {{"image": "<base64>"}}, and all else'
            " belongs into the query: ?model=..."
        )
    if "image" not in document:
        empty = "has a mask and no image" if document else "is empty"
        raise MalformedRequest(f'the JSON object {empty}; it must hold the image in base64: {{"image": "..."}}')
    found = {field: texts if isinstance(texts, list) else [texts] for field, texts in document.items()}
    for field, texts in found.items():
        if not texts or not all(isinstance(text, str) for text in texts):
            raise MalformedRequest(f"{field} must be a base64 string, or a list of them")
    return found


async def _refuse_dicom(content_type: str, chunks: AsyncIterator[bytes], allowance: BodyLimits) -> Files:
    del content_type, chunks, allowance
    raise UnsupportedImage("DICOM is not read yet; send the picture itself, as JPEG, PNG, TIFF, BMP, WebP or GIF")


async def _refuse_form(content_type: str, chunks: AsyncIterator[bytes], allowance: BodyLimits) -> Files:
    del content_type, chunks, allowance
    raise UnsupportedImage(
        "the body came as application/x-www-form-urlencoded, as curl calls every --data-binary unless told otherwise;"
        f" add -H 'Content-Type: image/jpeg', or send a form: {EXAMPLE}"
    )


async def _refuse(content_type: str, chunks: AsyncIterator[bytes], allowance: BodyLimits) -> Files:
    del chunks, allowance
    raise UnsupportedImage(f"no image travels as {content_type[:60]!r}; {WAYS}")


Reader = Callable[[str, AsyncIterator[bytes], BodyLimits], Awaitable[Files]]

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
