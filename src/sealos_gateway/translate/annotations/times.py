"""Times and repeats on the way to a backend."""

from __future__ import annotations

from sealos_gateway.model.policy import Retry, RetryOn, Timeouts
from sealos_gateway.resources.annotations import times
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.values import Values

_USUAL_CONNECT = 5
_NGINX_SILENCE = 60
_MOST_TRIES = 10
NOT_REACHED = (RetryOn.CONNECT_FAILURE, RetryOn.REFUSED_STREAM, RetryOn.RESET_BEFORE_REQUEST)
#: What is repeated unless somebody says otherwise.
USUAL = (*NOT_REACHED, RetryOn.RESET_IF_IDEMPOTENT)
_SENT = ("error", "timeout", "invalid_header")
_STATUSES = {f"http_{status}": status for status in (403, 404, 429, 500, 502, 503, 504)}
_FLAGS = ("off", "non_idempotent", "updating")
_USUAL_TRIES = 3


def read(values: Values, draft: Draft) -> None:
    """Timeouts and `proxy-next-upstream`."""
    connect = values.whole(times.CONNECT_TIMEOUT, 1, 3600)
    if connect is not None and connect != _USUAL_CONNECT:
        draft.backend["connect_timeout"] = float(connect)
    silences = [values.whole(entry, 0, 31_536_000) for entry in (times.READ_TIMEOUT, times.SEND_TIMEOUT)]
    if draft.nginx:
        silences = [_NGINX_SILENCE if it is None else it for it in silences]
    said = [it for it in silences if it is not None]
    idle = (0 if 0 in said else max(said)) if said else None
    request = values.whole(times.REQUEST_TIMEOUT, 0, 31_536_000)
    if idle is not None or request is not None:
        draft.policy["timeouts"] = Timeouts(request=request, idle=idle)
    _repeats(values, draft)


def _repeats(values: Values, draft: Draft) -> None:
    values.whole(times.NEXT_TIMEOUT, 0, 31_536_000)  # read so that nonsense is told; see its entry
    tries = values.whole(times.NEXT_TRIES, 0, 1000)
    wanted = f"a list of {', '.join((*_SENT, *_STATUSES, *_FLAGS[:2]))}"
    words = values.read(times.NEXT_UPSTREAM, _known, wanted, lines=True)
    if words is None and tries is None:
        return
    said = words or ("error", "timeout")
    attempts = min((tries or _MOST_TRIES) if tries is not None else _USUAL_TRIES, _MOST_TRIES) - 1
    if "off" in said or attempts == 0:
        draft.policy["retry"] = Retry(0)
        return
    statuses = tuple(_STATUSES[word] for word in said if word in _STATUSES)
    every = "non_idempotent" in said
    sent = (RetryOn.RESET if every else RetryOn.RESET_IF_IDEMPOTENT,) if any(word in _SENT for word in said) else ()
    draft.policy["retry"] = Retry(
        attempts, (*NOT_REACHED, *sent), statuses, idempotent_only=bool(statuses) and not every
    )


def _known(text: str) -> tuple[str, ...] | None:
    words = tuple(text.lower().replace(",", " ").split())
    return words if words and all(word in _SENT or word in _STATUSES or word in _FLAGS for word in words) else None
