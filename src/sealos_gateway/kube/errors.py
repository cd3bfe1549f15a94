"""What can go wrong with a request to the API server, as one small tree.

ApiError
├── UnreachableError      no answer: refused, cut, silent, TLS, no usable configuration
├── GarbledError          an answer that is no Kubernetes answer
├── InvalidError          400, 422: the server does not take the request as it is
├── UnauthorizedError     401
├── ForbiddenError        403
├── NotFoundError         404
├── ConflictError         409
├── GoneError             410: the history asked for is no longer kept
├── TooManyRequestsError  429, with `retry_after`
└── ServerError           5xx, perhaps with `retry_after`

Raised `from` the library's own errors, so that no other file knows aiohttp. Retrying is for those who call.
"""

from __future__ import annotations

from typing import Final


class ApiError(Exception):
    """`status` is 0 when there was no answer; `retry_after` is in seconds, 0 when the server asked for nothing."""

    def __init__(self, message: str, status: int = 0, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after

    @property
    def reason(self) -> str:
        """One word for a Problem."""
        return type(self).__name__.removesuffix("Error") or "Error"


class UnreachableError(ApiError): ...


class GarbledError(ApiError): ...


class InvalidError(ApiError): ...


class UnauthorizedError(ApiError): ...


class ForbiddenError(ApiError): ...


class NotFoundError(ApiError): ...


class ConflictError(ApiError): ...


class GoneError(ApiError): ...


class TooManyRequestsError(ApiError): ...


class ServerError(ApiError): ...


_BY_STATUS: Final[dict[int, type[ApiError]]] = {
    400: InvalidError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: GoneError,
    422: InvalidError,
    429: TooManyRequestsError,
}


def error_for(status: int, message: str, retry_after: float = 0.0) -> ApiError:
    """The error that stands for an HTTP status."""
    kind = ServerError if status >= 500 else _BY_STATUS.get(status, ApiError)
    return kind(message or f"status {status}", status, retry_after)
