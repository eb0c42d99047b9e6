"""Heatmaps and overlays say what the map says: the same numbers, at the same places, and nothing outside."""

from __future__ import annotations

import io

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image

from service.errors import BadParameter
from service.images import legend
from service.images.colormap import table
from service.images.frame import Frame, Geometry
from service.images.picture import COLORMAPS, heatmap_png, overlay, upsample

RNG = np.random.default_rng(0)
WHOLE = Geometry(400, 300, (0, 0, 400, 300), (224, 224))


def grid_of(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def opened(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture)


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (14, 14), (100, 30), (224, 224)])
@pytest.mark.parametrize("shape", [(7, 7), (14, 14), (1, 1), (5, 9), (300, 300)])
def test_upsampling_equals_torchs(shape: tuple[int, int], size: tuple[int, int]) -> None:
    grid = grid_of(*shape)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(grid).double()[None, None], size, mode="bilinear", align_corners=False
    )[0, 0]
    mine = upsample(grid, size)
    assert mine.dtype == np.float32
    assert np.abs(mine - theirs.numpy()).max() < 1e-5


@pytest.mark.parametrize("size", [(1, 1), (56, 80), (224, 224), (301, 40)])
def test_the_heatmap_holds_the_numbers(size: tuple[int, int]) -> None:
    grid = grid_of(7, 7)
    data = heatmap_png(grid, size)
    levels = opened(data)
    assert (levels.dtype, levels.shape) == (np.dtype(np.uint8), size)
    assert np.abs(levels - 255 * np.maximum(upsample(grid, size), 0) / grid.max()).max() <= 0.501
    with Image.open(io.BytesIO(data)) as picture:
        assert (picture.format, picture.mode) == ("PNG", "L")
        picture.verify()


def test_the_heatmap_is_small() -> None:
    assert len(heatmap_png(grid_of(7, 7), (224, 224))) < 9000
    assert len(heatmap_png(grid_of(14, 14), (224, 224))) < 20_000


@pytest.mark.parametrize("grid", [np.zeros((7, 7)), -np.ones((7, 7)), np.full((1, 1), -3)])
def test_a_map_without_anything_positive_is_all_black(grid: np.ndarray) -> None:
    assert opened(heatmap_png(grid.astype(np.float32), (32, 32))).max() == 0
    picture = np.full((30, 40, 3), 99, np.uint8)
    painted = opened(
        overlay(picture, Geometry(40, 30, (0, 0, 40, 30), (8, 8)), grid.astype(np.float32), media_type="image/png")
    )
    assert np.array_equal(painted[:30, :40], picture)


def test_the_colormaps_are_matplotlibs() -> None:
    for name in COLORMAPS:
        theirs = matplotlib.colormaps[name](np.arange(256))[:, :3] * 255
        assert np.abs(table(name) - theirs).max() <= 0.5
        lightness = table(name) @ np.array([0.2126, 0.7152, 0.0722])
        assert lightness[255] > lightness[128] > lightness[0]
    with pytest.raises(BadParameter, match="inferno, magma"):
        table("jet")


def test_heat_lies_inside_the_region_and_nowhere_else() -> None:
    preview = RNG.integers(0, 256, (300, 400, 3), dtype=np.uint8)
    geometry = Geometry(800, 600, (100.0, 40.0, 620.0, 560.0), (224, 224))
    painted = opened(overlay(preview, geometry, np.ones((7, 7), np.float32), media_type="image/png"))
    inside = np.zeros((300, 400), bool)
    inside[20:280, 50:310] = True
    assert np.array_equal(painted[:300, :400][~inside], preview[~inside])
    heat = table("inferno")[255]
    expected = preview[inside] + (heat - preview[inside].astype(float)) * round(255 * 0.65) / 255
    assert np.abs(painted[:300, :400][inside] - expected).max() <= 1


