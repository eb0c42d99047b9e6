"""How every group of commands is made, and the exit codes of all commands.

0: done. 1: failed or refused (`FAILED`). 2: wrong command line or setting (`USAGE`). 130: interrupted with Ctrl-C.
"""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from service.cli.output import print_error
from service.errors import BadParameter, DoesNotApply, FoveaError, UnknownName

FAILED = 1
"""A file, an image, a model or a check is not as it must be, or the model refuses the image."""

USAGE = 2
"""An option, a name, a value or a setting does not exist or does not apply. Typer uses the same code."""

USAGE_ERRORS = (UnknownName, BadParameter, DoesNotApply)
"""The errors that end a command with `USAGE`; every other FoveaError ends it with `FAILED`."""


class CommandGroup(TyperGroup):
    """A group whose commands end with a plain sentence and an exit code instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command. A FoveaError, or a file that cannot be read or written, becomes an exit code."""
        try:
            return super().invoke(ctx)
        except FoveaError as error:
            print_error(str(error))
            raise typer.Exit(USAGE if isinstance(error, USAGE_ERRORS) else FAILED) from None
        except OSError as error:
            if error.filename is None:
                raise
            print_error(f"{error.filename}: {error.strerror}")
            raise typer.Exit(FAILED) from None


def command_group(
    help_text: str, epilog: str | None = None, name: str | None = None, cls: type[CommandGroup] = CommandGroup
) -> typer.Typer:
    """A new group of commands."""
    return typer.Typer(
        cls=cls,
        name=name,
        help=help_text,
        epilog=epilog,
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_show_locals=False,
    )
