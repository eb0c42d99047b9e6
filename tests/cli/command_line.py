"""The command line as a tree, for tests that go over all commands and examples."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from service.cli.main import app


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that call it, such as ("models", "list")."""
    yield from _below((), get_command(app))


def _below(words: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "list_commands"):
        yield words, command
        return
    context = type(command).context_class(command)
    for name in command.list_commands(context):
        yield from _below((*words, name), command.get_command(context, name))


def examples(command: Any) -> list[list[str]]:
    """The words of each example in a command's epilog, in a line or a block, without `fovea`."""
    found = re.findall(r"`\n?fovea ([^`]*)`", command.epilog or "")
    return [shlex.split(text.replace("\\\n", " ")) for text in found]


def parse(words: list[str]) -> tuple[str, ...]:
    """Read the words as the command line does and run nothing; gives the command's own words.

    Raises the usage error that the command line would end with.
    """
    command, context, called = get_command(app), None, list[str]()
    while hasattr(command, "resolve_command"):
        context = type(command).context_class(command, parent=context) if context is None else context
        name, found, words = command.resolve_command(context, words)
        assert name is not None
        assert found is not None
        called.append(name)
        command = found
        if not hasattr(command, "resolve_command"):
            command.make_context(name, words, parent=context)
    return tuple(called)
