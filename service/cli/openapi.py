"""`fovea openapi`: the OpenAPI document of the service, written or compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.command_group import FAILED
from service.cli.output import print_error
from service.cli.settings_options import settings

COMMITTED = Path("openapi/openapi.json")


def openapi(
    out: Annotated[
        Path | None, typer.Option(help="File to write; without it, the document is printed.", dir_okay=False)
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; compare the file with the service, exit code 1 if it differs."),
    ] = False,
) -> None:
    """Print the OpenAPI document, write it, or check that openapi/openapi.json is up to date."""
    from service.settings import SHIPPED_REGISTRY

    given = settings(registry=SHIPPED_REGISTRY)
    from service.api.app import create_app, document

    current = document(create_app(given))
    if not check:
        if out is None:
            return typer.echo(current, nl=False)
        out.write_text(current, encoding="utf-8")
        return None
    file = out or COMMITTED
    if not file.is_file() or file.read_text(encoding="utf-8") != current:
        print_error(f"{file} differs from the service; run `fovea openapi --out {file}`")
        raise typer.Exit(FAILED)
    return typer.echo(f"{file} is up to date")
