"""One error per kind of trouble."""

import pytest

from sealos_gateway.kube import errors


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidError),
        (401, errors.UnauthorizedError),
        (403, errors.ForbiddenError),
        (404, errors.NotFoundError),
        (409, errors.ConflictError),
        (410, errors.GoneError),
        (422, errors.InvalidError),
        (429, errors.TooManyRequestsError),
        (500, errors.ServerError),
        (504, errors.ServerError),
        (302, errors.ApiError),
        (418, errors.ApiError),
    ],
)
def test_status(status: int, kind: type[errors.ApiError]) -> None:
    error = errors.error_for(status, "why", 3)
    assert type(error) is kind
    assert (error.status, str(error), error.retry_after) == (status, "why", 3)


def test_reason_is_one_word_and_a_message_is_never_empty() -> None:
    assert errors.error_for(403, "").reason == "Forbidden"
    assert str(errors.error_for(403, "")) == "status 403"
    assert errors.ApiError("x").reason == "Api"