@pytest.mark.parametrize("size", [(600, 300), (300, 600)])
def test_heat_in_the_padding_is_not_painted(size: tuple[int, int]) -> None:
    """On a letterbox: the overlay is that of the part of the map that lies on the picture, at the whole map's scale."""
    grid = np.zeros((8, 8), np.float32)
    grid[0, 0], grid[3, 4], grid[7, 7] = 9, 3, 5  # both the first and the last lie in the padding
    pixels = np.full((size[1], size[0], 3), 40, np.uint8)
    _, geometry = Frame(fit="letterbox").apply(pixels, *size)
    painted = opened(overlay(pixels, geometry, grid, "viridis", "image/png"))[: size[1], : size[0]].astype(int)
    left, top = geometry.to_original(4 * 28, 3 * 28)
    change = np.abs(painted - 40).sum(2)
    row, column = np.unravel_index(change.argmax(), change.shape)
    assert left <= column < left + 75
    assert top <= row < top + 75
    alone = grid * (np.arange(64).reshape(8, 8) == 28)
    alone[0, 0] = 9  # the same scale, in the padding
    assert np.array_equal(
        painted, opened(overlay(pixels, geometry, alone, "viridis", "image/png"))[: size[1], : size[0]]
    )


def test_the_hottest_place_is_where_the_grid_says() -> None:
    """Through frame and geometry: a hot cell paints the part of the picture that the cell saw."""
    pixels = np.full((480, 640, 3), 30, np.uint8)
    _, geometry = Frame().apply(pixels, 640, 480)
    for row, column in ((0, 0), (3, 5), (6, 1)):
        grid = np.zeros((7, 7), np.float32)
        grid[row, column] = 2
        for preview in (pixels, pixels[::2, ::2].copy()):
            painted = opened(overlay(preview, geometry, grid, "viridis", "image/png"))[: len(preview)].astype(int)
            change = np.abs(painted[:, : preview.shape[1]] - 30).sum(2)
            heavy = np.argwhere(change > 0.9 * change.max()).mean(0)[::-1] + 0.5
            centre = geometry.to_original((column + 0.5) * 32, (row + 0.5) * 32)
            assert heavy * 640 / preview.shape[1] == pytest.approx(centre, abs=18)


def test_more_heat_hides_more() -> None:
    grid = np.linspace(0, 1, 7, dtype=np.float32)[None].repeat(7, 0)
    black = np.zeros((70, 350, 3), np.uint8)
    painted = opened(overlay(black, Geometry(350, 70, (0, 0, 350, 70), (224, 224)), grid, media_type="image/png"))
    steps = painted[35, [0, 60, 120, 180, 240, 300, 349]].astype(int).sum(1)
    assert (np.diff(steps) > 0).all()
    assert steps[0] == 0


@pytest.mark.parametrize(("media_type", "kind"), [("image/jpeg", "JPEG"), ("image/png", "PNG")])
def test_the_media_type_is_kept(media_type: str, kind: str) -> None:
    data = overlay(np.zeros((300, 400, 3), np.uint8), WHOLE, grid_of(7, 7), media_type=media_type)  # type: ignore[arg-type]
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.format == kind
        assert picture.size[0] == 400


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (900, 3), (64, 48), (1500, 1200)])
def test_any_size_of_picture_gets_a_legend(size: tuple[int, int]) -> None:
    geometry = Geometry(*size, (0, 0, *size), (224, 224))
    data = overlay(np.full((size[1], size[0], 3), 50, np.uint8), geometry, grid_of(7, 7), caption="Grad-CAM for normal")
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.width == max(size[0], 320)
        assert picture.height >= size[1] + 40


def test_the_legend_says_scale_caption_and_how_to_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    write = legend.ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        legend.ImageDraw.ImageDraw,
        "text",
        lambda self, at, text, *rest: (said.append(text), write(self, at, text, *rest)),
    )
    grid = grid_of(7, 7)
    caption = "Grad-CAM for glaucoma (0.91)\nSYNTHETIC, NOT FOR CLINICAL USE"
    overlay(np.zeros((300, 400, 3), np.uint8), WHOLE, grid, caption=caption)
    assert said[:2] == ["0", f"{grid.max():.3g}"]
    words = " ".join(said[2:])
    assert "Grad-CAM for glaucoma (0.91) SYNTHETIC, NOT FOR CLINICAL USE" in words
    assert words.endswith("Where the model looked, not where disease is.")


def test_a_long_caption_is_wrapped_and_nothing_is_lost() -> None:
    caption = " ".join(f"word{i}" for i in range(80)) + " " + "x" * 200
    font = legend._font(12)
    lines = legend._wrapped(caption, font, 300)
    assert " ".join(lines) == caption
    assert all(font.getlength(line) <= 300 for line in lines[:-1])


def test_an_unknown_colormap_is_refused() -> None:
    with pytest.raises(BadParameter, match="no colormap 'rainbow'"):
        overlay(np.zeros((30, 40, 3), np.uint8), WHOLE, grid_of(7, 7), "rainbow")
