"""The command `fovea`: a table of its commands, each imported when it is called.

The files of the commands import PyTorch and everything that needs it when a command runs, so that `--help` and the
commands that compute nothing answer at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand
from typer.main import get_command

from service import __version__
from service.cli.command_group import CommandGroup, command_group

SUMMARIES_ONLY = "fovea.summaries"


@dataclass(frozen=True)
class CommandRow:
    """One command. target: `module:name` of a function or of a group. summary: the first line of its help."""

    target: str
    summary: str
    epilog: str = ""

    def load(self, name: str) -> Any:
        """The command itself."""
        module, _, attribute = self.target.partition(":")
        target = getattr(import_module(module), attribute)
        if isinstance(target, typer.Typer):
            group = get_command(target)
            group.name = name
            return group
        alone = typer.Typer(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_show_locals=False)
        alone.command(name, epilog=self.epilog)(target)
        return get_command(alone)


COMMANDS = {
    "serve": CommandRow(
        "service.cli.serve:serve",
        "Serve all models of the registry over HTTP until SIGTERM or Ctrl-C.",
        "Examples: `fovea serve --port 8000`, `fovea serve --registry mine --engine torch`",
    ),
    "predict": CommandRow(
        "service.cli.answers:predict",
        "Print the likeliest classes of an image.",
        "Example: `fovea predict samples/retina.jpg --model resnet18`",
    ),
    "explain": CommandRow(
        "service.cli.answers:explain",
        "Show which parts of an image one method holds responsible for the model's answer.",
        "Example: `fovea explain samples/retina.jpg --method gradcam --out map.png`",
    ),
    "embed": CommandRow(
        "service.cli.answers:embed",
        "Turn an image into the vector that the model's last layer sees.",
        "Example: `fovea embed samples/retina.jpg --out vector.npy`",
    ),
    "models": CommandRow("service.cli.models:app", "List, show, add, verify, fetch and convert models."),
    "train": CommandRow(
        "service.cli.train:train",
        "Train a classifier, measure it on images it never saw, and write it with its card.",
        "Examples: `fovea train photographs --name mine --sizes 224 --epochs 10`,"
        " `fovea train glaucoma --name small --images 640 --held-out 128 --sizes 128 --epochs 2`",
    ),
    "evaluate": CommandRow("service.cli.evaluate:app", "Measure models and their explanations."),
    "collections": CommandRow(
        "service.cli.collections:app",
        "Collections of reference images, for similar images, projections and reports.",
    ),
    "openapi": CommandRow(
        "service.cli.openapi:openapi",
        "Print the OpenAPI document, write it, or check that openapi/openapi.json is up to date.",
        "Examples: `fovea openapi --check`, `fovea openapi --out openapi/openapi.json`",
    ),
}


class RootGroup(CommandGroup):
    """The group of all commands; its own help shows their summaries and imports none of them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands.update((name, TyperCommand(name, help=row.summary)) for name, row in COMMANDS.items())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command, or what stands for it in the help; None where there is none of that name."""
        if cmd_name not in COMMANDS or ctx.meta.get(SUMMARIES_ONLY):
            return self.commands.get(cmd_name)
        return COMMANDS[cmd_name].load(cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        ctx.meta[SUMMARIES_ONLY] = True
        super().format_help(ctx, formatter)


app = command_group(
    "An image classifier's answer, and the reason for it.",
    epilog="Start with `fovea serve`, or without a server: `fovea explain samples/retina.jpg --out map.png`."
    " Exit codes: 0 done, 1 failed or refused, 2 wrong command line or setting.",
    name="fovea",
    cls=RootGroup,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def fovea(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """An image classifier's answer, and the reason for it."""
