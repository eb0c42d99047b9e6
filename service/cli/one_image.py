"""One image answered without a server, and the answer printed as the API would send it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from service.cli.command_group import FAILED
from service.cli.output import print_line
from service.cli.settings_options import settings

if TYPE_CHECKING:
    from service.api.schemas.answers import AnswerStart
    from service.runtime.answers import Answers
    from service.runtime.question import Question
    from service.runtime.results import Answer


def answer_image(
    image: Path, question: Question, registry: Path | None, ask: Callable[[Answers, bytes], Awaitable[Answer]]
) -> Answer:
    """The answer to a question about an image file, from a service that lives as long as this call."""
    given, data = settings(registry=registry), image.read_bytes()
    from service.models.registry import Registry
    from service.runtime.inference_service import InferenceService

    async def run() -> Answer:
        answers = InferenceService(given, Registry(given))
        answers.registry.load(question.model)
        await answers.start(load=False)
        try:
            return await ask(answers, data)
        finally:
            await answers.close()

    return asyncio.run(run())


def print_answer_json(answer: Answer, schema: type[AnswerStart]) -> None:
    """Print an answer exactly as the API writes it."""
    typer.echo(schema.of(answer, str(uuid.uuid4())).model_dump_json(indent=2))


def end_if_refused(answer: Answer) -> None:
    """End the command with `FAILED` where the model refuses the image, after saying why on standard error."""
    if answer.status != "refused":
        return
    limits = (f"{one.measure} {one.value:.3g} ({_limit(one.minimum, one.maximum)})" for one in answer.violations)
    print_line(f"refused: {', '.join(answer.reasons)}; {', '.join(limits)}", "yellow", stderr=True)
    raise typer.Exit(FAILED)


def _limit(minimum: float | None, maximum: float | None) -> str:
    ends = ((minimum, "at least"), (maximum, "at most"))
    return ", ".join(f"{words} {value:g}" for value, words in ends if value is not None)
