"""The command `fovea`: one file per command, put together here.

These files import PyTorch and everything that needs it when a command runs, so that `--help` and the commands that
compute nothing answer at once.
"""

from __future__ import annotations

from importlib.metadata import version as version_of
from typing import Annotated

import typer

from service.cli import answers, collections, evaluate, models, openapi, serve, train
from service.cli.command_group import command_group

app = command_group(
    "An image classifier's answer, and the reason for it.",
    epilog="Start with `fovea serve`, or without a server: `fovea explain samples/retina.jpg --out map.png`."
    " Exit codes: 0 done, 1 failed or refused, 2 wrong command line or setting.",
    name="fovea",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version_of("fovea"))
        raise typer.Exit


@app.callback()
def fovea(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """An image classifier's answer, and the reason for it."""


app.command(epilog="Examples: `fovea serve --port 8000`, `fovea serve --registry mine --engine torch`")(serve.serve)
app.command(epilog="Example: `fovea predict samples/retina.jpg --model resnet18`")(answers.predict)
app.command(epilog="Example: `fovea explain samples/retina.jpg --method gradcam --out map.png`")(answers.explain)
app.command(epilog="Example: `fovea embed samples/retina.jpg --out vector.npy`")(answers.embed)
app.add_typer(models.app, name="models")
app.command(
    epilog="Examples: `fovea train photographs --name mine --sizes 224 --epochs 10`,"
    " `fovea train glaucoma --name small --images 640 --held-out 128 --sizes 128 --epochs 2`"
)(train.train)
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(collections.app, name="collections")
app.command(epilog="Examples: `fovea openapi --check`, `fovea openapi --out openapi/openapi.json`")(openapi.openapi)
