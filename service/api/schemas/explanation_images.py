"""Explanations in other media types than JSON: the overlay as a picture, or the raw maps as a NumPy file."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal
from urllib.parse import quote

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from service.api.server.dispatch import Outcome, count_answer
from service.errors import NotAcceptable, RefusedImage
from service.runtime.question import Question
from service.runtime.results import Answer, Explanation


def _overlay(found: Explanation) -> bytes:
    overlay = found.maps[0].overlay
    if overlay is None:
        raise RefusedImage("this map has no overlay; accept application/json")
    return overlay.data


def _npy(found: Explanation) -> bytes:
    """float32 [targets, h, w] in the NPY format."""
    buffer = io.BytesIO()
    np.save(buffer, np.stack([one.grid for one in found.maps]).astype(np.float32), allow_pickle=False)
    return buffer.getvalue()


ENCODERS: dict[str, Callable[[Explanation], bytes]] = {
    "image/png": _overlay,
    "image/jpeg": _overlay,
    "application/x-npy": _npy,
}
"""By media type: the response body of an explanation."""

OVERLAY_TYPES: dict[str, Literal["image/png", "image/jpeg"]] = {"image/png": "image/png", "image/jpeg": "image/jpeg"}


def with_overlay(question: Question, media_type: str) -> Question:
    """The question, extended by an overlay if the response is a picture."""
    if media_type not in OVERLAY_TYPES:
        return question
    return replace(question, overlay=True, overlay_type=OVERLAY_TYPES[media_type])


def require_one_image(images: Sequence[bytes]) -> None:
    """Raise NotAcceptable if there are several images: only JSON can hold several answers."""
    if len(images) > 1:
        raise NotAcceptable(
            f"{len(images)} images are answered in JSON only; accept application/json, or send one image"
        )


def single_answer(request: Request, outcomes: Sequence[Outcome]) -> Answer:
    """The only answer, counted in the metrics. Raises RefusedImage if the model refuses the image."""
    answer = next(outcome for outcome in outcomes if isinstance(outcome, Answer))
    count_answer(request, answer)
    if answer.status == "refused":
        raise RefusedImage(
            f"model {answer.model.name!r} refuses this image: {', '.join(answer.reasons)};"
            " accept application/json for the whole answer"
        )
    return answer


def explanation_response(request: Request, outcomes: Sequence[Outcome], media_type: str) -> Response:
    """The first map as a picture, or all maps as numbers, with X-Fovea-* headers about the answer.

    Raises RefusedImage if the model refuses the image.
    """
    answer = single_answer(request, outcomes)
    found = answer.explanations[0]
    headers = answer_headers(answer, _map_headers(found))
    return Response(ENCODERS[media_type](found), headers=headers, media_type=media_type)


def answer_headers(answer: Answer, more: Mapping[str, str]) -> dict[str, str]:
    """X-Fovea-* headers: the model, the image, and `more`. Values outside ASCII are percent-encoded."""
    values = {
        "Model": answer.model.name,
        "Model-Version": answer.model.version,
        "Weights-SHA256": answer.model.weights_sha256,
        "Notice": answer.model.notice,
        "Image-SHA256": answer.image.sha256,
        **more,
    }
    return {f"X-Fovea-{name}": quote(value, safe=" !#$&'()*+,/:;=?@[]-._~") for name, value in values.items()}


def _map_headers(found: Explanation) -> dict[str, str]:
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
