"""Errors as problem details (RFC 9457). The tables here give each error its HTTP status; no other module knows one."""

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
class ProblemType:
    """A problem type of RFC 9457. slug: its name in `/problems/{slug}`. meaning: its meaning and remedy."""

    status: int
    slug: str
    title: str
    meaning: str

    @property
    def uri(self) -> str:
        """The relative URI that identifies this type; the service explains it there."""
        return f"/problems/{self.slug}"


ERROR_PROBLEMS: dict[type[errors.FoveaError], ProblemType] = {
    errors.MalformedRequest: ProblemType(
        400,
        "malformed-request",
        "The request cannot be read",
        "The body contains no readable image: invalid multipart, JSON or base64, a wrong field name, or an empty body."
        " The detail says which, and how to correct it.",
    ),
    errors.CrossSiteRequest: ProblemType(
        403,
        "cross-site-request",
        "A page of another origin made the request",
        "A web page that does not belong to the service tried to use it through a browser. The operator can allow its"
        " origin with FOVEA_ALLOWED_ORIGINS.",
    ),
    errors.Forbidden: ProblemType(
        403,
        "forbidden",
        "Not allowed for this client",
        "Only the operator may do this, from the machine on which the service runs. The detail says how.",
    ),
    errors.UnknownName: ProblemType(
        404,
        "unknown-name",
        "Unknown name",
        "There is no model, method, layer, label, collection or job of this name. The detail says which names exist.",
    ),
    errors.NotAcceptable: ProblemType(
        406,
        "not-acceptable",
        "No acceptable media type",
        "The Accept header names no media type that this route can return. The detail lists those it can.",
    ),
    errors.TooSlow: ProblemType(
        408,
        "too-slow",
        "The request did not arrive in time",
        "The connection was too slow, or the client stopped sending. Send the request again, or send a smaller image.",
    ),
    errors.DoesNotApply: ProblemType(
        409,
        "does-not-apply",
        "The method does not apply to this model",
        "The detail says what the method requires of a model and which methods apply; `GET /models/{name}` lists them.",
    ),
    errors.StaleCollection: ProblemType(
        409,
        "stale-collection",
        "The collection does not match its model any more",
        "The model has changed since the collection was filled, so its vectors cannot be compared with new ones. If the"
        " collection keeps originals, POST to its `/reembed`; otherwise create a new collection.",
    ),
    errors.TooLarge: ProblemType(
        413,
        "too-large",
        "A limit is exceeded",
        "The request has too many bytes, pixels or images. The detail names the limit, which the operator can raise.",
    ),
    errors.UnsupportedImage: ProblemType(
        415,
        "unsupported-image",
        "Unsupported image format",
        "The content is in no image format that the service reads. File names and the Content-Type do not matter.",
    ),
    errors.UnsupportedEncoding: ProblemType(
        415,
        "unsupported-encoding",
        "Unsupported Content-Encoding",
        "The body is compressed in a way that the service does not support. The Accept-Encoding header of the response"
        " lists the codings for request bodies.",
    ),
    errors.BadParameter: ProblemType(
        422,
        "bad-parameter",
        "Invalid parameter",
        "A query parameter is unknown or its value is not allowed. The detail names the parameter and what is allowed.",
    ),
    errors.DamagedImage: ProblemType(
        422,
        "damaged-image",
        "The image cannot be decoded",
        "The format is known, but the content is truncated or damaged. Export the image again and send the new file.",
    ),
    errors.RefusedImage: ProblemType(
        422,
        "refused-image",
        "The model refuses the image",
        "The image differs too much from the images the model is made for, or its quality is too low. Accept"
        " application/json to get the reasons.",
    ),
    errors.RequestError: ProblemType(
        400, "bad-request", "The request cannot be answered", "The detail says what is wrong with the request."
    ),
    errors.Overloaded: ProblemType(
        429,
        "overloaded",
        "Too many requests are waiting",
        "The service refuses new work to finish what it has accepted. Retry after the seconds in Retry-After.",
    ),
    errors.ModelUnavailable: ProblemType(
        503,
        "model-unavailable",
        "The model is not available",
        "Its weights are missing, still loading, or failed to load. The detail says how to make it available.",
    ),
    errors.ModelFault: ProblemType(
        503,
        "model-fault",
        "The model returned invalid numbers",
        "The network computed values that are not finite. The service returns no answer instead of a wrong one.",
    ),
    errors.DeadlineExceeded: ProblemType(
        503,
        "deadline-exceeded",
        "The deadline is exceeded",
        "The answer was not ready before the service's deadline. Retry later, or with fewer images.",
    ),
    errors.JobFailed: ProblemType(
        503,
        "job-failed",
        "The computation failed",
        "Its process ended without a result, or the service was stopped. The request is valid: start it again.",
    ),
    errors.UnavailableError: ProblemType(
        503,
        "unavailable",
        "Temporarily unavailable",
        "The request is valid. Retry after the seconds in Retry-After.",
    ),
    errors.NoRoom: ProblemType(
        507,
        "no-room",
        "The disk is full",
        "The disk of the collections is full. Earlier images are safe; nothing of this request is stored. Retry after"
        " the operator has freed space.",
    ),
    errors.OperatorError: ProblemType(
        503,
        "misconfigured",
        "The service is misconfigured",
        "Only the operator can correct this. The service's log has the reason, under the request id.",
    ),
}
"""By error class. A class without an entry takes the entry of its nearest base class."""

