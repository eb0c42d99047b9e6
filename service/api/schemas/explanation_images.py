"""An explanation without JSON around it: the overlay itself, or the raw maps as NumPy writes them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal
from urllib.parse import quote

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from service.api.server.dispatch import Outcome
from service.errors import NotAcceptable, RefusedImage
from service.runtime.question import Question
from service.runtime.results import Answer, Explanation


def _overlay(found: Explanation) -> bytes:
    overlay = found.maps[0].overlay
    if overlay is None:
        raise RefusedImage("there is no overlay of this map; ask for application/json")
    return overlay.data


def _npy(found: Explanation) -> bytes:
    """float32 [targets, h, w] in the NPY format."""
    buffer = io.BytesIO()
    np.save(buffer, np.stack([one.grid for one in found.maps]).astype(np.float32), allow_pickle=False)
    return buffer.getvalue()


FORMS: dict[str, Callable[[Explanation], bytes]] = {
    "image/png": _overlay,
    "image/jpeg": _overlay,
    "application/x-npy": _npy,
}
"""What turns an explanation into a body, by media type."""

PAINTED: dict[str, Literal["image/png", "image/jpeg"]] = {"image/png": "image/png", "image/jpeg": "image/jpeg"}


def asked_for(form: str, question: Question) -> Question:
    """The question, which asks for an overlay where the form is one."""
    return replace(question, overlay=True, overlay_type=PAINTED[form]) if form in PAINTED else question


def check_one(images: Sequence[bytes]) -> None:
    """Raise NotAcceptable where there are several images: only JSON has room for several answers."""
    if len(images) > 1:
        raise NotAcceptable(
            f"{len(images)} images have one answer in JSON only; accept application/json, or send one image"
        )


def answered(request: Request, outcomes: Sequence[Outcome]) -> Answer:
    """The one answer, counted. Raises RefusedImage where the model does not answer for this image."""
    answer = next(outcome for outcome in outcomes if isinstance(outcome, Answer))
    request.app.state.metrics.answered(answer.model.name, answer.status, answer.timing_ms)
    if answer.status == "refused":
        raise RefusedImage(
            f"model {answer.model.name!r} does not answer for such an image: {', '.join(answer.reasons)};"
            " accept application/json for the whole answer"
        )
    return answer


def reply(request: Request, outcomes: Sequence[Outcome], form: str) -> Response:
    """The first map as a picture, or all maps as numbers, with the answer's facts in X-Fovea-* headers.

    Raises RefusedImage where the model does not answer for this image.
    """
    answer = answered(request, outcomes)
    found = answer.explanations[0]
    return Response(FORMS[form](found), headers=facts(answer, _map_facts(found)), media_type=form)


def facts(answer: Answer, more: Mapping[str, str]) -> dict[str, str]:
    """X-Fovea-* headers that say who answered about which image; values that are not plain ASCII percent-encoded."""
    known = {
        "Model": answer.model.name,
        "Model-Version": answer.model.version,
        "Weights-SHA256": answer.model.weights_sha256,
        "Notice": answer.model.notice,
        "Image-SHA256": answer.image.sha256,
        **more,
    }
    return {f"X-Fovea-{name}": quote(value, safe=" !#$&'()*+,/:;=?@[]-._~") for name, value in known.items()}


def _map_facts(found: Explanation) -> dict[str, str]:
    first = found.maps[0]
    return {
        "Method": found.method,
        "Layer": found.layer,
        "Target": first.target.label,
        "Target-Index": str(first.target.index),
        "Probability": f"{first.target.probability:.6g}",
        "Maximum": f"{first.maximum:.6g}",
        "Empty": str(first.empty).lower(),
        "Region": ",".join(f"{edge:.6g}" for edge in first.region),
        "Done": f"{first.done:.3g}",
    }
