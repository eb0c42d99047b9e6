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

from service.cli import settings_options
from service.settings import Settings, available_cores

logger = logging.getLogger("fovea.serve")

M_MMAP_THRESHOLD = -3  # malloc.h
LARGE = 2**20
"""Bytes from which an allocation comes from the system, and goes back to it when it is freed."""

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """A command that takes every setting as a flag, and is called with the resulting Settings.

    A flag that is left out is taken from the environment, from `.env`, or from the default, in that order.
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
    from service.api.app import create_app
    from service.api.server.draining import DrainingServer
    from service.engines.choice import choose

    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=LOG_FORMAT)
    _return_freed_memory()
    if not _is_loopback(settings.host):
        logger.warning(
            "listening on %s: everyone who reaches this port may use the service, because it asks for no keys yet; put"
            " it behind a proxy that does, or listen on 127.0.0.1",
            settings.host,
        )
    app, engine = create_app(settings), choose(settings.engine)
    logger.info(
        "%d cores: %d threads for a forward (engine %s, %s), %d decoders, batches of %d",
        available_cores(),
        settings.forward_threads,
        engine,
        settings.precision,
        settings.decoders,
        settings.batch_size,
    )
    DrainingServer(app, settings).run()


def _return_freed_memory() -> None:
    """With glibc, which otherwise keeps what loading a network took, in pieces of up to 32 MB."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None:
        mallopt(M_MMAP_THRESHOLD, LARGE)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
