"""The command `fovea`: one file a verb, put together here."""

from __future__ import annotations

import typer

from service.cli import answers, collections, evaluate, models, openapi, serve, train

app = typer.Typer(
    name="fovea",
    help="An image classifier's answer, and the reason for it.",
    epilog="Start with `fovea serve`, or without a server: `fovea explain samples/retina.jpg --out map.png`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
)
app.command(epilog="Example: `fovea serve --port 8000`")(serve.serve)
app.command(epilog="Example: `fovea predict samples/retina.jpg --model resnet18`")(answers.predict)
app.command(epilog="Example: `fovea explain samples/retina.jpg --method gradcam --out map.png`")(answers.explain)
app.command(epilog="Example: `fovea embed samples/retina.jpg --out vector.npy`")(answers.embed)
app.add_typer(models.app, name="models")
app.command(epilog="Example: `fovea train --help`")(train.train)
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(collections.app, name="collections")
app.command(epilog="Example: `fovea openapi --check`")(openapi.openapi)
