"""Progress bars on standard error. A bar shows a total, or none at all where none is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

DESCRIPTION = TextColumn("{task.description}", markup=False)


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar over `total` items; gives what counts more of them as done."""
    columns = (DESCRIPTION, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total)
        yield lambda more: bar.advance(task, more)


@contextmanager
def stage_bar(title: str) -> Iterator[Callable[[float, str], None]]:
    """A bar over work in stages; gives what takes the share that is done, 0 to 1, and the name of the stage."""
    columns = (DESCRIPTION, BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=1.0)
        yield lambda done, stage: bar.update(task, completed=done, description=stage)
        bar.update(task, completed=1.0)


@contextmanager
def spinner(title: str) -> Iterator[None]:
    """A sign of life for work of unknown length; gone when it is done."""
    with Progress(SpinnerColumn(), DESCRIPTION, console=Console(stderr=True), transient=True) as bar:
        bar.add_task(title, total=None)
        yield


@contextmanager
def download_bar(title: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar over a transfer; gives what takes the bytes that have come and, where the server says it, all there are."""
    columns = (DESCRIPTION, BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=total is not None)
