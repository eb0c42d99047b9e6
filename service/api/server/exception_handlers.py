"""Errors that the web framework raises itself, as problems."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from service.api.problems import HTTP_PROBLEMS, UNEXPECTED, error_response, make_problem, problem_response
from service.api.server.allowed_methods import allowed_methods
from service.errors import BadParameter


def add_exception_handlers(app: FastAPI) -> None:
    """Answer errors of the router and of parameter validation with problems."""
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_parameter)


async def _on_http_error(request: Request, error: Exception) -> Response:
    """An unknown address, or a method that the address does not support. OPTIONS is answered here for all addresses."""
    if not isinstance(error, HTTPException):
        raise error
    kind, headers = HTTP_PROBLEMS.get(error.status_code, UNEXPECTED), dict(error.headers or {})
    detail = kind.meaning
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = allowed_methods(request)
        if request.method == "OPTIONS":
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)
        detail = f"{request.method} is not supported at this address, which supports {headers['Allow']}."
    return problem_response(make_problem(kind, detail, request.scope), headers)


async def _on_invalid_parameter(request: Request, error: Exception) -> Response:
    """A path or query parameter outside its range."""
    if not isinstance(error, RequestValidationError):
        raise error
    return error_response(BadParameter("; ".join(map(_message, error.errors()))), request.scope)


def _message(fault: dict[str, Any]) -> str:
    where = ".".join(str(step) for step in fault["loc"][1:])
    message = fault["msg"].removeprefix("Value error, ")
    return f"{fault['loc'][0]} parameter {where}: {message}"
