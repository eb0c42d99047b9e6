"""The three ways to send an image give the same bytes, and every wrong body has its own error."""

from __future__ import annotations

import base64
import random
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api.app import create_app
from service.api.body.base64_text import Base64Decoder
from service.errors import MalformedRequest
from tests.api.conftest import talking_to
from tests.api.fakes import FakeAnswers, encoded
from tests.models import tiny

IMAGE = bytes(random.Random(0).randbytes(2000))
ENCODED = base64.b64encode(IMAGE).decode()
CURL_FORM = "application/x-www-form-urlencoded"

Request = dict[str, Any]


def decode_base64(text: str) -> bytes:
    decoder = Base64Decoder()
    return decoder.feed(text.encode("utf-8", "surrogatepass")) + decoder.finish()


WAYS: dict[str, Request] = {
    "form": {"files": {"image": ("patient.jpg", IMAGE, "text/plain")}},
    "form without a file name": {
        "content": b"--b\r\nContent-Disposition: form-data; name=image\r\n\r\n" + IMAGE + b"\r\n--b--\r\n",
        "headers": {"Content-Type": "multipart/form-data; boundary=b"},
    },
    "bytes as an image": {"content": IMAGE, "headers": {"Content-Type": "image/made-up"}},
    "bytes as a stream": {"content": IMAGE, "headers": {"Content-Type": "application/octet-stream"}},
    "bytes as nothing": {"content": IMAGE},
    "JSON": {"json": {"image": ENCODED}},
    "JSON with a list of one": {"json": {"image": [ENCODED]}},
    "JSON with a data URL": {"json": {"image": "data:image/png;base64," + ENCODED}},
    "JSON with line breaks": {"json": {"image": base64.encodebytes(IMAGE).decode().replace("\n", "\r\n")}},
    "JSON with a charset": {
        "content": b'{"image": "%s"}' % ENCODED.encode(),
        "headers": {"Content-Type": "Application/JSON; charset=utf-8"},
    },
}


@pytest.mark.parametrize("way", WAYS)
async def test_every_way_to_send_an_image_gives_the_same_bytes(
    client: httpx.AsyncClient, fake: FakeAnswers, way: str
) -> None:
    response = await client.post("/predict", **WAYS[way])
    assert response.status_code == 200, response.text
    assert [data for data, _ in fake.asked] == [IMAGE]


async def test_every_way_gives_an_identical_answer(client: httpx.AsyncClient) -> None:
    def said(response: httpx.Response) -> dict[str, Any]:
        return {name: value for name, value in response.json().items() if name != "request_id"}

    answers = [said(await client.post("/explain/gradcam?boxes=1&overlay=1", **way)) for way in WAYS.values()]
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["explanation"]["maps"][0]["boxes"]


