"""The service's own files: the same bytes for everybody, fewer of them on the wire for those who take gzip."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from service.api.server.static_files import CompressedStaticFiles
from tests.api.conftest import talking_to

TEXT = b"/* a text */\n" * 200
PICTURE = bytes(range(256))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "text.js").write_bytes(TEXT)
    (tmp_path / "picture.webp").write_bytes(PICTURE)
    return tmp_path


@pytest.fixture
def files(folder: Path) -> httpx.AsyncClient:
    return talking_to(Starlette(routes=[Mount("/", CompressedStaticFiles(directory=folder))]))


def taking(coding: str) -> dict[str, str]:
    return {"Accept-Encoding": coding}


@pytest.mark.parametrize("coding", ["gzip", "gzip, deflate, br, zstd", "GZIP;q=0.5", "*", "br, *;q=0.1"])
async def test_who_takes_gzip_gets_it(files: httpx.AsyncClient, coding: str) -> None:
    response = await files.get("/text.js", headers=taking(coding))
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["content-type"].startswith("text/javascript")
    assert int(response.headers["content-length"]) < len(TEXT) / 10
    assert response.content == TEXT


@pytest.mark.parametrize("coding", ["", "identity", "br", "gzip;q=0", "gzip;q=0, *", "gzip;q=nonsense", "notgzip"])
async def test_who_does_not_gets_the_file_as_it_lies(files: httpx.AsyncClient, coding: str) -> None:
    response = await files.get("/text.js", headers=taking(coding))
    assert "content-encoding" not in response.headers
    assert response.headers["vary"] == "Accept-Encoding"  # or a cache between us would give it to the others too
    assert response.headers["content-length"] == str(len(TEXT))
    assert response.content == TEXT


async def test_pictures_are_not_compressed_again(files: httpx.AsyncClient) -> None:
    response = await files.get("/picture.webp", headers=taking("gzip"))
    assert "content-encoding" not in response.headers
    assert "vary" not in response.headers
    assert response.content == PICTURE


async def test_each_form_has_its_own_tag_and_is_not_sent_twice(files: httpx.AsyncClient) -> None:
    tags = {coding: (await files.get("/text.js", headers=taking(coding))).headers["etag"] for coding in ("gzip", "br")}
    assert tags["gzip"] != tags["br"]
    for coding, tag in tags.items():
        again = await files.get("/text.js", headers=taking(coding) | {"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["vary"] == "Accept-Encoding"
        other = next(one for one in tags if one != coding)
        assert (await files.get("/text.js", headers=taking(other) | {"If-None-Match": tag})).status_code == 200


@pytest.mark.parametrize("coding", ["gzip", "identity"])
async def test_head_tells_what_get_would(files: httpx.AsyncClient, coding: str) -> None:
    got = await files.get("/text.js", headers=taking(coding))
    headed = await files.head("/text.js", headers=taking(coding))
    assert headed.content == b""
    assert headed.headers == got.headers


async def test_an_edited_file_is_read_again(files: httpx.AsyncClient, folder: Path) -> None:
    first = await files.get("/text.js")
    (folder / "text.js").write_bytes(TEXT[::-1])
    os.utime(folder / "text.js", ns=(0, 10**18))
    second = await files.get("/text.js", headers={"If-None-Match": first.headers["etag"]})
    assert second.content == TEXT[::-1]


async def test_what_is_compressed_is_compressed_once(files: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = [(await files.get("/text.js", headers=taking("gzip"))).content]
    monkeypatch.setattr(gzip, "compress", None)
    sent.append((await files.get("/text.js", headers=taking("gzip"))).content)
    assert sent == [TEXT, TEXT]


@pytest.mark.parametrize("page", ["/", "/docs"])
async def test_pages_are_files_as_well(client: httpx.AsyncClient, page: str) -> None:
    first = await client.get(page, headers=taking("gzip"))
    assert first.headers["content-encoding"] == "gzip"
    again = await client.get(page, headers=taking("gzip") | {"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.headers["content-security-policy"] == first.headers["content-security-policy"]
    assert (await client.head(page)).status_code == 200
