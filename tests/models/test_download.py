from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.errors import WeightsError
from service.models.download import RetryPolicy, fetch
from tests.models.server import Site, serving

CONTENT = random.Random(0).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HASTE = RetryPolicy(tries=3, pause_s=0, connect_s=2, silence_s=2)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site({"file.pth": CONTENT})) as site:
        yield site


def get(site: Site, folder: Path, sha256: str = SHA256[:8], name: str = "file.pth") -> bytes:
    assert fetch(f"{site.url}/{name}", folder / "file", sha256, retry_policy=HASTE) == SHA256
    assert [path.name for path in folder.iterdir()] == ["file"]
    return (folder / "file").read_bytes()


def test_good(site: Site, tmp_path: Path) -> None:
    assert get(site, tmp_path) == CONTENT
    assert site.seen == [("/file.pth", None)]


def test_progress_grows_to_the_whole(site: Site, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    fetch(f"{site.url}/file.pth", tmp_path / "file", SHA256, progress=lambda *figures: seen.append(figures))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert {total for _, total in seen} == {len(CONTENT)}


def test_a_transfer_that_breaks_off_is_resumed(site: Site, tmp_path: Path) -> None:
    site.cut, site.cuts = 70_000, 4  # more breaks than tries: each brought new bytes, so none counts
    assert get(site, tmp_path) == CONTENT
    assert [asked for _, asked in site.seen] == [None, *(f"bytes={n}-" for n in (70_000, 140_000, 210_000, 280_000))]


def test_a_later_call_goes_on_where_an_earlier_one_gave_up(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT[:123_456])
    assert get(site, tmp_path) == CONTENT
    assert site.seen == [("/file.pth", "bytes=123456-")]


def test_a_whole_part_needs_no_more_bytes(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT)
    assert get(site, tmp_path) == CONTENT


def test_a_part_of_something_else_is_fetched_anew(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(b"something else")
    assert get(site, tmp_path) == CONTENT
    (tmp_path / "file").rename(tmp_path / "file.part")
    with (tmp_path / "file.part").open("ab") as part:
        part.write(b"and more than the whole")
    assert get(site, tmp_path) == CONTENT


def test_a_server_without_range_is_asked_for_the_whole_again(site: Site, tmp_path: Path) -> None:
    site.ranges, site.cut, site.cuts = False, 70_000, 1
    assert get(site, tmp_path) == CONTENT


@pytest.mark.parametrize("sha256", ["00000000", SHA256[:-1] + "x"])
@pytest.mark.parametrize("part", [b"", CONTENT[:1000]])
def test_wrong_digest_keeps_nothing(site: Site, tmp_path: Path, sha256: str, part: bytes) -> None:
    (tmp_path / "file.part").write_bytes(part)
    with pytest.raises(WeightsError, match=f"has sha256 {SHA256}, but one that begins with {sha256}"):
        fetch(f"{site.url}/file.pth", tmp_path / "file", sha256, retry_policy=HASTE)
    assert list(tmp_path.iterdir()) == []


def test_passing_trouble_is_waited_out(site: Site, tmp_path: Path) -> None:
    site.failures = [500, 503]
    assert get(site, tmp_path) == CONTENT


def test_lasting_trouble_is_told(site: Site, tmp_path: Path) -> None:
    site.failures = [500] * 9
    with pytest.raises(WeightsError, match=r"3 tries in a row: the server answers 500"):
        get(site, tmp_path)
    assert len(site.seen) == HASTE.tries


def test_a_refusal_is_not_repeated(site: Site, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="the server answers 404"):
        get(site, tmp_path, name="nowhere.pth")
    assert len(site.seen) == 1


def test_no_server(tmp_path: Path) -> None:
    with serving(Site({})) as gone:
        pass
    with pytest.raises(WeightsError, match="cannot be fetched, 3 tries in a row"):
        get(gone, tmp_path)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/file.pth", "file:///etc/passwd", "http://[bad/file.pth"])
def test_urls_that_are_none(url: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be fetched"):
        fetch(url, tmp_path / "file", SHA256, retry_policy=HASTE)


def test_a_detour_is_followed_and_keeps_its_place(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT[:1000])
    with serving(Site({}, redirect=f"{site.url}/file.pth")) as detour:
        assert get(detour, tmp_path) == CONTENT
    assert site.seen == [("/file.pth", "bytes=1000-")]


@pytest.mark.parametrize("hops", [("http://b/x",), ("http://b/x", "https://c/x")])
def test_an_encrypted_address_never_leads_to_an_open_one(
    hops: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    following = dict(zip(("https://a/x", *hops), hops, strict=False))

    def answer(request: httpx.Request) -> httpx.Response:
        place = following.get(str(request.url))
        return (
            httpx.Response(302, headers={"Location": place})
            if place
            else httpx.Response(200, stream=httpx.ByteStream(CONTENT))
        )

    whole_client = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **how: whole_client(transport=httpx.MockTransport(answer), **how))
    with pytest.raises(WeightsError, match="that is not encrypted: refused"):
        fetch("https://a/x", tmp_path / "file", SHA256, retry_policy=HASTE)
    following.clear()
    assert fetch("https://a/x", tmp_path / "file", SHA256, retry_policy=HASTE) == SHA256


def test_a_full_disk_is_told(site: Site) -> None:
    with pytest.raises(WeightsError, match="cannot write"):
        fetch(f"{site.url}/file.pth", Path("/dev/null/file"), SHA256, retry_policy=HASTE)
