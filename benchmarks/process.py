"""A server as a process of its own, watched from outside."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.subject import ROOT

PATIENCE = 120.0
"""Seconds a server may take to become ready."""


@dataclass(frozen=True)
class Server:
    """A running server. seconds: from its start until it was ready."""

    name: str
    port: int
    pid: int
    seconds: float

    @property
    def megabytes(self) -> float:
        """Memory of the process and all its descendants, each shared page counted once (PSS), in MB."""
        return sum(_pss(pid) for pid in _family(self.pid)) / 1e3


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def fovea(name: str, data: Path, **settings: object) -> Iterator[Server]:
    """This service with the shipped registry. settings: FOVEA_ settings, in lower case."""
    given = {"FOVEA_" + key.upper(): str(value) for key, value in settings.items()}
    port = free_port()
    command = ["-m", "service", "serve", "--port", str(port), "--data-dir", str(data)]
    bare = {"FOVEA_FEATURE_CACHE_MB": "0", "FOVEA_OFFLINE": "true", "FOVEA_MAX_WAIT_S": "30"}
    with _running(name, port, command, "/readyz", bare | given) as it:
        while '"loading"' in _body(port, "/models"):  # ready means the default model; the others follow
            time.sleep(0.05)
        for model in json.loads(_body(port, "/models"))["models"]:
            while model["state"] == "ready" and '"sanity":null' in _body(port, f"/models/{model['name']}"):
                time.sleep(0.05)  # the reports come after the models, and would share the cores
        yield it


@contextmanager
def peer(name: str, *words: str) -> Iterator[Server]:
    """One of `benchmarks.peers`."""
    port = free_port()
    with _running(name, port, ["-m", "benchmarks.peers", name, str(port), *words], "/health", {}) as it:
        yield it


@contextmanager
def _running(name: str, port: int, command: list[str], probe: str, more: Mapping[str, str]) -> Iterator[Server]:
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | more,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        while not _answers(port, probe):
            if process.poll() is not None or time.monotonic() - begun > PATIENCE:
                raise RuntimeError(f"{name} did not become ready")
            time.sleep(0.05)
        yield Server(name, port, process.pid, time.monotonic() - begun)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answers(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _body(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as reply:
        content: bytes = reply.read()
        return content.decode()


def _family(root: int) -> list[int]:
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    family = [root]
    for pid in family:
        family.extend(child for child, parent in parents.items() if parent == pid)
    return family


def _pss(pid: int) -> float:
    """In kB; 0 where the process has gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(float(line.split()[1]) for line in lines if line.startswith("Pss:"))