UNEXPECTED = ProblemType(
    500,
    "unexpected",
    "Internal error",
    "This is a fault of the service, not of the request. Please report it together with the request id.",
)

HTTP_PROBLEMS: dict[int, ProblemType] = {
    400: ERROR_PROBLEMS[errors.MalformedRequest],
    404: ProblemType(
        404, "no-such-route", "Unknown address", "There is no route at this address; `/docs` lists all routes."
    ),
    405: ProblemType(
        405,
        "wrong-method",
        "Method not allowed",
        "The address does not support this HTTP method. The Allow header lists the methods it supports.",
    ),
}
"""By the status of an error that the web framework raises itself."""

PROBLEM_TYPES: dict[str, ProblemType] = {
    found.slug: found for found in (*ERROR_PROBLEMS.values(), *HTTP_PROBLEMS.values(), UNEXPECTED)
}
"""All problem types, by slug."""

OPERATOR_DETAIL = "the service is misconfigured; its operator finds the reason in the log, under this request id"


class Problem(BaseModel):
    """An error response, in the form of RFC 9457."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="The problem type: a relative address that explains it.")
    title: str = Field(description="A short name of the problem type; the same for all problems of the type.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong with this request, and how to correct it.")
    instance: str = Field(description="This occurrence of the problem: the requested path and the request id.")
    error: str = Field(description="The same as `detail`, for clients of the Open Inference Protocol.")
    request_id: str = Field(description="The id of the request, as in the X-Request-ID header and in the log.")


def problem_type(error: errors.FoveaError) -> ProblemType:
    """The problem type of an error's class, or of its nearest base class that has one."""
    return next((ERROR_PROBLEMS[cls] for cls in type(error).__mro__ if cls in ERROR_PROBLEMS), UNEXPECTED)


def describe(error: errors.FoveaError, scope: Scope) -> Problem:
    """An error as a problem. The text of an OperatorError stays in the log, because it may name paths of the server."""
    internal = isinstance(error, errors.OperatorError) and not isinstance(error, errors.NoRoom)
    return make_problem(problem_type(error), OPERATOR_DETAIL if internal else str(error), scope)


def make_problem(kind: ProblemType, detail: str, scope: Scope) -> Problem:
    """A problem of this type for the request of an ASGI scope."""
    request_id = scope["state"]["request_id"]
    return Problem(
        type=kind.uri,
        title=kind.title,
        status=kind.status,
        detail=detail,
        instance=f"{quote(scope['path'][:200], safe='/+:@')}#{request_id}",
        error=detail,
        request_id=request_id,
    )


def problem_response(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """A problem as an HTTP response."""
    content = problem.__pydantic_serializer__.to_json(problem)
    return Response(content, problem.status, headers, "application/problem+json")


def error_response(error: errors.FoveaError, scope: Scope) -> Response:
    """An error as an HTTP response, with the headers that its status requires."""
    problem, headers = describe(error, scope), {}
    if problem.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        headers["Retry-After"] = str(math.ceil(getattr(error, "retry_after", 60)))
    if isinstance(error, errors.TooSlow):
        headers["Connection"] = "close"
    if isinstance(error, errors.UnsupportedEncoding):
        headers["Accept-Encoding"] = ", ".join(error.supported)
    return problem_response(problem, headers)
