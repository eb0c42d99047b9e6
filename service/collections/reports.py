"""Reports on a collection: what a request may ask for, and wait a few seconds for. A child process makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from service.runtime.child import computed
from service.runtime.jobs import Told

if TYPE_CHECKING:
    from service.collections.library import Library

Form = Literal["json", "html"]

BIAS = "service.collections.recall:report"


async def bias_of(library: Library, name: str, form: Form = "json", told: Told = lambda *_: None) -> bytes:
    """The bias report on a collection: a `Bias` in JSON, or its page.

    Raises UnknownName, ModelUnavailable, StaleCollection, DoesNotApply, Overloaded, JobFailed.
    """
    collection, classifier = await library.opened(name)
    entry, settings = classifier.entry, library.answers.settings
    arguments = {
        "folder": str(settings.collections_folder.absolute()),
        "collection": name,
        "labels": entry.labels,
        "rivals": entry.activation != "sigmoid",
        "model": f"{entry.name} {entry.version}, weights {collection.weights_sha256[:12]}",
        "notice": entry.card.notice,
        "form": form,
    }
    async with library.desk.turn():
        return await computed(BIAS, arguments, settings.forward_threads, told)
