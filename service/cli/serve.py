"""`fovea serve`: the service over HTTP. Its flags are the settings, each under its own name."""

from __future__ import annotations

import ctypes
import inspect
import ipaddress
import logging
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from service.api.app import create_app
from service.api.server.draining import DrainingServer
from service.cli import settings_options
from service.engines.choice import choose
from service.errors import FoveaError
from service.settings import Settings, available_cores

logger = logging.getLogger("fovea.serve")

M_MMAP_THRESHOLD = -3  # malloc.h
LARGE = 2**20
"""Bytes from which memory is asked of the system, and given back to it when it is free."""

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """A command that takes every setting as a flag, and is called with the Settings they make.

    A flag left out is left to the environment, to `.env`, and to the default, in that order.
    """

    def flagged(**flags: Any) -> None:
        command(settings_options.settings(**flags))

    flagged.__doc__, flagged.__name__ = command.__doc__, command.__name__
    parameters = [_flag(name) for name in Settings.model_fields]
    flagged.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    flagged.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return flagged


def _flag(name: str) -> inspect.Parameter:
    field = Settings.model_fields[name]
    takes: Any = list[str] if field.annotation == tuple[str, ...] else field.annotation
    default = field.get_default(call_default_factory=True)
    option = typer.Option(help=f"{field.description} (FOVEA_{name.upper()})", show_default=_shown(default))
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[takes | None, option]
    )


def _shown(default: Any) -> str:
    return "none" if default in ((), "") else str(default).lower() if isinstance(default, bool) else str(default)


@with_settings
def serve(settings: Settings) -> None:
    """Serve all models of the registry over HTTP until SIGTERM or Ctrl-C."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=LOG_FORMAT)
    _give_memory_back()
    if not _is_loopback(settings.host):
        logger.warning(
            "listening on %s: whoever reaches this port may use the service, for it asks for no keys yet; keep it"
            " behind a proxy that does, or on 127.0.0.1",
            settings.host,
        )
    try:
        app = create_app(settings)
        choose(settings.engine)
    except FoveaError as error:
        typer.echo(f"fovea serve: {error}", err=True)
        raise typer.Exit(1) from None
    logger.info(
        "%d cores: %d threads for a forward (engine %s, %s), %d decoders, batches of %d",
        available_cores(),
        settings.forward_threads,
        choose(settings.engine),
        settings.precision,
        settings.decoders,
        settings.batch_size,
    )
    DrainingServer(app, settings).run()


def _give_memory_back() -> None:
    """With glibc, which otherwise keeps what loading a network took: pieces of up to 32 MB, once it has freed one."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None:
        mallopt(M_MMAP_THRESHOLD, LARGE)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
