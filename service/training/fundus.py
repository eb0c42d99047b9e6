"""Procedural fundus photographs with ground truth: SYNTHETIC, not for clinical use.

`generate` paints one photograph of the five-class set, `binary` one of the glaucoma set. Both are pure functions of
their arguments: a seed always gives the same pixels, masks and parameters; parameters do not depend on the size.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.errors import TrainingError
from service.training.retina.anatomy import Eye, sample_eye
from service.training.retina.camera import Camera, compress, expose, field_stop, print_mark, sample_camera
from service.training.retina.ground import fovea_mask, paint_ground, wedge_mask
from service.training.retina.lesions import Lesions, Painter, sample_lesions, with_glaucoma
from service.training.retina.nervehead import NerveHead
from service.training.retina.noise import Field, Mask, clouds
from service.training.retina.palette import Palette, sample_palette
from service.training.retina.vessels import draw_vessels, paint_vessels
from service.training.retina.view import Pose, View, sample_pose

CLASSES = ("normal", "glaucoma", "retinopathy", "macular_degeneration", "disc_swelling")
BINARY = ("normal", "glaucoma")
SMALLEST = 32  # pixels
MASKS = (
    "field",
    "disc",
    "cup",
    "notch",
    "wedge",
    "haemorrhage_disc",
    "vessels",
    "arteries",
    "veins",
    "fovea",
    "microaneurysms",
    "haemorrhages",
    "exudates",
    "drusen",
    "swelling",
    "marker",
)
# Share of normal eyes drawn as a large cup in a large disc, and of eyes with distracting lesions, in each set
HARD_SHARE = {"five": 0.12, "binary": 0.33}
DISTRACTOR_SHARE = {"five": 0.25, "binary": 0.45}
# Each part of a photograph draws from a stream of its own, so that a change to one leaves the others as they were
STREAMS = {"label": 0, "eye": 1, "camera": 2, "palette": 3, "lesions": 4, "paint": 5, "marker": 6}


@dataclass(frozen=True)
class Parameters:
    """Everything that was sampled for one photograph, except the positions of single lesions and vessels."""

    eye: Eye
    pose: Pose
    palette: Palette
    lesions: Lesions
    camera: Camera
    marked: bool

    def as_dict(self) -> dict[str, Any]:
        """The parameters as nested dictionaries of numbers, strings, tuples and None."""
        return asdict(self)


@dataclass(frozen=True)
class Photograph:
    """A fundus photograph: `pixels` uint8 [s, s, 3], and one bool mask [s, s] for every name in `MASKS`."""

    pixels: NDArray[np.uint8]
    label: str
    seed: int
    parameters: Parameters
    masks: dict[str, Mask]


def generate(
    seed: int, label: str | None = None, size: int = 224, marker: float = 0.0, distractors: bool = True
) -> Photograph:
    """Paint one photograph of the five-class set.

    `seed` is 0 or more; `label` one of `CLASSES` (None: drawn from the seed, uniformly); `size` the side in pixels
    (at least 32). `marker` is the biased variant's strength in [0, 1]: at m > 0 a mark is printed into the corner of a
    share m of the glaucoma photographs and of a share 1 - m of all others; at 0 of none. `distractors` lets a few
    harmless lesions appear in normal and glaucomatous eyes, equally often in both.

    Raises `TrainingError` for arguments outside these ranges.
    """
    _check(seed, label, size, marker)
    chosen = label or CLASSES[int(_stream(seed, "label").integers(len(CLASSES)))]
    return _photograph(seed, chosen, size, marker, "five", distractors)


def binary(seed: int, size: int = 224, marker: float = 0.0) -> Photograph:
    """Paint one photograph of the glaucoma set: `normal` or `glaucoma`, half each.

    About a third of the normal eyes are hard negatives, a large round cup in a large disc. Arguments and errors are
    those of `generate`.
    """
    _check(seed, None, size, marker)
    chosen = BINARY[int(_stream(seed, "label").integers(len(BINARY)))]
    return _photograph(seed, chosen, size, marker, "binary", True)


def _check(seed: int, label: str | None, size: int, marker: float) -> None:
    if seed < 0:
        raise TrainingError(f"the seed of a fundus photograph must be 0 or more, not {seed}")
    if label is not None and label not in CLASSES:
        raise TrainingError(f"there is no fundus class {label!r}; the classes are {', '.join(CLASSES)}")
    if size < SMALLEST:
        raise TrainingError(f"a fundus photograph must be at least {SMALLEST} pixels wide, not {size}")
    if not 0 <= marker <= 1:
        raise TrainingError(f"the marker's strength must lie between 0 and 1, not {marker}")


def _stream(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng((STREAMS[name], seed))


def _photograph(seed: int, label: str, size: int, marker: float, kind: str, distractors: bool) -> Photograph:
    eye = sample_eye(_stream(seed, "eye"), label, HARD_SHARE[kind])
    lens = _stream(seed, "camera")
    pose, camera = sample_pose(lens, eye), sample_camera(lens)
    disease = _stream(seed, "lesions")
    lesions = sample_lesions(disease, label, DISTRACTOR_SHARE[kind] if distractors else 0.0)
    if label == "glaucoma":
        lesions = with_glaucoma(disease, lesions, eye)
    chance = _stream(seed, "marker")
    marked = marker > 0 and bool(chance.random() < (marker if label == "glaucoma" else 1 - marker))
    parameters = Parameters(eye, pose, sample_palette(_stream(seed, "palette")), lesions, camera, marked)
    pixels, masks = _paint(parameters, View(pose, size), _stream(seed, "paint"), disease)
    masks["marker"] = print_mark(chance, pixels) if marked else np.zeros((size, size), dtype=np.bool_)
    return Photograph(pixels, label, seed, parameters, {name: masks[name] for name in MASKS})


def _paint(
    parameters: Parameters, view: View, rng: np.random.Generator, disease: np.random.Generator
) -> tuple[NDArray[np.uint8], dict[str, Mask]]:
    eye, palette, camera = parameters.eye, parameters.palette, parameters.camera
    picture = paint_ground(rng, view, eye, palette)
    lesions = Painter(disease, picture, view, eye)
    lesions.below_vessels(parameters.lesions)
    head = NerveHead(view, eye)
    head.paint(rng, picture, palette)
    vessels = draw_vessels(rng, view, eye)
    _add_sheen(rng, picture, view, palette)
    paint_vessels(rng, picture, vessels, head, palette)
    lesions.above_vessels(parameters.lesions)
    stop = field_stop(view, camera)
    pixels = compress(expose(rng, picture, stop, view, camera), camera).copy()
    field = np.asarray(stop > 0.5)
    found = head.masks() | lesions.masks | vessels.masks()
    found |= {"fovea": fovea_mask(view, eye), "wedge": wedge_mask(view, eye)}
    return pixels, {"field": field} | {name: mask & field for name, mask in found.items()}


def _add_sheen(rng: np.random.Generator, picture: Field, view: View, palette: Palette) -> None:
    """Whitish reflections of a young retina's surface, in patches around the disc."""
    if palette.sheen:
        patches = np.clip(clouds(rng, 12, view.size), 0, 2) * np.clip(1.3 - view.rho / np.float32(4.5), 0, 1)
        picture += (patches * np.float32(palette.sheen))[..., None] * np.array([34, 42, 40], dtype=np.float32)
