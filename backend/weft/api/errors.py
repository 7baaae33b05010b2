"""Errors as HTTP answers: the one place that knows a status code for each of the house's errors.

Grafana shows a body's `message`, then `error` when it is text; FastAPI's `detail` it shows as nothing. Graphite's
clients show the raw body, so below /graphite an error is one line of text. 401 is never used: Grafana's proxy
replaces it and its body by "Authentication to data source failed".
"""

from collections.abc import Mapping

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from weft.base.errors import (
    BadInput,
    BadRequest,
    BadSettings,
    Busy,
    Forbidden,
    OwnedElsewhere,
    ServiceError,
    TooMuch,
    Unavailable,
    UnknownName,
)

STATUS: Mapping[type[ServiceError], int] = {
    BadInput: 400,
    BadRequest: 400,
    TooMuch: 400,  # not 413: that is about the size of the request, and 422 is titled "Validation failed" by Grafana
    Forbidden: 403,
    UnknownName: 404,
    ServiceError: 500,
    BadSettings: 500,
    Busy: 503,
    OwnedElsewhere: 503,
    Unavailable: 503,
}

ELASTIC = {"x-elastic-product": "Elasticsearch"}
"""Clients of Elasticsearch, from version 8 on, believe no answer without it."""


def error_response(
    path: str, status: int, message: str, code: str, headers: Mapping[str, str] | None = None
) -> Response:
    """An error in the form that the clients of this path show to a person."""
    line = " ".join(message.split())
    if path.startswith("/graphite"):
        return Response(line, status, media_type="text/plain; charset=utf-8", headers=headers)
    if path.startswith("/elastic"):
        body = orjson.dumps({"error": {"type": code, "reason": line}, "status": status})
        return Response(body, status, media_type="application/json", headers={**ELASTIC, **(headers or {})})
    body = orjson.dumps({"message": line, "error": code})
    return Response(body, status, media_type="application/json", headers=headers)


def service_response(path: str, exc: ServiceError) -> Response:
    """One of the house's errors as an answer; a busy server says when to come back."""
    headers = {"retry-after": "1"} if isinstance(exc, Busy) else None
    return error_response(path, STATUS[type(exc)], str(exc), exc.code, headers)


def install(app: FastAPI) -> None:
    """Give the application handlers for every error but the unexpected ones, which `gate.py` catches."""

    @app.exception_handler(ServiceError)
    async def service_error(request: Request, exc: ServiceError) -> Response:
        return service_response(request.url.path, exc)

    @app.exception_handler(RequestValidationError)
    async def invalid_parameter(request: Request, exc: RequestValidationError) -> Response:
        first = exc.errors()[0]
        name = ".".join(str(part) for part in first["loc"][1:]) or "the request"
        message = f"'{name}': {first['msg']}. See /docs for the parameters of {request.url.path}."
        return error_response(request.url.path, 400, message, BadRequest.code)

    @app.exception_handler(HTTPException)
    async def no_such_route(request: Request, exc: HTTPException) -> Response:
        path = request.url.path
        if exc.status_code == 404:
            return error_response(path, 404, f"There is nothing at {path}. The page / says what there is.", "not_found")
        if exc.status_code == 405:
            allowed = (exc.headers or {}).get("Allow", "another method")
            message = f"{path} does not answer {request.method}. Send {allowed}."
            return error_response(path, 405, message, "bad_method", exc.headers)
        return error_response(path, exc.status_code, exc.detail, "error", exc.headers)
