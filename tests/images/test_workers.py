"""Decoding processes may die, hang, starve or lie: each costs one image at most, and nobody else notices."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from service.errors import DamagedImage, RequestError, TooLarge, UnavailableError, UnsupportedImage
from service.images import protocol, workers
from service.images.decode import Limits, decode
from service.images.frame import Frame
from service.images.measures import measure
from service.images.workers import DecodePool, Prepared
from tests.images.making import FILES, RETINA, corpus, encoded, scene

FRAME = Frame(resize=64, crop=56)


@pytest.fixture
async def pool() -> AsyncIterator[DecodePool]:
    async with DecodePool(2, seconds=20) as running:
        yield running


def pids(pool: DecodePool) -> set[int]:
    return {worker._process.pid for worker in pool._workers}


def gone(pid: int) -> bool:
    """Neither running nor a zombie."""
    return not Path(f"/proc/{pid}").exists()


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - a process's death sets no event
            await asyncio.sleep(0.01)


def equal(one: Prepared, other: Prepared) -> bool:
    same = (one.sha256, one.format, one.notes, one.geometry) == (
        other.sha256,
        other.format,
        other.notes,
        other.geometry,
    )
    return same and np.array_equal(one.x, other.x) and one.measures == other.measures


async def test_it_prepares_what_the_rooms_functions_say(pool: DecodePool) -> None:
    data = RETINA.read_bytes()
    prepared = await pool.prepare(data, FRAME, preview=300)
    upright = decode(data, at_least=150)
    x, geometry = FRAME.apply(upright.pixels, upright.width, upright.height)
    assert np.array_equal(prepared.x, x)
    assert prepared.geometry == geometry
    assert prepared.sha256 == hashlib.sha256(data).hexdigest()
    assert (prepared.format, prepared.notes) == ("JPEG", ())
    assert prepared.measures == measure(x)
    assert prepared.preview is not None
    assert 150 <= max(prepared.preview.shape[:2]) <= 300
    assert np.abs(prepared.preview.mean((0, 1)) - upright.pixels.mean((0, 1))).max() < 2
    assert (await pool.prepare(data, FRAME)).preview is None
    assert prepared.x.flags.writeable  # torch.from_numpy warns otherwise


async def test_many_at_once_equal_one_by_one(pool: DecodePool) -> None:
    files = [
        encoded(scene(90 + i, 70, seed=i), kind) for i, kind in enumerate(["PNG", "JPEG", "WEBP", "TIFF", "BMP"] * 4)
    ]
    frames = [FRAME, Frame(resize=40, crop=32)]
    jobs = [(files[i % len(files)], frames[i % 2]) for i in range(200)]
    together = await asyncio.gather(*(pool.prepare(*job) for job in jobs))
    alone = {job: await pool.prepare(*job) for job in set(jobs)}
    assert all(equal(answer, alone[job]) for answer, job in zip(together, jobs, strict=True))
    assert len({answer.sha256 for answer in together}) == len(files)


async def test_errors_come_back_as_they_are(pool: DecodePool) -> None:
    before = pids(pool)
    for data, kind, words in (
        (b"no image", UnsupportedImage, "JPEG"),
        (encoded(scene(), "PNG")[:-100], DamagedImage, "cut short"),
    ):
        with pytest.raises(kind, match=words):
            await pool.prepare(data, FRAME)
    assert pids(pool) == before


async def test_limits_hold() -> None:
    data = encoded(scene(), "PNG")
    async with DecodePool(1, Limits(bytes=len(data), pixels=64 * 48 - 1)) as pool:
        with pytest.raises(TooLarge, match="64 × 48 pixels"):
            await pool.prepare(data, FRAME)
        with pytest.raises(TooLarge, match="bytes"):
            await pool.prepare(data + b"\0", FRAME)


async def test_a_memory_bomb_is_refused_and_the_worker_lives_on() -> None:
    bomb = encoded(np.zeros((9000, 5000, 3), np.uint8), "PNG", compress_level=1)
    async with DecodePool(1, memory_mb=100, seconds=30) as pool:
        before = pids(pool)
        with pytest.raises(TooLarge, match="memory"):
            await pool.prepare(bomb, FRAME)
        assert (await pool.prepare(encoded(scene(), "PNG"), FRAME)).format == "PNG"
        assert pids(pool) == before


async def test_a_worker_that_dies_costs_its_image_alone(pool: DecodePool) -> None:
    victim, other = pool._workers
    os.kill(victim._process.pid, signal.SIGSTOP)  # holds the job that it is given
    data = encoded(scene(), "PNG")
    jobs = [asyncio.create_task(pool.prepare(data, FRAME)) for _ in range(20)]
    await until(lambda: sum(job.done() for job in jobs) == 19)
    os.kill(victim._process.pid, signal.SIGKILL)
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    assert sum(isinstance(outcome, DamagedImage) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Prepared) for outcome in outcomes) == 19
    await until(lambda: len(pids(pool)) == 2 and victim._process.pid not in pids(pool))
    assert other._process.pid in pids(pool)


async def test_a_worker_that_hangs_is_killed_and_replaced() -> None:
    async with DecodePool(2, seconds=0.5) as pool:
        victim = next(iter(pool._workers))
        os.kill(victim._process.pid, signal.SIGSTOP)
        data = encoded(scene(), "PNG")
        outcomes = await asyncio.gather(*(pool.prepare(data, FRAME) for _ in range(10)), return_exceptions=True)
        failures = [outcome for outcome in outcomes if not isinstance(outcome, Prepared)]
        assert len(failures) == 1
        assert isinstance(failures[0], DamagedImage)
        assert "0.5 s" in str(failures[0])
        await until(lambda: len(pids(pool)) == 2 and victim._process.pid not in pids(pool))
        assert gone(victim._process.pid)


async def test_a_worker_that_dies_idle_costs_nothing(pool: DecodePool) -> None:
    before = pids(pool)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    await until(lambda: not any(worker.alive for worker in pool._workers))
    data = encoded(scene(), "PNG")
    answers = await asyncio.gather(*(pool.prepare(data, FRAME) for _ in range(8)))
    assert len(answers) == 8
    assert not pids(pool) & before


async def test_a_client_that_leaves_costs_no_worker_and_leaves_no_trace(pool: DecodePool) -> None:
    before = pids(pool)
    small, large = encoded(scene(), "PNG"), RETINA.read_bytes()
    expected = await pool.prepare(small, FRAME)
    for delay in (0, 0.001, 0.004, 0.02):
        tasks = [asyncio.create_task(pool.prepare(large, FRAME, preview=800)) for _ in range(3)]
        await asyncio.sleep(delay)
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(outcome, Prepared | asyncio.CancelledError) for outcome in outcomes)
        answers = await asyncio.gather(*(pool.prepare(small, FRAME) for _ in range(4)))
        assert all(equal(answer, expected) for answer in answers)
    assert pids(pool) == before


LIES = {
    "silence": "",
    "more than was asked for": "out.write(struct.pack('>II', 10, 2**31))",
    "an endless header": "out.write(struct.pack('>II', 2**31, 0))",
    "no JSON": "out.write(struct.pack('>II', 3, 0) + b'abc')",
    "an unknown kind": "say({'kind': 'gift'})",
    "an unknown error": "say({'kind': 'refused', 'error': 'SystemExit', 'detail': ''})",
    "another size": "say(done | {'size': [9, 9]}, bytes(3 * 9 * 9))",
    "too few pixels": "say(done, bytes(10))",
    "a region outside": "say(done | {'region': [64, 0, 90, 48]}, bytes(3 * 56 * 56))",
    "a region turned round": "say(done | {'region': [40, 0, 20, 48]}, bytes(3 * 56 * 56))",
    "no number": "say(done | {'region': [0, 0, 'NaN', 48]}, bytes(3 * 56 * 56))",
    "an unasked preview": "say(done | {'preview': [2, 2]}, bytes(3 * 56 * 56 + 12))",
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_lying_worker_is_not_believed(lie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done = {
        "kind": "done", "sha256": "0" * 64, "format": "PNG", "notes": [], "width": 64, "height": 48,
        "region": [0, 0, 64, 48], "size": [56, 56], "preview": [0, 0], "measures": {},
    }  # fmt: skip
    script = f"""