@pytest.mark.parametrize("size", [0, 1, 63, 64 * 1024, 200_000])
async def test_multipart_keeps_bytes_that_look_like_boundaries(settings: Any, fake: FakeAnswers, size: int) -> None:
    from service.api.body.body_limits import BodyLimits
    from service.api.body.multipart import read_multipart

    tricky = (b"\r\n--b\r\r\n-" * (size // 9 + 1))[:size] + b"\r\n--"
    body = b"--bb\r\nContent-Disposition: form-data; name=image\r\n\r\n" + tricky + b"\r\n--bb--\r\n"
    for step in (1 if size < 100 else 1021, len(body)):

        async def chunks(step: int = step) -> Any:
            for start in range(0, len(body), step):
                yield body[start : start + step]

        found = await read_multipart("multipart/form-data; boundary=bb", chunks(), BodyLimits(2**20, 1))
        assert found == {"image": [tricky]}


def form(*fields: tuple[str, bytes], close: bytes = b"--b--\r\n") -> Request:
    parts = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="%s"; filename="secret.jpg"\r\n\r\n%s\r\n' % (name.encode(), data)
        for name, data in fields
    )
    return {"content": parts + close, "headers": {"Content-Type": "multipart/form-data; boundary=b"}}


def text(content: str | bytes, content_type: str = "application/json") -> Request:
    return {"content": content, "headers": {"Content-Type": content_type}}


WRONG: dict[str, tuple[Request, int, str]] = {
    "nothing": ({}, 400, "the image is empty; send it as a form (curl -F image=@retina.jpg ...)"),
    "empty image": (text(b"", "image/png"), 400, "the image is empty"),
    "empty part": (form(("image", b"")), 400, "the image is empty"),
    "second image empty": (form(("image", b"x"), ("image", b"")), 400, "image 2 of 2 is empty"),
    "wrong field": (form(("file", b"x")), 400, "the form has an unknown field 'file'; send images in the field image"),
    "a parameter as a field": (form(("image", b"x"), ("model", b"tiny")), 400, "parameters in the query: ?model=..."),
    "no fields": (form(), 400, "the form has no field"),
    "no boundary": (text(b"x", "multipart/form-data"), 400, "has no boundary"),
    "long boundary": (text(b"x", "multipart/form-data; boundary=" + "b" * 71), 400, "longer than the 70 characters"),
    "cut form": (form(("image", b"x"), close=b""), 400, "ends before its closing boundary"),
    "no form": (text(b"hello", "multipart/form-data; boundary=b"), 400, "the body is not valid multipart/form-data"),
    "a part without a name": (
        text(b"--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--\r\n", "multipart/form-data; boundary=b"),
        400,
        "a part of the form has no name",
    ),
    "five images": (form(*[("image", b"x")] * 5), 413, "a request may have at most 4 images"),
    "a large part": (form(("image", b"x" * 4097)), 413, "an image may have at most 4 KiB"),
    "large bytes": (text(b"x" * 4097, "image/png"), 413, "an image may have at most 4 KiB"),
    "large JSON": ({"json": {"image": base64.b64encode(bytes(4097)).decode()}}, 413, "at most 4 KiB"),
    "five in JSON": ({"json": {"image": ["eA=="] * 5}}, 413, "at most 4 images"),
    "cut JSON": (text('{"image": '), 400, "the body is not valid JSON: it ends too early, after 10 bytes"),
    "cut text": (text('{"image": "eA=='), 400, "the body is not valid JSON: it ends too early"),
    "cut escape": (text('{"image": "\\u00'), 400, "the body is not valid JSON: it ends too early"),
    "no JSON": (text("image=eA=="), 400, "the body is not valid JSON: unexpected character at byte 1"),
    "a comma too many": (
        text('{"image": "eA==",}'),
        400,
        "the body is not valid JSON: unexpected character at byte 18",
    ),
    "text after the JSON": (text('{"image": "eA=="} x'), 400, "unexpected character at byte 19"),
    "a line break in a string": (text('{"image": "eA\n=="}'), 400, "unexpected character at byte 14"),
    "a wrong escape": (text('{"image": "eA\\x=="}'), 400, "unexpected character at byte 14"),
    "a wrong code point": (text('{"image": "eA\\u00zz=="}'), 400, "unexpected character at byte 14"),
    "the image twice": (text('{"image": "eA==", "image": "eQ=="}'), 400, "the JSON has the field image twice"),
    "nested lists": (text('{"image": [["eA=="]]}'), 400, "image must be a base64 string or a list"),
    "nothing for an image": (text('{"image": null}'), 400, "image must be a base64 string or a list"),
    "a long name": (text('{"' + "x" * 10_000), 400, "the JSON has an unknown field 'xxx"),
    "not a number": (text('{"image": NaN}'), 400, "the body is not valid JSON"),
    "deep JSON": (text('{"image": ' + "[" * 100_000), 400, "image must be a base64 string or a list"),
    "a JSON list": (text("[]"), 400, "the JSON must be an object"),
    "an empty JSON object": (text("{}"), 400, "the JSON has no field image"),
    "no image in JSON": (
        {"json": {"img": "eA=="}},
        400,
        "the JSON has an unknown field 'img'; send images in the field image",
    ),
    "more than the image": ({"json": {"image": "eA==", "model": "x"}}, 400, "the JSON has an unknown field 'model'"),
    "a number for an image": ({"json": {"image": 5}}, 400, "image must be a base64 string or a list"),
    "an empty list": ({"json": {"image": []}}, 400, "image must be a base64 string or a list"),
    "an empty text": ({"json": {"image": ""}}, 400, "the image is empty"),
    "no base64": ({"json": {"image": "a*b="}}, 400, "not base64: only base64 data is allowed"),
    "cut base64": ({"json": {"image": "abcde"}}, 400, "the image is not base64"),
    "padding inside": ({"json": {"image": "YQ==YQ=="}}, 400, "padding (=) before its end"),
    "not ASCII": ({"json": {"image": "ä" * 4}}, 400, "characters outside ASCII"),
    "curl's own type": (text(b"x", CURL_FORM), 415, "add -H 'Content-Type: image/jpeg', or send a form: curl -F"),
    "DICOM": (text(b"x", "application/dicom"), 415, "DICOM is not supported"),
    "text": (text(b"x", "text/html"), 415, "'text/html' is not supported for images; send it as a form"),
}


@pytest.mark.parametrize("fault", WRONG)
async def test_wrong_bodies_are_refused_with_a_reason(client: httpx.AsyncClient, fake: FakeAnswers, fault: str) -> None:
    request, status, words = WRONG[fault]
    response = await client.post("/predict", **request)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert words in response.json()["detail"]
    assert not fake.asked
    assert "secret" not in response.text


async def test_a_limit_is_kept_to_the_byte(client: httpx.AsyncClient) -> None:
    exact = bytes(4096)
    for request in (
        form(("image", exact)),
        text(exact, "image/png"),
        {"json": {"image": base64.b64encode(exact).decode()}},
    ):
        assert (await client.post("/predict", **request)).status_code == 200


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 3 * 2**20, 3 * 2**20 + 1])
def test_base64_round_trips(size: int) -> None:
    data = random.Random(size).randbytes(size)
    assert decode_base64(base64.b64encode(data).decode()) == data


