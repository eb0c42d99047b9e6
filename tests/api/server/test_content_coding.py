"""Compressed request bodies: decoded within the limits of any body, or refused by name."""

from __future__ import annotations

import base64
import gzip
import json
import random
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from service.api.server.content_coding import DECODERS, STEP, decoder
from service.api.server.request_limits import max_body_bytes
from service.errors import MalformedRequest
from service.settings import Settings
from tests.api.fakes import FakeAnswers
from tests.api.raw import chunk, post

IMAGE = random.Random(0).randbytes(3000)


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


CODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "upper case": ("GZIP", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "two members": ("gzip", lambda data: gzip.compress(data[:10], mtime=0) + gzip.compress(data[10:])),
    "zlib": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "identity": ("identity", bytes),
    "identity and gzip": ("identity, gzip", gzip.compress),
    "nothing": ("", bytes),
}


@pytest.mark.parametrize("name", CODINGS)
async def test_a_compressed_body_is_read_like_a_plain_one(
    client: httpx.AsyncClient, fake: FakeAnswers, name: str
) -> None:
    coding, compress = CODINGS[name]
    bodies = {
        "image/png": IMAGE,
        "application/json": json.dumps({"image": base64.b64encode(IMAGE).decode()}).encode(),
        "multipart/form-data; boundary=b": b"--b\r\nContent-Disposition: form-data; name=image\r\n\r\n"
        + IMAGE
        + b"\r\n--b--\r\n",
    }
    for content_type, body in bodies.items():
        headers = {"Content-Type": content_type, "Content-Encoding": coding}
        response = await client.post("/predict", content=compress(body), headers=headers)
        assert response.status_code == 200, response.text
    assert [data for data, _ in fake.asked] == [IMAGE] * 3


@pytest.mark.parametrize("coding", DECODERS)
@pytest.mark.parametrize("step", [1, 2, 7, 1000, 10**7])
def test_pieces_of_any_size_give_the_same_bytes(coding: str, step: int) -> None:
    data = bytes(3 * STEP) + IMAGE + b"x" * STEP
    forms = [gzip.compress(data, mtime=0)] if "gzip" in coding else [zlib.compress(data), raw_deflate(data)]
    for body in forms:
        decode = decoder(coding)
        pieces = [
            piece
            for start in range(0, len(body), step)
            for piece in decode(body[start : start + step], start + step >= len(body))
        ]
        assert b"".join(pieces) == data
        assert max(map(len, pieces)) <= STEP


@pytest.mark.parametrize("size", [0, 1, STEP - 1, STEP, STEP + 1, 2 * STEP])
def test_sizes_about_one_step(size: int) -> None:
    assert b"".join(decoder("gzip")(gzip.compress(bytes(size)), True)) == bytes(size)
    assert b"".join(decoder("deflate")(zlib.compress(bytes(size)), True)) == bytes(size)


@pytest.mark.parametrize(
    ("coding", "body", "words"),
    [
        ("gzip", b"plain", "not valid gzip data"),
        ("gzip", gzip.compress(IMAGE, mtime=0)[:-9], "gzip body is truncated"),
        ("gzip", gzip.compress(IMAGE, mtime=0)[:5], "gzip body is truncated"),
        ("gzip", gzip.compress(IMAGE, mtime=0) + b"more", "not valid gzip data"),
        ("gzip", gzip.compress(IMAGE, mtime=0)[:-8] + bytes(8), "not valid gzip data"),
        ("deflate", b"\xff\xff", "not valid deflate data"),
        ("deflate", zlib.compress(IMAGE)[:-4], "deflate body is truncated"),
        ("deflate", b"x", "deflate body is truncated"),
        ("deflate", zlib.compress(IMAGE) + b"more", "data after its end"),
    ],
)
async def test_damaged_compression_is_named(client: httpx.AsyncClient, coding: str, body: bytes, words: str) -> None:
    response = await client.post("/predict", content=body, headers={"Content-Encoding": coding})
    assert (response.status_code, response.json()["type"]) == (400, "/problems/malformed-request")
    assert words in response.json()["detail"]


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_an_empty_body_is_empty(coding: str) -> None:
    assert b"".join(decoder(coding)(b"", True)) == b""


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "gzip, br", "compress", "nonsense"])
@pytest.mark.parametrize("path", ["/predict", "/explain/gradcam", "/collections/x/items", "/jobs"])
async def test_other_codings_are_refused_by_name(client: httpx.AsyncClient, coding: str, path: str) -> None:
    response = await client.post(path, content=b"x", headers={"Content-Encoding": coding})
    assert (response.status_code, response.json()["type"]) == (415, "/problems/unsupported-encoding")
    assert f"Content-Encoding {coding!r} is not supported" in response.json()["detail"]
    assert response.headers["accept-encoding"] == "gzip, deflate"


async def test_several_headers_count_like_one(client: httpx.AsyncClient) -> None:
    twice = [("Content-Encoding", "gzip"), ("Content-Encoding", "br")]
    assert (await client.post("/predict", content=b"x", headers=twice)).status_code == 415


@pytest.mark.parametrize("content_type", ["image/png", "application/json", "multipart/form-data; boundary=b"])
async def test_a_bomb_is_stopped_at_the_limit(app: FastAPI, settings: Settings, content_type: str) -> None:
    """A body of 1 MB that expands to 1 GB."""
    bomb = b"".join([gzip.compress(bytes(2**26))] * 16)
    assert len(bomb) < 2**21 < 16 * 2**26
    headers = {"Content-Type": content_type, "Content-Encoding": "gzip"}
    tracemalloc.start()
    status, _, body = await post(app, [chunk(bomb, more=False)], headers)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert status in ({413} if content_type == "image/png" else {400, 413}), body
    assert peak < 3 * max_body_bytes(settings) + 4 * len(bomb)


async def test_the_shared_memory_counts_decoded_bytes(zoo: Any) -> None:
    from service.api.app import create_app
    from tests.models import tiny

    settings = tiny.settings(zoo, receive_memory_mb=1, max_image_bytes=2**22, threads=1)
    app = create_app(settings, FakeAnswers(settings))
    headers = {"Content-Type": "image/png", "Content-Encoding": "gzip"}
    body = gzip.compress(bytes(2**21))
    assert (await post(app, [chunk(body, more=False)], headers))[0] == 429
    small = gzip.compress(bytes(2**19))
    for _ in range(4):  # what a refused or answered request held is free again
        assert (await post(app, [chunk(small, more=False)], headers))[0] == 200


async def test_a_long_gzip_header_is_no_way_around_the_limit(app: FastAPI) -> None:
    """A file name without an end decompresses to nothing."""
    start = b"\x1f\x8b\x08\x08" + bytes(6)
    messages = [chunk(start), *(chunk(b"n" * 2**18) for _ in range(100)), chunk(b"", more=False)]
    status, _, _ = await post(app, messages, {"Content-Type": "image/png", "Content-Encoding": "gzip"})
    assert status == 413


def test_a_raw_piece_is_not_decoded_before_it_is_known() -> None:
    decode = decoder("deflate")
    assert list(decode(zlib.compress(b"x")[:1], False)) == []
    with pytest.raises(MalformedRequest, match="truncated"):
        list(decode(b"", True))