import json, struct, sys
out, done = sys.stdout.buffer, {done!r}
def say(header, body=b""):
    text = json.dumps(header).encode()
    out.write(struct.pack(">II", len(text), len(body)) + text + body)
    out.flush()
say({{"kind": "ready"}})
lengths = sys.stdin.buffer.read(8)
sys.stdin.buffer.read(sum(struct.unpack(">II", lengths)))
{LIES[lie]}
out.flush()
"""
    monkeypatch.setattr(workers, "COMMAND", (sys.executable, "-c", script))
    async with DecodePool(1, seconds=10) as pool:
        with pytest.raises(DamagedImage, match="failed on this image"):
            await pool.prepare(encoded(scene(), "PNG"), FRAME)
    honest = script.replace(LIES[lie] or "no such line", "say(done, bytes(3 * 56 * 56))")
    if LIES[lie]:  # the same script without the lie is believed
        monkeypatch.setattr(workers, "COMMAND", (sys.executable, "-c", honest))
        async with DecodePool(1, seconds=10) as pool:
            assert (await pool.prepare(encoded(scene(), "PNG"), FRAME)).x.max() == 0


async def test_a_worker_that_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "COMMAND", (sys.executable, "-c", "raise SystemExit(3)"))
    pool = DecodePool(2)
    with pytest.raises(UnavailableError, match="could not be started"):
        await pool.start()
    assert not pool._workers


async def test_closing_leaves_no_process_and_refuses_what_waits() -> None:
    pool = DecodePool(2, seconds=20)
    await pool.start()
    left = pids(pool)
    for pid in left:
        os.kill(pid, signal.SIGSTOP)
    jobs = [asyncio.create_task(pool.prepare(encoded(scene(), "PNG"), FRAME)) for _ in range(5)]
    await asyncio.sleep(0.05)
    await pool.close()
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [UnavailableError] * 5
    assert all(map(gone, left))
    with pytest.raises(UnavailableError):
        await pool.prepare(b"", FRAME)
    await pool.start()
    assert (await pool.prepare(encoded(scene(), "PNG"), FRAME)).format == "PNG"
    await pool.close()


async def test_images_are_served_in_order_of_arrival() -> None:
    async with DecodePool(1) as pool:
        finished: list[int] = []

        async def one(number: int) -> None:
            await pool.prepare(encoded(scene(seed=number), "PNG"), FRAME)
            finished.append(number)

        await asyncio.gather(*(one(number) for number in range(12)))
    assert finished == sorted(finished)


def facts(pid: int) -> tuple[bytes, dict[str, str]]:
    """A process's environment, and its soft limits by name."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return Path(f"/proc/{pid}/environ").read_bytes(), {line[:26].strip(): line[26:].split()[0] for line in lines}


