"""Fetch one file over HTTP: resumed where it broke off, and kept only where its digest is the promised one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx

from service.errors import WeightsError
from service.models.weights import digest

Progress = Callable[[int, int | None], None]
"""Told the bytes on disk so far, and the whole file's bytes where the server says."""

_PASSING = {408, 425, 429, 500, 502, 503, 504}
_LONGEST_PAUSE_S = 30.0


@dataclass(frozen=True)
class RetryPolicy:
    """How long to try: tries in a row that bring no new byte, seconds before the second of them (it doubles up to 30),
    seconds to connect, and seconds of silence after which a connection counts as broken."""

    tries: int = 5
    pause_s: float = 1.0
    connect_s: float = 10.0
    silence_s: float = 30.0


class _Broken(Exception):
    """This try failed, another may not."""


def fetch(
    url: str, path: Path, sha256: str, *, progress: Progress | None = None, retry_policy: RetryPolicy | None = None
) -> str:
    """Fetch a URL into `path`, and give the file's whole sha256.

    sha256: the hex digits, all 64 or the first few, that the file's sha256 must begin with.
    What has arrived waits in `path` + `.part`, and the next try, or the next call, goes on from there. A file of
    another digest is deleted; where it was pieced together by two calls, it is first fetched anew.

    Raises WeightsError where the server refuses or stays away, the digest differs, or the disk refuses.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        inherited = _size(part) > 0
        _collect(url, part, progress, retry_policy or RetryPolicy())
        found = digest(part)
        if not found.startswith(sha256.lower()):
            part.unlink()
            if inherited:
                return fetch(url, path, sha256, progress=progress, retry_policy=retry_policy)
            raise WeightsError(
                f"{url} has sha256 {found}, but one that begins with {sha256} was promised; nothing was kept"
            )
        part.replace(path)
    except OSError as error:
        raise WeightsError(f"cannot write {path}: {error.strerror}") from error
    return found


def _collect(url: str, part: Path, progress: Progress | None, retry_policy: RetryPolicy) -> None:
    failures = 0
    timeout = httpx.Timeout(retry_policy.silence_s, connect=retry_policy.connect_s)
    with httpx.Client(timeout=timeout, follow_redirects=True) as client:
        while True:
            before = _size(part)
            try:
                _once(client, url, part, progress)
            except (_Broken, httpx.TransportError) as error:
                failures = 0 if _size(part) > before else failures + 1
                if failures >= retry_policy.tries:
                    raise WeightsError(
                        f"{url} cannot be fetched, {failures} tries in a row: {_words(error)}"
                    ) from error
                time.sleep(min(retry_policy.pause_s * 2 ** max(failures - 1, 0), _LONGEST_PAUSE_S))
            else:
                return


def _once(client: httpx.Client, url: str, part: Path, progress: Progress | None) -> None:
    """One connection: append what it brings to `part`; returns when the file is whole."""
    have = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with _answer(client, url, headers) as answer:
        if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            if answer.headers.get("content-range") == f"bytes */{have}":
                return
            part.unlink()
            raise _Broken("the part at hand is longer than the file, so it starts anew")
        if answer.status_code in _PASSING:
            raise _Broken(_words(answer))
        if not answer.is_success:
            raise WeightsError(f"{url} cannot be fetched: {_words(answer)}")
        have = have if _continues(answer, have) else 0
        total = _total(answer, have)
        with part.open("r+b" if have else "wb") as file:
            file.seek(have)
            for chunk in answer.iter_raw():
                file.write(chunk)
                have += len(chunk)
                if progress:
                    progress(have, total)


@contextmanager
def _answer(client: httpx.Client, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
    try:
        with client.stream("GET", url, headers=headers) as answer:
            hops = [hop.url.scheme for hop in (*answer.history, answer)]
            if url.startswith("https:") and set(hops) != {"https"}:
                raise WeightsError(f"{url} leads over an address which is not encrypted: refused")
            yield answer
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
        raise WeightsError(f"{url} cannot be fetched: {_words(error)}") from error


def _continues(answer: httpx.Response, have: int) -> bool:
    """Whether the answer goes on from byte `have`; a server that ignores Range sends the file from its beginning."""
    if answer.status_code != HTTPStatus.PARTIAL_CONTENT:
        return False
    if not answer.headers.get("content-range", "").startswith(f"bytes {have}-"):
        raise WeightsError(f"{answer.url} answers with a range that was not asked for")
    return True


def _total(answer: httpx.Response, have: int) -> int | None:
    length = answer.headers.get("content-length", "")
    return have + int(length) if length.isdecimal() else None


def _size(part: Path) -> int:
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0


def _words(trouble: Exception | httpx.Response) -> str:
    if isinstance(trouble, httpx.Response):
        return f"the server answers {trouble.status_code} {trouble.reason_phrase}"
    return str(trouble) or type(trouble).__name__
