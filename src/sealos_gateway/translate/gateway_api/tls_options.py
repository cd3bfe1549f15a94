"""`tls.options` of a listener: versions of TLS and ciphers for its hostname, where they differ from the settings.

The API leaves the keys to implementations; ours have our domain before them. What a value asks for and cannot be had
refuses the listener, since it was meant to keep somebody out. A key that nobody here knows is told and has no effect.

Source: Gateway API, `GatewayTLSConfig.options` (v1.7.0: `ListenerTLSConfig.options`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from sealos_gateway.model.client_tls import ClientTls
from sealos_gateway.translate.annotations.upstream import CIPHERS

MIN_VERSION: Final = "gateway.sealos.io/min-tls-version"
MAX_VERSION: Final = "gateway.sealos.io/max-tls-version"
CIPHER_SUITES: Final = "gateway.sealos.io/cipher-suites"
_KEYS: Final = (MIN_VERSION, MAX_VERSION, CIPHER_SUITES)
_VERSION: Final = re.compile(r"(?:TLSv)?(1\.[0-3])", re.ASCII)
#: The lowest version that settings can ask for (`tls.min_version`).
_USUAL_LOWEST: Final = "1.2"


class TlsOptions(NamedTuple):
    """What differs from the settings, if anything; what of it cannot be honoured and what has no effect, in words."""

    parameters: ClientTls | None = None
    wrong: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def read(options: Mapping[str, str], ends_tls: bool) -> TlsOptions:
    """Of one listener; `ends_tls` says whether anything of TLS is spoken here."""
    if not options:
        return TlsOptions()
    ignored = [f"{_field(key)} is not known and has no effect" for key in sorted(options) if key not in _KEYS]
    if not ends_tls:
        ignored += [f"{_field(key)} has no effect where TLS does not end" for key in _KEYS if key in options]
        return TlsOptions(ignored=tuple(ignored))
    wrong: list[str] = []
    low, high = (_version(key, options, wrong) for key in (MIN_VERSION, MAX_VERSION))
    ciphers = _ciphers(options, wrong)
    if high and (low or _USUAL_LOWEST) > high:
        why = "it is above the highest" if low else f"say it where the highest is below {_USUAL_LOWEST}"
        wrong.append(f"{_field(MIN_VERSION)}: {why}")
    found = ClientTls(min_version=low, max_version=high, ciphers=ciphers)
    return TlsOptions(found if found != ClientTls() and not wrong else None, tuple(wrong), tuple(ignored))


def _field(key: str) -> str:
    return f"tls.options[{key[:80]}]"


def _version(key: str, options: Mapping[str, str], wrong: list[str]) -> str:
    text = options.get(key)
    if text is None:
        return ""
    found = _VERSION.fullmatch(text.strip())
    if found is None:
        wrong.append(f"{_field(key)}: {text[:40]!a} is no version of TLS; write 1.0, 1.1, 1.2 or 1.3")
        return ""
    return found[1]


def _ciphers(options: Mapping[str, str], wrong: list[str]) -> tuple[str, ...]:
    """Names of OpenSSL, of TLS 1.2 and below: those of TLS 1.3 cannot be chosen."""
    text = options.get(CIPHER_SUITES)
    if text is None:
        return ()
    found = [word for word in re.split(r"[,:\s]+", text) if word]
    odd = [word for word in found if word not in CIPHERS]
    if odd or not found:
        what = f"Envoy has no cipher suite {odd[0][:40]!a}" if odd else "it is empty"
        wrong.append(
            f"{_field(CIPHER_SUITES)}: {what}; write names as ECDHE-ECDSA-AES128-GCM-SHA256, with commas between"
        )
        return ()
    return tuple(dict.fromkeys(found))
