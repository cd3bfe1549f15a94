"""Whether the definitions of the Gateway API in a cluster are of a release that is known here.

Each definition says its release in an annotation. With one of another release what is known of it is served all the
same ("best effort"), and the classes say so.

Source: Gateway API, `GatewayClassConditionStatusSupportedVersion` (experimental).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from sealos_gateway.resources import kinds
from sealos_gateway.resources.gateway_api.meta import Condition

#: The definitions that are looked at, by name.
NAMES: Final = tuple(f"{kind.plural}.{kind.group}" for kind in kinds.GATEWAY_API)
_KNOWN: Final = re.compile(r"v1\.[67]\.[0-9]+(-[0-9A-Za-z.-]+)?")
_TOLD: Final = 5


def condition(releases: Mapping[str, str], generation: int) -> Condition | None:
    """`releases` are those of the definitions that are known, by name, empty where one does not say it. None where no
    definition is known: objects come from files, or may not be looked at."""
    if not releases:
        return None
    odd = [f"{name} ({release[:40] or 'none'})" for name, release in releases.items() if not _KNOWN.fullmatch(release)]
    if not odd:
        text = f"definitions of the Gateway API are of {', '.join(sorted(set(releases.values())))}"
        return Condition("SupportedVersion", "True", "SupportedVersion", text, generation)
    more = f" and {len(odd) - _TOLD} more" if len(odd) > _TOLD else ""
    text = (
        f"releases v1.6 and v1.7 of the Gateway API are known here, and not those of {', '.join(odd[:_TOLD])}{more}; "
        "what is known of their objects is served"
    )
    return Condition("SupportedVersion", "False", "UnsupportedVersion", text, generation)
