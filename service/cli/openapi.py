"""`fovea openapi`: the OpenAPI document of the service, written or compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.api.app import create_app, document
from service.cli.settings_options import settings
from service.settings import SHIPPED_REGISTRY

COMMITTED = Path("openapi/openapi.json")


def openapi(
    out: Annotated[
        Path | None, typer.Option(help="Where to write it; left out, it is printed.", dir_okay=False)
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing, and end with 1 where the file differs from the service.")
    ] = False,
) -> None:
    """Print the OpenAPI document, write it, or check that openapi/openapi.json says what the service does."""
    current = document(create_app(settings(registry=SHIPPED_REGISTRY)))
    if not check:
        if out is None:
            return typer.echo(current, nl=False)
        out.write_text(current, encoding="utf-8")
        return None
    file = out or COMMITTED
    if not file.is_file() or file.read_text(encoding="utf-8") != current:
        typer.echo(f"{file} differs from the service; run `fovea openapi --out {file}`", err=True)
        raise typer.Exit(1)
    return typer.echo(f"{file} says what the service does")
