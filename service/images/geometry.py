"""Where x lies in the picture that it was made from."""

from __future__ import annotations

from dataclasses import dataclass

Box = tuple[float, float, float, float]
"""left, top, right, bottom."""

PixelBox = tuple[int, int, int, int]
"""left, top, right, bottom, in whole pixels."""

Size = tuple[int, int]
"""height, width."""


@dataclass(frozen=True)
class Geometry:
    """Which part of the upright original x shows.

    width, height: of the upright original, pixels. region: the edges of the part that x covers, in pixels of the
    original; it reaches outside the original where x is padded. size: height and width of x, pixels. Points are
    measured from the upper left corner of the upper left pixel, so the centre of pixel (i, j) is (i + 0.5, j + 0.5).
    """

    width: int
    height: int
    region: Box
    size: Size

    def to_original(self, x: float, y: float) -> tuple[float, float]:
        """A point of x, in pixels of x, to pixels of the original."""
        left, top, right, bottom = self.region
        return left + x * (right - left) / self.size[1], top + y * (bottom - top) / self.size[0]

    def to_model(self, x: float, y: float) -> tuple[float, float]:
        """A point of the original to pixels of x; outside x where the model does not see it."""
        left, top, right, bottom = self.region
        return (x - left) * self.size[1] / (right - left), (y - top) * self.size[0] / (bottom - top)

    def box_to_original(self, box: Box) -> Box:
        """A box of x to pixels of the original, without what lies in the padding around it."""
        return self._clipped(self.to_original(box[0], box[1]) + self.to_original(box[2], box[3]))

    @property
    def seen(self) -> Box:
        """The part of the region that lies in the original."""
        return self._clipped(self.region)

    @property
    def padded(self) -> bool:
        """Whether the region reaches outside the original."""
        return self.seen != self.region

    def _clipped(self, box: Box) -> Box:
        left, top, right, bottom = box
        width, height = float(self.width), float(self.height)
        return (
            min(max(left, 0), width),
            min(max(top, 0), height),
            min(max(right, 0), width),
            min(max(bottom, 0), height),
        )
