"""The files of the page: small, complete, with all texts in one of them, and nothing from elsewhere. No browser."""

from __future__ import annotations

import re
from functools import cache

import httpx

from service.api.routes.pages import PAGE

MOST_BYTES = 320_000
"""Of the uncompressed files; tests/page counts what browsers fetch."""

FILES = sorted(path for path in PAGE.rglob("*") if path.is_file() and not path.name.endswith(".d.ts"))
MODULES = [path for path in FILES if path.suffix == ".js"]
STRINGS = PAGE / "core" / "strings.js"


@cache
def text(name: str) -> str:
    return (PAGE / name).read_text()


def strings() -> dict[str, str]:
    """The table of strings.js."""
    groups = re.findall(r"^  (\w+): \{\n(.*?)^  \},", STRINGS.read_text(), re.MULTILINE | re.DOTALL)
    line = re.compile(r'"?([\w.+-]+)"?:\s*"((?:[^"\\]|\\.)*)"')
    return {f"{group}.{name}": value for group, lines in groups for name, value in line.findall(lines)}


def test_the_sources_are_small() -> None:
    assert sum(path.stat().st_size for path in FILES) < MOST_BYTES


def test_main_imports_every_module() -> None:
    """So that a browser requests all modules at once, and not one level of imports after another."""
    named = re.findall(r'^import (?:.* from )?"\./([\w/]+\.js)";', text("main.js"), re.MULTILINE)
    assert sorted([*named, "main.js"]) == sorted(str(path.relative_to(PAGE)) for path in MODULES)


def test_every_text_exists_and_is_used() -> None:
    code = "".join(path.read_text() for path in FILES if path.suffix in {".js", ".html"} and path != STRINGS)
    used = set(re.findall(r'["\'`]([a-z]+(?:\.[\w+-]+)+)["\'`]', code))
    patterns = [re.escape(start) for start in re.findall(r"`([a-z]+(?:\.[\w-]+)*\.)\$\{", code)]
    texts = strings()
    assert len(texts) > 150
    groups = {name.split(".")[0] for name in texts}
    files = {path.name for path in FILES}
    assert {key for key in used - set(texts) - files if key.split(".")[0] in groups} == set()
    assert {key for key in texts if key not in used and not any(re.match(start, key) for start in patterns)} == set()


def test_the_page_itself_contains_no_text() -> None:
    body = text("index.html").partition("<body")[2]
    body = re.sub(r"<noscript>.*</noscript>", "", body)
    assert not re.findall(r">\s*[A-Za-z][^<]*<", body)


def test_nothing_comes_from_elsewhere_and_nothing_is_inline() -> None:
    for path in FILES:
        if path.suffix in {".js", ".css", ".html"}:
            content = path.read_text().replace("http://www.w3.org/2000/svg", "")
            assert not re.findall(r"https?://\w", content), path.name
            assert "innerHTML" not in content
            assert "eval(" not in content
    assert "style=" not in text("index.html")
    assert not re.findall(r"<script(?![^>]*src=)", text("index.html"))


def test_modules_are_short() -> None:
    for path in MODULES:
        if path != STRINGS:
            assert len(path.read_text().splitlines()) < 300, path.name


async def test_every_file_is_served_with_its_type(client: httpx.AsyncClient) -> None:
    kinds = {".js": "javascript", ".css": "css", ".html": "html", ".svg": "svg", ".webp": "webp"}
    for path in FILES:
        response = await client.get(f"/page/{path.relative_to(PAGE)}")
        assert response.status_code == 200
        assert kinds[path.suffix] in response.headers["content-type"], path.name
        assert response.headers["x-content-type-options"] == "nosniff"


async def test_browsers_cache_the_files_and_revalidate_them(client: httpx.AsyncClient) -> None:
    first = await client.get("/page/main.js")
    assert first.headers["cache-control"] == "no-cache"
    again = await client.get("/page/main.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
