"""Draw the pictures of docs/ with the shipped models: `make pictures`."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from service.errors import DoesNotApply
from service.explain.methods import METHODS
from service.models.registry import Registry
from service.runtime.inference_service import InferenceService
from service.runtime.question import Question
from service.settings import Settings
from service.training.fundus import binary

HERE = Path(__file__).parent
PICTURES = HERE / "pictures"
RETINA = HERE.parent / "samples" / "retina.jpg"
TILE = 240
MARGIN = 28
COLUMNS = 5
GLAUCOMA_SEED = 1_000_003
"""A generated eye that no shipped model was trained on."""


def glaucoma() -> bytes:
    """A generated photograph of a glaucomatous eye, as a PNG file."""
    seed = GLAUCOMA_SEED
    while (photograph := binary(seed, size=512)).label != "glaucoma":
        seed += 1
    file = io.BytesIO()
    Image.fromarray(photograph.pixels).save(file, "PNG")
    return file.getvalue()


def titled(picture: Image.Image, title: str) -> Image.Image:
    """A tile: the picture with its title above."""
    tile = Image.new("RGB", (TILE, TILE + MARGIN), "white")
    picture = picture.convert("RGB")
    picture.thumbnail((TILE, TILE))
    tile.paste(picture, ((TILE - picture.width) // 2, MARGIN))
    ImageDraw.Draw(tile).text((6, 5), title, fill="black", font=ImageFont.load_default(16))
    return tile


def sheet(tiles: list[Image.Image]) -> Image.Image:
    """Tiles in reading order."""
    rows = -(-len(tiles) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * TILE, rows * (TILE + MARGIN)), "white")
    for i, tile in enumerate(tiles):
        page.paste(tile, (i % COLUMNS * TILE, i // COLUMNS * (TILE + MARGIN)))
    return page


async def methods(answers: InferenceService, image: bytes, target: str, layer: str | None) -> Image.Image:
    """What every method that applies at a layer says about one image and one class of the default model."""
    tiles = [titled(Image.open(io.BytesIO(image)), "the image")]
    for name, method in METHODS.items():
        if layer and method.reads == "pixels":
            continue
        try:
            answer = await answers.explain(
                image, Question(methods=(name,), targets=(target,), layers=(layer,) if layer else (), overlay=True)
            )
        except DoesNotApply:
            continue
        (one,) = answer.explanations[0].maps
        if one.overlay is None:
            raise ValueError("an overlay was asked for")
        picture = Image.open(io.BytesIO(one.overlay.data))
        width = Image.open(io.BytesIO(image)).width
        tiles.append(titled(picture.crop((0, 0, min(width, picture.width), min(width, picture.width))), method.title))
    return sheet(tiles)


async def main() -> None:
    """Draw all of them."""
    settings = Settings(deadline_s=600)
    answers = InferenceService(settings, Registry(settings))
    answers.registry.load()
    await answers.start(load=False)
    try:
        PICTURES.mkdir(exist_ok=True)
        for name, image, target, layer in (
            ("methods-glaucoma", glaucoma(), "glaucoma", None),
            ("methods-layer3", glaucoma(), "glaucoma", "layer3"),
            ("methods-retina", RETINA.read_bytes(), "normal", None),
        ):
            page = await methods(answers, image, target, layer)
            page.save(PICTURES / f"{name}.jpg", quality=85)
    finally:
        await answers.close()


if __name__ == "__main__":
    asyncio.run(main())
