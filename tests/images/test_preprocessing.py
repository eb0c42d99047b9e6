"""Pixels that change raise the version of preprocessing, so that stored vectors of the version before become stale.

`python -m tests.images.test_preprocessing` records what the model sees now, once the version was raised.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from service.images.decode import decode
from service.images.frame import Frame
from service.images.preprocessing import PREPROCESSING_VERSION
from tests.images.making import RETINA, ROOT, encoded, png, scene
from tests.images.test_colour import profile_bytes

RECORD = ROOT / "tests" / "data" / "preprocessing.json"
CELLS = 4
"""Pictures are compared by the means of so many cells a side: a change of rounding alone is none."""

ROUND_FIELD = Frame(field_of_view=True, resize=64, crop=56)
LETTERBOX = Frame(fit="letterbox", size=(24, 32), channels=1, mean=(0.5,), std=(0.25,), fill=(90, 90, 90))
SQUARE = Frame(resize=32, crop=32, interpolation="bicubic")


def retina() -> np.ndarray:
    """The photograph of the samples, uint8 [1411, 1411, 3]."""
    with Image.open(RETINA) as picture:
        return np.asarray(picture.convert("RGB"))


def files() -> dict[str, tuple[bytes, Frame]]:
    """Files of several kinds, and how each is framed."""
    pixels, deep = scene(), scene(seed=1)[..., 0].astype(np.uint16) * 257
    turned = Image.Exif()
    turned[0x0112] = 6
    translucent = np.dstack([pixels, scene(seed=2)[..., :1]])
    return {
        "plain": (encoded(pixels, "png"), SQUARE),
        "cropped": (png(pixels, 2), Frame(resize=40, crop=24)),
        "deep grey": (png(deep, 0), SQUARE),
        "translucent": (encoded(translucent, "png"), SQUARE),
        "palette": (encoded(Image.fromarray(pixels).quantize(16), "gif"), SQUARE),
        "turned": (encoded(pixels, "jpeg", exif=turned, quality=95), SQUARE),
        "four inks": (encoded(Image.fromarray(pixels).convert("CMYK"), "jpeg", quality=95), SQUARE),
        "another profile": (encoded(pixels, "png", icc_profile=profile_bytes(1.0)), SQUARE),
        "photograph": (RETINA.read_bytes(), ROUND_FIELD),
        "cut field": (encoded(retina()[150:1260], "png"), ROUND_FIELD),
        "grey on a letterbox": (encoded(pixels, "png"), LETTERBOX),
    }


def seen(data: bytes, frame: Frame) -> list[list[list[float]]]:
    """What a model sees of a file: the mean of each cell [4, 4, 3], 0 to 255."""
    upright = decode(data)
    x, _ = frame.apply(upright.pixels, upright.width, upright.height)
    down, across = x.shape[0] // CELLS, x.shape[1] // CELLS
    means = x[: down * CELLS, : across * CELLS].reshape(CELLS, down, CELLS, across, 3).mean((1, 3))
    return [[[round(float(value), 1) for value in cell] for cell in row] for row in means]


@pytest.mark.parametrize("name", files())
def test_other_pixels_come_with_another_version(name: str) -> None:
    """Fails where colour profiles are no longer applied, or the frame is cut elsewhere (both tried)."""
    record = json.loads(RECORD.read_text())
    difference = np.abs(np.array(seen(*files()[name])) - np.array(record["seen"][name])).max()
    if record["version"] == PREPROCESSING_VERSION:
        assert difference < 1, "raise PREPROCESSING_VERSION, and run python -m tests.images.test_preprocessing"
    else:
        pytest.fail("the version was raised: run python -m tests.images.test_preprocessing")


def record() -> None:
    """Write what is seen now."""
    found = {name: seen(*file) for name, file in files().items()}
    RECORD.write_text(json.dumps({"version": PREPROCESSING_VERSION, "seen": found}) + "\n")


if __name__ == "__main__":
    record()
