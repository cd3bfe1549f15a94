"""`auth-type: basic`: names and passwords of a Secret.

Nothing of a Secret may get into a message: problems name users and forms, never digests.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from sealos_gateway.model.policy import BasicAuth
from sealos_gateway.model.private import Private
from sealos_gateway.resources.annotations import auth
from sealos_gateway.resources.core import Secret
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.references import reference
from sealos_gateway.translate.annotations.values import Values

_FILE = "auth"
_MOST_USERS = 10_000
#: What the program in the gateway can check (envoy/policies/access.lua).
_CHECKED = re.compile(
    rb"\{SHA\}[A-Za-z0-9+/]{27}=?|\{SSHA\}[A-Za-z0-9+/=]{28,120}|\{PLAIN\}.{1,256}"
    rb"|\$(apr1|1)\$[^$:\s]{0,8}\$[./A-Za-z0-9]{22}"
)
#: What our own process can check besides (node/passwords.py), where it takes a quarter of a second at most.
_SLOW = re.compile(
    rb"\$2[aby]\$(0[4-9]|1[0-2])\$[./A-Za-z0-9]{53}"
    rb"|\$5\$(rounds=([0-9]{4,5}|100000)\$)?[^$:\s]{1,16}\$[./A-Za-z0-9]{43}"
    rb"|\$6\$(rounds=([0-9]{4,5}|100000)\$)?[^$:\s]{1,16}\$[./A-Za-z0-9]{86}"
    rb"|[./A-Za-z0-9]{13}"
)
_HELP = "make it with `htpasswd -s`"
_SLOW_HELP = f"{_HELP}, or have whoever runs the gateway set ingress.slow_passwords"
_FORMS = (
    (rb"\$2[abxy]?\$", "bcrypt"),
    (rb"\$5\$", "SHA-256-crypt"),
    (rb"\$6\$", "SHA-512-crypt"),
    (rb"\$", "crypt"),
    (rb"[./A-Za-z0-9]{13}\Z", "DES"),
)
#: What of a form takes too long wherever it is checked.
_LIMITS = {
    "bcrypt": "that costs more than 12 (or is damaged)",
    "SHA-256-crypt": "with more than 100,000 rounds (or is damaged)",
    "SHA-512-crypt": "with more than 100,000 rounds (or is damaged)",
}


def read(values: Values, draft: Draft) -> None:
    """`auth-type`, `auth-secret`, `auth-secret-type`, `auth-realm`."""
    kind = values.text(auth.AUTH_TYPE)
    if kind is None:
        return
    if kind.lower() != "basic":
        what = "digest authentication is not offered" if kind.lower() == "digest" else f"{kind[:40]!r} is not a type"
        values.complain(auth.AUTH_TYPE, f"{what}; write basic", "UnsupportedAnnotation")
        return
    if not values.has(auth.AUTH_SECRET):
        values.complain(auth.AUTH_TYPE, "auth-secret is missing: name a Secret with users and passwords")
        return
    layout = values.choice(auth.AUTH_SECRET_TYPE, "auth-file", "auth-map") or "auth-file"
    realm = values.text(auth.AUTH_REALM) or ""
    if not realm.isprintable():
        values.complain(auth.AUTH_REALM, "the realm holds characters that cannot be shown")
        realm = ""
    ref = reference(auth.AUTH_SECRET, values, draft)
    if ref is None:
        return
    draft.secrets[ref] = None
    secret = draft.read(draft.world.secrets, ref)
    if secret is None:
        values.complain(auth.AUTH_SECRET, f"Secret {ref} does not exist", "InvalidSecret")
        return
    slow = draft.world.rules.slow_passwords
    found = users(secret, layout == "auth-map", slow, partial(values.warn, auth.AUTH_SECRET))
    if isinstance(found, Private):
        draft.policy["basic_auth"] = BasicAuth(ref, found, realm)
    else:
        values.complain(auth.AUTH_SECRET, found, "InvalidSecret")


def users(secret: Secret, key_per_user: bool, slow: bool, warn: Callable[[str, str], None]) -> Private | str:
    """Lines `name:digest`, or why there are none. `warn` gets message and reason for users who cannot sign in."""
    lines = _lines(secret, key_per_user)
    usable = [line for line in lines if _is_usable(line, slow)]
    fault = ""
    if not lines and not key_per_user:
        fault = "has no users under the key `auth`; put an htpasswd file there, or write auth-secret-type: auth-map"
    elif not 0 < len(lines) <= _MOST_USERS:
        fault = f"holds {len(lines)} users; there must be from 1 to {_MOST_USERS}"
    elif not usable:
        fault = "has no user whose password can be checked; make them with `htpasswd -s`"
    for line in [line for line in lines if not _is_usable(line, slow)][:3]:
        _tell(line, secret, warn)
    if fault:
        return f"Secret {secret.ref} {fault}"
    return Private(b"\n".join(usable))


def _lines(secret: Secret, key_per_user: bool) -> list[bytes]:
    if key_per_user:
        return [name.encode() + b":" + (secret.value(name) or b"").strip() for name in sorted(secret.keys)]
    found = (line.strip() for line in (secret.value(_FILE) or b"").splitlines())
    return [line for line in found if line and not line.startswith(b"#")]


def _is_usable(line: bytes, slow: bool) -> bool:
    name, colon, digest = line.partition(b":")
    digest = digest.partition(b":")[0] if digest[:1] != b"{" else digest
    return bool(name and colon and (_CHECKED.fullmatch(digest) or (slow and _SLOW.fullmatch(digest))))


def _tell(line: bytes, secret: Secret, warn: Callable[[str, str], None]) -> None:
    name, colon, digest = line.partition(b":")
    user = name.decode("utf-8", "replace")[:40] if colon and name else "?"
    form = next((word for start, word in _FORMS if re.match(start, digest)), "in no form that is known")
    what, remedy = f"the password is {form}", _SLOW_HELP if _is_usable(line, slow=True) else _HELP
    if form in _LIMITS and remedy is _HELP:
        what += f" {_LIMITS[form]}"
    message = f"user {user!r} of Secret {secret.ref} cannot sign in: {what}; {remedy}"
    warn(message, "UnsupportedPassword")