async def test_a_worker_holds_no_secrets_and_is_confined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOVEA_SECRET", "canary")
    async with DecodePool(1, memory_mb=64) as pool:
        (pid,) = pids(pool)
        environment, soft = facts(pid)
        assert b"canary" not in environment
        assert soft["Max core file size"] == soft["Max file size"] == "0"
        assert int(soft["Max address space"]) < 2**30
        os.kill(pid, signal.SIGINT)  # Ctrl-C in a terminal reaches the workers too
        assert (await pool.prepare(encoded(scene(), "PNG"), FRAME)).format == "PNG"
        assert pids(pool) == {pid}


async def test_the_fuzz_corpus_kills_no_worker(pool: DecodePool) -> None:
    before = pids(pool)
    files = corpus().values()
    outcomes = await asyncio.gather(*(pool.prepare(data, FRAME, preview=64) for data in files), return_exceptions=True)
    assert all(isinstance(outcome, Prepared | RequestError) for outcome in outcomes)
    assert sum(isinstance(outcome, Prepared) for outcome in outcomes) >= 100
    assert pids(pool) == before


@pytest.mark.parametrize("name", ["alpha.heic", "turned-6.heic", "rgb.jxl", "alpha.jxl", "avif", "jp2"])
async def test_damaged_files_of_the_large_decoders_kill_no_worker(name: str) -> None:
    """Cut, flipped and overwritten, with little memory: each gets pixels or an error, and no process dies of it."""
    kinds = {"avif": "AVIF", "jp2": "JPEG2000"}
    whole = encoded(scene(), kinds[name]) if name in kinds else (FILES / name).read_bytes()
    rng = np.random.default_rng(17)
    files = [whole[: rng.integers(0, len(whole))] for _ in range(40)]
    patterns = [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", rng.bytes(4)]
    for reach in [min(400, len(whole) - 4)] * 60 + [len(whole) - 4] * 60:
        place = rng.integers(0, reach)
        files.append(whole[:place] + patterns[rng.integers(0, 4)] + whole[place + 4 :])
    async with DecodePool(1, memory_mb=256, seconds=20) as pool:
        before = pids(pool)
        outcomes = await asyncio.gather(*(pool.prepare(data, FRAME) for data in files), return_exceptions=True)
        assert all(isinstance(outcome, Prepared | RequestError) for outcome in outcomes)
        assert not any("decoder failed" in str(outcome) for outcome in outcomes)
        assert sum(isinstance(outcome, RequestError) for outcome in outcomes) >= 40
        assert pids(pool) == before


def test_the_servers_event_loop_will_do() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def life() -> None:
        async with DecodePool(1, seconds=0.5) as pool:
            data = encoded(scene(), "PNG")
            assert (await pool.prepare(data, FRAME)).format == "PNG"
            (first,) = pids(pool)
            os.kill(first, signal.SIGSTOP)
            with pytest.raises(DamagedImage):
                await pool.prepare(data, FRAME)
            assert (await pool.prepare(data, FRAME)).format == "PNG"
            (second,) = pids(pool)
        assert gone(first)
        assert gone(second)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(life())


# The process by itself


def spoken(source: bytes) -> subprocess.CompletedProcess[bytes]:
    settings = protocol.WorkerSettings(bytes=10**6, pixels=10**6, memory_mb=256).model_dump_json()
    command = [sys.executable, "-m", "service.images.worker", settings]
    return subprocess.run(command, input=source, capture_output=True, timeout=30, check=False)


def test_it_ends_with_its_input() -> None:
    ended = spoken(b"")
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout == b"".join(protocol.pack(protocol.Ready()))
    job = b"".join(protocol.pack(protocol.Job(frame=FRAME, seconds=5), encoded(scene(), "PNG")))
    assert spoken(job + job).stdout.count(b'"kind":"done"') == 2


def test_what_the_libraries_print_goes_nowhere() -> None:
    damaged = bytearray(encoded(scene(), "TIFF", compression="tiff_deflate"))
    damaged[40:400] = bytes(360)  # libtiff complains on standard error
    ended = spoken(b"".join(protocol.pack(protocol.Job(frame=FRAME, seconds=5), bytes(damaged))))
    assert ended.stderr == b""
    assert b'"error":"DamagedImage"' in ended.stdout


def test_it_imports_neither_torch_nor_the_web() -> None:
    code = (
        "import sys, service.images.worker; print([m for m in ('torch', 'fastapi', 'matplotlib') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.strip() == "[]"