@pytest.mark.parametrize("text", ["=", "====", "A", "AA=", "AAAAA", "A===", "AA==A", "AA!A", "AA AA\0", "\ud800"])
def test_broken_base64_is_refused(text: str) -> None:
    with pytest.raises(MalformedRequest, match="not base64"):
        decode_base64(text)


@pytest.mark.parametrize("size", [1, 2, 3, 61, 62, 63, 3 * 2**19 + 1])
def test_both_alphabets_are_read_with_and_without_padding(size: int) -> None:
    data = b"\xfb\xff\xbf" * (size // 3) + b"\xff" * (size % 3)  # encodes to +, / and -, _
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(data).decode()
        assert decode_base64(text) == decode_base64(text.rstrip("=")) == data


async def test_a_large_json_is_read_like_a_small_one(zoo: Path) -> None:
    data = random.Random(1).randbytes(1_000_000)
    settings = tiny.settings(zoo, threads=1)
    fake = FakeAnswers(settings)
    async with talking_to(create_app(settings, fake)) as client:
        encoded_twice = [base64.b64encode(data).decode()] * 2
        assert (await client.post("/predict", json={"image": encoded_twice})).status_code == 200
        broken = await client.post("/predict", json={"image": encoded_twice[0][:-3] + "***"})
        assert broken.status_code == 400
    assert [data for data, _ in fake.asked] == [data, data]


async def test_pictures_are_recognised_whatever_they_are_called(client: httpx.AsyncClient, fake: FakeAnswers) -> None:
    png = encoded("image/png")
    await client.post("/predict", files={"image": ("x.exe", png, "application/x-msdownload")})
    assert fake.asked[0][0] == png
