"""Fetch one file over HTTP: resumed after an interruption, and kept only if its digest is the expected one."""

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
"""Called with the bytes on disk so far, and the size of the whole file if the server sends it."""

_TRANSIENT_STATUSES = {408, 425, 429, 500, 502, 503, 504}
_MAX_PAUSE_S = 30.0


@dataclass(frozen=True)
class RetryPolicy:
    """How long to try.

    tries: failures in a row without a new byte. pause_s: seconds before the second try; it doubles up to 30. connect_s:
    seconds to connect. silence_s: seconds without data after which a connection counts as lost.
    """

    tries: int = 5
    pause_s: float = 1.0
    connect_s: float = 10.0
    silence_s: float = 30.0


class _TransientFailure(Exception):
    """This try failed, but another one may succeed."""


def fetch(
    url: str, path: Path, sha256: str, *, progress: Progress | None = None, retry_policy: RetryPolicy | None = None
) -> str:
    """Fetch a URL into `path`, and return the complete sha256 of the file.

    sha256: the hex digits, all 64 or the first few, that the file's sha256 must begin with.
    Received bytes are in `path` + `.part`; the next try, or the next call, resumes there. A file with another digest is
    deleted. If two calls contributed to it, it is fetched again first.

    Raises WeightsError if the server refuses or cannot be reached, the digest differs, or the disk cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        resumed = _size(part) > 0
        _collect(url, part, progress, retry_policy or RetryPolicy())
        found = digest(part)
        if not found.startswith(sha256.lower()):
            part.unlink()
            if resumed:
                return fetch(url, path, sha256, progress=progress, retry_policy=retry_policy)
            raise WeightsError(
                f"{url} has sha256 {found}, but one that begins with {sha256} was expected; the file was deleted"
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
            except (_TransientFailure, httpx.TransportError) as error:
                failures = 0 if _size(part) > before else failures + 1
                if failures >= retry_policy.tries:
                    raise WeightsError(
                        f"{url} cannot be fetched, {failures} tries in a row: {_describe(error)}"
                    ) from error
                time.sleep(min(retry_policy.pause_s * 2 ** max(failures - 1, 0), _MAX_PAUSE_S))
            else:
                return


def _once(client: httpx.Client, url: str, part: Path, progress: Progress | None) -> None:
    """One connection: append received bytes to `part`; returns when the file is complete."""
    size = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={size}-"} if size else {})
    with _answer(client, url, headers) as answer:
        if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and size:
            if answer.headers.get("content-range") == f"bytes */{size}":
                return
            part.unlink()
            raise _TransientFailure("the received part is longer than the file, so it is fetched again")
        if answer.status_code in _TRANSIENT_STATUSES:
            raise _TransientFailure(_describe(answer))
        if not answer.is_success:
            raise WeightsError(f"{url} cannot be fetched: {_describe(answer)}")
        size = size if _continues(answer, size) else 0
        total = _total(answer, size)
        with part.open("r+b" if size else "wb") as file:
            file.seek(size)
            for chunk in answer.iter_raw():
                file.write(chunk)
                size += len(chunk)
                if progress:
                    progress(size, total)


@contextmanager
def _answer(client: httpx.Client, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
    try:
        with client.stream("GET", url, headers=headers) as answer:
            hops = [hop.url.scheme for hop in (*answer.history, answer)]
            if url.startswith("https:") and set(hops) != {"https"}:
                raise WeightsError(f"{url} redirects to an address that is not encrypted: refused")
            yield answer
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
        raise WeightsError(f"{url} cannot be fetched: {_describe(error)}") from error


def _continues(answer: httpx.Response, size: int) -> bool:
    """Whether the answer continues at byte `size`; a server that ignores Range sends the file from its beginning."""
    if answer.status_code != HTTPStatus.PARTIAL_CONTENT:
        return False
    if not answer.headers.get("content-range", "").startswith(f"bytes {size}-"):
        raise WeightsError(f"{answer.url} answers with a range that was not asked for")
    return True


def _total(answer: httpx.Response, size: int) -> int | None:
    length = answer.headers.get("content-length", "")
    return size + int(length) if length.isdecimal() else None


def _size(part: Path) -> int:
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0


def _describe(failure: Exception | httpx.Response) -> str:
    if isinstance(failure, httpx.Response):
        return f"the server answers {failure.status_code} {failure.reason_phrase}"
    return str(failure) or type(failure).__name__
