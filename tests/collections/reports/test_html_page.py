"""Pages carry everything in themselves, run nothing, and let nothing from outside become markup."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import numpy as np

from service.collections.reports.bias import bias
from service.collections.reports.bias_page import page as bias_page
from service.collections.reports.html_page import POLICY, Html, document, figure, section, table, tag
from tests.collections.reports.test_bias import evidence


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"img", "meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    assert not reader.open
    return reader


def test_what_is_no_markup_is_escaped_everywhere() -> None:
    hostile = '"><script>alert(1)</script>'
    body = section(hostile, table(hostile, (hostile, hostile), [(hostile, hostile)]), tag("p", hostile, title=hostile))
    text = document(hostile, (hostile,), hostile, body, figure(np.zeros((2, 2, 3), np.uint8), hostile, hostile))
    assert "<script" not in text
    assert not any(name == "script" for name, _ in read(text).tags)


def test_the_policy_names_the_very_style_of_the_page_and_allows_nothing_else() -> None:
    text = document("t", (), "", Html(""))
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style.group(1).encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in POLICY
    assert "default-src 'none'" in POLICY
    assert "unsafe" not in POLICY
    metas = [found for name, found in read(text).tags if name == "meta"]
    assert any(found.get("content") == POLICY for found in metas)


def test_a_bias_page_needs_nothing_and_can_be_heard() -> None:
    report = bias(evidence(60, corner=6.0))
    picture = np.zeros((16, 16, 3), np.uint8)
    text = bias_page(report, "images", "m 1", "NOTICE", {"class 0": picture})
    reader = read(text)
    assert ("html", {"lang": "en"}) in reader.tags
    images = [found for name, found in reader.tags if name == "img"]
    assert len(images) == 6
    assert all(found["alt"] and str(found["src"]).startswith("data:image/jpeg;base64,") for found in images)
    assert not any(
        "href" in found or "style" in found or any(k.startswith("on") for k in found) for _, found in reader.tags
    )
    assert "Found: positions outside the anatomy decide" in text
    assert "NOTICE" in text
    assert [name for name, _ in reader.tags].count("h1") == 1
