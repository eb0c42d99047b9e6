"""Errors as RFC 9457 problems. One table says what each kind of error is to a client; nothing else knows a status."""

from __future__ import annotations

import math
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response
from starlette.types import Scope

from service import errors


@dataclass(frozen=True)
class Kind:
    """A kind of problem. slug: its name in `/problems/{slug}`; meaning: what it says, and what to do about it."""

    status: int
    slug: str
    title: str
    meaning: str

    @property
    def type(self) -> str:
        """The relative URI that names this kind, where the service explains it."""
        return f"/problems/{self.slug}"


KINDS: dict[type[errors.FoveaError], Kind] = {
    errors.MalformedRequest: Kind(
        400,
        "malformed-request",
        "The request cannot be read",
        "No image could be found in the body: broken multipart, JSON or base64, a wrong field name, or an empty body."
        " The detail says which, and what would be right.",
    ),
    errors.UnknownName: Kind(
        404,
        "unknown-name",
        "There is nothing of that name",
        "No such model, method, layer or label. The detail lists those that exist.",
    ),
    errors.NotAcceptable: Kind(
        406,
        "not-acceptable",
        "No form of the answer that you accept",
        "The Accept header asks for a media type that this route does not have. The detail lists those it has.",
    ),
    errors.TooSlow: Kind(
        408,
        "too-slow",
        "The request did not arrive in time",
        "The connection was too slow, or stopped sending. Send again, or send a smaller image.",
    ),
    errors.DoesNotApply: Kind(
        409,
        "does-not-apply",
        "The method has no meaning for this model",
        "The detail says what the method needs of a model and which methods do apply; `GET /models/{name}` lists them.",
    ),
    errors.StaleCollection: Kind(
        409,
        "stale-collection",
        "The collection is older than its model's weights",
        "Vectors of other weights cannot be compared with new ones. Where originals are kept, POST to its `/reembed`;"
        " otherwise fill a new collection.",
    ),
    errors.TooLarge: Kind(
        413,
        "too-large",
        "More than the limits allow",
        "Too many bytes, pixels or images. The detail names the limit, which the operator can raise.",
    ),
    errors.UnsupportedImage: Kind(
        415,
        "unsupported-image",
        "Not an image in a format that is read",
        "The bytes are none of the formats that are read. What counts is the content, not a name or a Content-Type.",
    ),
    errors.BadParameter: Kind(
        422,
        "bad-parameter",
        "A parameter has no such value",
        "A query parameter is unknown, or outside its range. The detail names it, and what would be right.",
    ),
    errors.DamagedImage: Kind(
        422,
        "damaged-image",
        "The image cannot be decoded",
        "The format is known, but its content is truncated or damaged. Export the image anew and send it again.",
    ),
    errors.RefusedImage: Kind(
        422,
        "refused-image",
        "The model does not answer for such an image",
        "The image is unlike those the model knows, or too poor to judge. Accept application/json to read the reasons.",
    ),
    errors.RequestError: Kind(
        400, "bad-request", "The request cannot be answered", "The detail says what is wrong with the request."
    ),
    errors.Overloaded: Kind(
        429,
        "overloaded",
        "Too much is waiting already",
        "The service refuses new work to keep what it has accepted. Ask again after the seconds in Retry-After.",
    ),
    errors.ModelUnavailable: Kind(
        503,
        "model-unavailable",
        "The model cannot answer now",
        "Its weights are missing, still loading, or failed to load. The detail says what mends it.",
    ),
    errors.ModelFault: Kind(
        503,
        "model-fault",
        "The model gave no usable answer",
        "The network computed numbers that are not finite; no answer is given rather than a wrong one.",
    ),
    errors.DeadlineExceeded: Kind(
        503,
        "deadline-exceeded",
        "The answer would have come too late",
        "It was not ready before the service's deadline. Ask again later, or with fewer images.",
    ),
    errors.JobFailed: Kind(
        503,
        "job-failed",
        "The computation ended without a result",
        "Its process died, or the service that waited for it. Nothing is wrong with the request: ask for it again.",
    ),
    errors.UnavailableError: Kind(
        503, "unavailable", "Not now", "Nothing is wrong with the request. Ask again after the seconds in Retry-After."
    ),
    errors.NoRoom: Kind(
        507,
        "no-room",
        "There is no room left for it",
        "The disk under the collections is full. What was answered as saved is there; nothing of this request is. Ask"
        " again once its operator has made room.",
    ),
    errors.OperatorError: Kind(
        503,
        "misconfigured",
        "The service is not set up rightly",
        "Only its operator can mend this; the service's log has the reason under the request id.",
    ),
}

UNEXPECTED = Kind(
    500,
    "unexpected",
    "A fault of the service",
    "This is our mistake and not yours. Please report it together with the request id.",
)

OF_HTTP: dict[int, Kind] = {
    400: KINDS[errors.MalformedRequest],
    404: Kind(404, "no-such-route", "There is nothing at this address", "`/docs` shows every address there is."),
    405: Kind(
        405, "wrong-method", "The address does not take this method", "The Allow header lists the methods it takes."
    ),
}

ALL: dict[str, Kind] = {kind.slug: kind for kind in (*KINDS.values(), *OF_HTTP.values(), UNEXPECTED)}

OPERATOR_DETAIL = "the service is not set up rightly; its operator finds the reason in the log, under this request id"


class Problem(BaseModel):
    """What went wrong, in the form of RFC 9457."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="Which kind of problem; a relative address that explains it.")
    title: str = Field(description="The kind in a few words, always the same for one type.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong this time, and what would be right.")
    instance: str = Field(description="This one occurrence: the path asked for and the request id.")
    error: str = Field(description="The same as detail, for clients of the Open Inference Protocol.")
    request_id: str = Field(description="The id of the request, as in the X-Request-ID header and in the log.")


def kind_of(error: errors.FoveaError) -> Kind:
    """The kind of an error: that of its own class, or of the nearest base that has one."""
    return next((KINDS[cls] for cls in type(error).__mro__ if cls in KINDS), UNEXPECTED)


def describe(error: errors.FoveaError, scope: Scope) -> Problem:
    """An error as its client reads it; what concerns our own disk is left to the log."""
    ours = isinstance(error, errors.OperatorError) and not isinstance(error, errors.NoRoom)
    detail = OPERATOR_DETAIL if ours else str(error)
    return occurrence(kind_of(error), detail, scope)


def occurrence(kind: Kind, detail: str, scope: Scope) -> Problem:
    """A problem of a kind, here and now."""
    request_id = scope["state"]["request_id"]
    return Problem(
        type=kind.type,
        title=kind.title,
        status=kind.status,
        detail=detail,
        instance=f"{quote(scope['path'][:200], safe='/+:@')}#{request_id}",
        error=detail,
        request_id=request_id,
    )


def reply(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """The problem as an HTTP response."""
    content = problem.__pydantic_serializer__.to_json(problem)
    return Response(content, problem.status, headers, "application/problem+json")


def reply_to(error: errors.FoveaError, scope: Scope) -> Response:
    """The response to an error, with the headers its kind asks for."""
    problem, headers = describe(error, scope), {}
    if problem.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        headers["Retry-After"] = str(math.ceil(getattr(error, "retry_after", 60)))
    if isinstance(error, errors.TooSlow):
        headers["Connection"] = "close"
    return reply(problem, headers)
