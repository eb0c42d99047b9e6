"""The options and arguments that several commands share, each with one name and one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

IMAGE_FOLDER = "Folder with one subfolder per class"

ModelArgument = Annotated[str, typer.Argument(help="A model of the registry.")]
CollectionArgument = Annotated[str, typer.Argument(help="The collection.")]
ImageArgument = Annotated[Path, typer.Argument(help="The image file.", exists=True, dir_okay=False)]
FolderArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FOLDER]",
        help=f"{IMAGE_FOLDER}. Without it, synthetic fundus images are generated.",
        exists=True,
        file_okay=False,
    ),
]

ModelOption = Annotated[str | None, typer.Option(help="A model of the registry; the registry's default if left out.")]
RegistryOption = Annotated[
    Path | None,
    typer.Option(
        help="TOML file, or folder of TOML files, that lists the models (FOVEA_REGISTRY).", show_default=False
    ),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(help="Folder for fetched weights and everything else that is written (FOVEA_DATA_DIR).",
                 show_default=False),
]  # fmt: skip

TopKOption = Annotated[int, typer.Option("--top-k", min=1, help="How many classes to print.")]
SpatialLayerOption = Annotated[
    str | None,
    typer.Option(
        "--layer",
        help="Layer whose feature maps are used; the last spatial layer if left out. `fovea models show NAME --layers`"
        " lists all.",
    ),
]
MethodsOption = Annotated[
    list[str] | None,
    typer.Option("--method", help="An explanation method; repeatable. Without it, all fast methods that apply."),
]

ImagesOption = Annotated[int, typer.Option(min=1, help="How many images to generate.")]
MarkerOption = Annotated[
    float,
    typer.Option(min=0, max=1, help="Share of generated glaucoma images with a mark in the corner, as a planted bias."),
]

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
HtmlOption = Annotated[
    Path | None, typer.Option(help="Write the report with its pictures to this HTML file.", dir_okay=False)
]
PictureOption = Annotated[
    Path | None, typer.Option(help="Write the report's picture to this .png or .jpg file.", dir_okay=False)
]
