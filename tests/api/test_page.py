"""The page's own files: short, complete, all words in one of them, nothing from elsewhere. No browser needed."""

from __future__ import annotations

import re
from functools import cache

import httpx

from service.api.routes.pages import PAGE

MOST_BYTES = 260_000
"""Of the sources as they are read; tests/page counts what browsers fetch of them."""

FILES = sorted(path for path in PAGE.rglob("*") if path.is_file())
MODULES = [path for path in FILES if path.suffix == ".js"]


@cache
def text(name: str) -> str:
    return (PAGE / name).read_text()


def strings() -> dict[str, str]:
    """The table of strings.js."""
    groups = re.findall(r"^  (\w+): \{\n(.*?)^  \},", text("strings.js"), re.MULTILINE | re.DOTALL)
    line = re.compile(r'"?([\w.+-]+)"?:\s*"((?:[^"\\]|\\.)*)"')
    return {f"{group}.{name}": said for group, lines in groups for name, said in line.findall(lines)}


def test_the_sources_are_not_many() -> None:
    assert sum(path.stat().st_size for path in FILES) < MOST_BYTES


def test_every_module_is_asked_for_by_the_second_round() -> None:
    """Modules name each other; where main.js did not, a slow connection would fetch them one level after another."""
    named = re.findall(r'^import .*"\./([\w.]+)";', text("main.js"), re.MULTILINE)
    assert sorted([*named, "main.js"]) == [path.name for path in MODULES]


def test_imports_lead_to_what_exists() -> None:
    for path in MODULES:
        for names, module in re.findall(r'import \{([^}]+)\} from "\./([\w.]+)"', path.read_text()):
            for name in (part.strip() for part in names.split(",") if part.strip()):
                assert re.search(rf"export (async )?(function|const|class) {name}\b", text(module)), (path.name, name)
                assert len(re.findall(rf"\b{name}\b", path.read_text())) > 1, f"{path.name} does not use {name}"


def test_every_text_is_there_and_every_one_is_used() -> None:
    code = "".join(path.read_text() for path in FILES if path.suffix in {".js", ".html"} and path.name != "strings.js")
    used = set(re.findall(r'["\'`]([a-z]+(?:\.[\w+-]+)+)["\'`]', code))
    patterns = [re.escape(start) for start in re.findall(r"`([a-z]+(?:\.[\w-]+)*\.)\$\{", code)]
    there = strings()
    assert len(there) > 150
    files = {path.name for path in FILES}
    missing = {key for key in used - set(there) - files if key.split(".")[0] in {name.split(".")[0] for name in there}}
    assert missing == set()
    idle = {key for key in there if key not in used and not any(re.match(start, key) for start in patterns)}
    assert idle == set()


def test_no_words_stand_in_the_page_itself() -> None:
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


def test_files_are_short() -> None:
    for path in MODULES:
        if path.name != "strings.js":
            assert len(path.read_text().splitlines()) < 300, path.name


async def test_every_file_is_served_as_what_it_is(client: httpx.AsyncClient) -> None:
    kinds = {".js": "javascript", ".css": "css", ".html": "html", ".svg": "svg", ".webp": "webp"}
    for path in FILES:
        response = await client.get(f"/page/{path.relative_to(PAGE)}")
        assert response.status_code == 200
        assert kinds[path.suffix] in response.headers["content-type"], path.name
        assert response.headers["x-content-type-options"] == "nosniff"


async def test_a_browser_keeps_the_files_and_asks_whether_they_are_still_the_same(client: httpx.AsyncClient) -> None:
    first = await client.get("/page/main.js")
    assert first.headers["cache-control"] == "no-cache"
    again = await client.get("/page/main.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
