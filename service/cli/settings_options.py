"""The settings of a command, and what is wrong with them in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from service.settings import Settings


def settings(**flags: Any) -> Settings:
    """Settings from flags, the environment and `.env`; a flag of None or [] was not given.

    Raises typer.BadParameter that names the variable or the flag whose value is wrong.
    """
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from service.settings import Settings

    given = {name: value for name, value in flags.items() if value not in (None, [])}
    try:
        return Settings(**given)
    except ValidationError as error:
        faults = (f"{_name_of(str(fault['loc'][0]), given)}: {fault['msg']}" for fault in error.errors())
        raise typer.BadParameter("; ".join(faults)) from None
    except SettingsError as error:
        raise typer.BadParameter(f'{error}; write it as JSON: ["one", "two"]') from None


def _name_of(name: str, given: dict[str, Any]) -> str:
    return f"--{name.replace('_', '-')}" if name in given else f"FOVEA_{name.upper()} (environment or .env)"
