"""Which requests are accepted: those that need not wait longer than a bound, by what the service measures about itself.

A queue that is bounded by a count accepts, on a slow machine, what it cannot finish. Here the expected wait decides:
images accepted and not yet answered, times the seconds that the slowest stage takes for one (Little's law). Stages
measure themselves, so the bound holds on any machine, with any model, and while other programs take part of the cores.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from service.errors import Overloaded

WEIGHT = 0.1
"""Weight of the latest image in the moving mean of a stage."""

FIRST_SECONDS = 0.05
"""Seconds per image that are assumed before a stage has measured any."""


class StageTimer:
    """Seconds per image of one stage of the work, as a moving mean. parallel: calls that the stage runs at a time."""

    def __init__(self, parallel: int = 1, first_seconds: float = FIRST_SECONDS) -> None:
        self._parallel, self._mean = parallel, first_seconds
        self._running: dict[object, tuple[float, int]] = {}

    @contextmanager
    def measure(self, images: int = 1) -> Iterator[None]:
        """One call of the stage, for this many images; a call that fails counts as well."""
        call, begun = object(), time.monotonic()
        self._running[call] = (begun, images)
        try:
            yield
        finally:
            del self._running[call]
            keep = (1 - WEIGHT) ** images
            self._mean = keep * self._mean + (1 - keep) * (time.monotonic() - begun) / images

    @property
    def seconds(self) -> float:
        """Seconds between two images that leave the busy stage. A call that takes longer than usual counts already."""
        now = time.monotonic()
        running = ((now - begun) / images for begun, images in tuple(self._running.values()))
        return max(self._mean, *running, 0.0) / self._parallel


class Admission:
    """Accepts images while the expected wait of one more is at most `max_wait`.

    max_wait: seconds. deadline: seconds after which an answer comes too late; what cannot be finished until then is
    refused as well. stages: of the work on every image.
    """

    def __init__(self, max_wait: float, deadline: float, stages: Sequence[StageTimer]) -> None:
        self._max_wait, self._deadline, self._stages = max_wait, deadline, stages
        self._accepted = 0

    @property
    def seconds(self) -> float:
        """Seconds per image."""
        return max((stage.seconds for stage in self._stages), default=0.0)

    @property
    def expected_wait(self) -> float:
        """Seconds until the images that are accepted now are answered."""
        return self._accepted * self.seconds

    def check(self) -> None:
        """Raise Overloaded if a new image would wait too long."""
        wait = self.expected_wait
        if wait > self._max_wait:
            raise Overloaded(
                f"{self._accepted} images are waiting, which takes about {wait:.1f} s; the service accepts more when"
                f" it is below {self._max_wait:g} s",
                retry_after=wait - self._max_wait,
            )

    @contextmanager
    def accept(self, images: int) -> Iterator[None]:
        """Accept the images of a request until the context ends. Raises Overloaded.

        The bound is on the work ahead of a request, so a request with many images is not refused for its own sake,
        unless they cannot be answered before the deadline.
        """
        self.check()
        total = self.expected_wait + images * self.seconds
        if images > 1 and total > self._deadline:
            raise Overloaded(
                f"the {images} images of the request would take about {total:.0f} s, and the deadline is"
                f" {self._deadline:g} s; send fewer images",
                retry_after=self.expected_wait,
            )
        self._accepted += images
        try:
            yield
        finally:
            self._accepted -= images
