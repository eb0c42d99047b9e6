"""A supersampled sheet on which shapes given in millimetres are drawn without jagged edges."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from service.training.retina.noise import Field
from service.training.retina.view import View

Points = NDArray[np.float64]


class Canvas:
    """Collects polygons and tapered strokes; `coverage` answers how much of each pixel they cover."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._factor = 3 if view.size <= 320 else 2
        side = view.size * self._factor
        self._sheet = Image.new("L", (side, side), 0)
        self._pen = ImageDraw.Draw(self._sheet)
        self.empty = True

    def polygon(self, points: Points, value: float = 1.0) -> None:
        """Fill the closed outline `points` [n, 2] in mm with `value` in [0, 1]."""
        self._fill(self._view.to_pixels(points) * self._factor, value)

    def stroke(self, points: Points, widths: Points, value: float = 1.0) -> None:
        """Draw the line `points` [n, 2] in mm, n >= 2, with the local `widths` [n] in mm.

        A stroke thinner than a subpixel is drawn one subpixel wide and fainter in proportion.
        """
        path = self._view.to_pixels(points) * self._factor
        side = self._sheet.width
        if path[:, 0].max() < 0 or path[:, 1].max() < 0 or path.min(axis=0).max() > side:
            return
        wide = widths * (self._view.scale * self._factor)
        along = np.gradient(path, axis=0)
        along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
        # Pillow fills the border pixels of a polygon too: a polygon of width w - 1 covers about w pixels
        half = np.maximum(wide - 1.0, 0.05)[:, None] / 2
        across = np.stack([-along[:, 1], along[:, 0]], axis=1) * half
        faint = float(np.clip(wide.mean(), 0.3, 1.0))
        self._fill(np.concatenate([path + across, (path - across)[::-1]]), value * faint)

    def _fill(self, outline: Points, value: float) -> None:
        self._pen.polygon((outline - 0.5).ravel().tolist(), fill=round(255 * value))
        self.empty = False

    def coverage(self, blur: float = 0.0) -> Field:
        """Coverage float32 [size, size] in [0, 1], smoothed by a Gaussian of `blur` mm."""
        sheet = self._sheet.reduce(self._factor)
        pixels = blur * self._view.scale
        if pixels > 0.2:
            sheet = sheet.filter(ImageFilter.GaussianBlur(pixels))
        return np.asarray(sheet, dtype=np.float32) / np.float32(255)
