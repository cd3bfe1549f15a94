"""Whether a token is that of a service account that may be a node: the API server knows (TokenReview)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from sealos_gateway.kube import client, wire
from sealos_gateway.kube.client import Client
from sealos_gateway.kube.errors import ApiError, ForbiddenError
from sealos_gateway.trust.review import Proven, RefusedError, UndecidedError

_API: Final = "authentication.k8s.io/v1"
_POD: Final = "authentication.kubernetes.io/pod-name"
_ACCOUNT: Final = "system:serviceaccount:"


class _User(msgspec.Struct):
    username: str = ""
    extra: dict[str, list[str]] | None = None


class _Status(msgspec.Struct):
    authenticated: bool = False
    user: _User = msgspec.field(default_factory=_User)
    audiences: list[str] | None = None
    error: str = ""


class _Review(msgspec.Struct):
    status: _Status = msgspec.field(default_factory=_Status)


_REVIEWS = msgspec.json.Decoder(_Review)


class Accounts:
    """Takes tokens made for `audience`, of service accounts that may be nodes; a token bound to a pod names the node.

    `gateway_of` gives the gateway whose configuration an account (as namespace/name) may read, None when it is no node.
    """

    def __init__(self, api: Client, audience: str, gateway_of: Callable[[str], str | None]) -> None:
        self._api, self._audience, self._gateway_of = api, audience, gateway_of

    async def review(self, token: str, node: str) -> Proven:
        status = await self._ask(token)
        if not status.authenticated or self._audience not in (status.audiences or ()):
            said = f" ({status.error})" if status.error else ""
            raise RefusedError(
                f"the API server does not take the token as one for the audience {self._audience}{said}; "
                "is it expired, or not projected with this audience?"
            )
        if not status.user.username.startswith(_ACCOUNT):
            raise RefusedError(f"{status.user.username} is no service account, and only those can be nodes")
        account = status.user.username.removeprefix(_ACCOUNT).replace(":", "/", 1)
        gateway = self._gateway_of(account)
        if gateway is None:
            raise RefusedError(
                f"{account} may not be a node: it is not in control.node_accounts, and no Gateway's data plane has it"
            )
        return Proven(next(iter((status.user.extra or {}).get(_POD, ())), node), gateway)

    async def _ask(self, token: str) -> _Status:
        spec = {"token": token, "audiences": [self._audience]}
        body = msgspec.json.encode({"apiVersion": _API, "kind": "TokenReview", "spec": spec})
        try:
            found: _Review = wire.decode(
                _REVIEWS, await self._api.request("POST", client.path(_API, "tokenreviews"), body=body)
            )
        except ForbiddenError as error:
            raise UndecidedError(f"the control plane may not check tokens (create tokenreviews): {error}") from error
        except ApiError as error:
            raise UndecidedError(f"tokens cannot be checked now: {error}") from error
        return found.status
