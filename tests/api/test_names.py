"""Names that strangers choose, over real connections: refused with a reason, or kept and given back to the letter."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

import pytest

from tests.api.test_serving import Running, serving
from tests.runtime.test_answers import picture

NAMES: dict[str, list[str]] = {
    "empty": ["", " ", "\t", "\r\n", "\u00a0", "\u200b", "\ufeff"],
    "paths": ["..", ".", "../../etc/passwd", "/etc/passwd", "a/../b", "..\\..\\x", "C:\\x", "//host/share", "~root"],
    "encoded twice": ["%2e%2e%2f", "%00", "%252e", "%c0%ae%c0%ae", "%uff0e", "a%0d%0aSet-Cookie: x=1"],
    "control": ["\x00", "a\x00b", "\x07", "\x1b[31mred", "\x7f", "\x85", "a\r\nX-Injected: 1", "\u2028", "\ufffe"],
    "markup": ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</style><script>", "&lt;b&gt;", "<!--"],
    "templates": ["]]>", "{{7*7}}", "${7*7}", "[red]text[/red]", "javascript:alert(1)", "$\\frac{1}{2}$", "$^", "_^{"],
    "code": ["'; DROP TABLE items; --", "' OR 1=1 --", '" OR ""="', "$(reboot)", "`reboot`", "; ls", "| cat"],
    "formulas": ["=1+1", "+1", "-1", "@SUM(A1)", "\ufeff=cmd|' /C calc'!A0"],
    "scripts": ["glaucome à l'œil", "Глаукома", "緑内障", "الزرق", "גלאוקומה", "ต้อหิน", "👁️", "\U000e0041", "\U0010fffd"],
    "direction": ["\u202eabc", "a\u2066b\u2069", "\u200fabc", "abc\u061c"],
    "combining": ["e\u0301", "\u00e9", "a" + "\u0300" * 60, "\ufb01", "\uff21\uff22", "\u0131", "\u1e9e"],
    "reserved": ["con", "nul", "aux.txt", "null", "None", "undefined", "true", "NaN", "__proto__", "-", "--help"],
    "long": ["x" * 200, "x" * 201, "é" * 200, "x" * 5000],
    "numbers": ["0", "-0", "1e309", "0x10", "١٢٣", "9" * 40],
}
HOSTILE = [name for names in NAMES.values() for name in names]

NOT_TEXT = [b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"a\xfe\xffb", b"\xf8\x88\x80\x80\x80"]
"""Bytes that are no UTF-8, a lone surrogate among them."""


@pytest.fixture(scope="module")
def server(zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Path]]:
    folder = tmp_path_factory.mktemp("names")
    with serving(zoo, folder) as running:
        assert running.client.post("/collections?name=set&model=tiny").status_code == 201
        assert running.client.get("/jobs").status_code == 200  # its file is made when it is first asked for
        yield running, folder


def ask(running: Running, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
    """Status and JSON; the path goes out byte for byte."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    connection.request(method, path, body, {"Content-Type": "image/png"} if body else {})
    response = connection.getresponse()
    assert all("Injected" not in name and "Cookie" not in name for name in response.headers)
    content = response.read()
    connection.close()
    return response.status, json.loads(content)


def coded(name: str | bytes) -> str:
    return quote_from_bytes(name if isinstance(name, bytes) else name.encode(), safe="")


def test_there_are_enough() -> None:
    assert len(HOSTILE) == len(set(HOSTILE)) >= 80


def test_a_collection_is_called_by_a_plain_name_or_not_made(server: tuple[Running, Path]) -> None:
    """Three places for every name: a new collection, one that is asked for, and a map of it."""
    running, folder = server
    before = files(folder)
    for name in [*HOSTILE, *NOT_TEXT]:
        status, answer = ask(running, "POST", f"/collections?name={coded(name)}")
        if status == 201:
            assert answer["name"] == name
            assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_")
            assert ask(running, "DELETE", f"/collections/{coded(name)}")[0] == 200
        else:
            assert status == (400 if name in NOT_TEXT else 422), (name, answer)
            assert answer["detail"]
        for path in (
            f"/collections/{coded(name)}",
            f"/collections/set/projection/{coded(name)}",
            f"/jobs/{coded(name)}",
        ):
            status, answer = ask(running, "GET", path)
            assert status in {404, 422} or (name in {"", "."} and status == 200), (path, status, answer)
    assert files(folder) == before


def test_titles_and_labels_come_back_to_the_letter_or_are_refused(server: tuple[Running, Path]) -> None:
    running, folder = server
    before, kept = files(folder), dict[int, str]()
    for seed, name in enumerate(HOSTILE):
        query = f"title={coded(name)}&label={coded(name)}"
        status, answer = ask(running, "POST", f"/collections/set/items?{query}", picture(seed))
        assert status in {200, 422}, (name, answer)
        if status == 200:
            kept[answer["results"][0]["id"]] = name
        else:
            assert len(name) > 200, (name, answer)
    for name in NOT_TEXT:
        status, answer = ask(running, "POST", f"/collections/set/items?title={coded(name)}", picture(9999))
        assert (status, "UTF-8" in answer["detail"]) == (400, True), answer
    assert {one["id"]: (one["name"], one["label"]) for one in listed(running)} == {k: (v, v) for k, v in kept.items()}
    near = running.client.post("/collections/set/neighbors?k=100", content=picture(0)).json()
    assert {one["id"]: one["label"] for one in near["neighbors"]}.items() <= kept.items()
    assert "<script" not in running.client.post("/collections/set/bias", headers={"Accept": "text/html"}).text
    assert mapped(running) == sorted({name for name in kept.values() if name})
    assert files(folder) == before
    assert not any(name in running.log for name in HOSTILE if len(name) > 6)


def listed(running: Running) -> list[dict[str, Any]]:
    return list(running.client.get("/collections/set/items?limit=1000").json()["items"])


def mapped(running: Running) -> list[str]:
    """The labels of a map, which can also be drawn."""
    job = running.client.post("/collections/set/projection?method=pca").json()
    while running.client.get(f"/jobs/{job['id']}").json()["state"] in {"waiting", "running"}:
        time.sleep(0.05)
    drawn = running.client.get("/collections/set/projection/pca-2d", headers={"Accept": "image/png"})
    assert drawn.content.startswith(b"\x89PNG"), drawn.text
    return list(running.client.get("/collections/set/projection/pca-2d").json()["labels"])


def files(folder: Path) -> set[str]:
    """What there is, but for what SQLite keeps beside its files while they are open."""
    here = {str(path.relative_to(folder.parent)) for path in folder.parent.rglob("*")}
    return {path for path in here if not path.endswith(("-wal", "-shm", "-journal"))}
