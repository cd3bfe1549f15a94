"""What BackendPolicies say of one port of a Service: for its cluster, and for the routes that lead there."""

from __future__ import annotations

import msgspec

from sealos_gateway.live import Read
from sealos_gateway.model.backend_policy import AS_IT_IS, BackendPolicy
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.traffic import Action, backends
from sealos_gateway.resources.meta import Ref
from sealos_gateway.translate.policies.attached import Level, joined
from sealos_gateway.translate.policies.said import Fields
from sealos_gateway.translate.world import World

SERVICE = "Service"
#: What is said of datagrams: of the rest nothing has a meaning for them.
_OF_DATAGRAMS = ("limits",)


def level(key: BackendKey, read: Read, world: World) -> Level | None:
    """The port before the Service; None where nobody says anything."""
    table = world.attached.get(SERVICE)
    if table is None or not key.namespace:
        return None
    ref = Ref(key.namespace, key.service)
    found = read(table, ref)
    if found is None:
        return None
    service = read(world.services, ref)
    ports = service.spec.ports if service else ()
    name = next((it.name for it in ports if it.port == key.port and it.protocol == key.transport), "")
    levels = found.chain(name, "")
    whole = joined(levels) if levels else None
    if whole is None or key.transport == "TCP":
        return whole
    fields = tuple(it for it in whole.fields if it[0] in _OF_DATAGRAMS)
    return Level(fields, by=whole.by) if fields else None


def route_fields(action: Action, read: Read, world: World) -> Fields:
    """For routes with this action. Of several Services the first that says something of a field."""
    if SERVICE not in world.attached:
        return ()
    found = (level(key, read, world) for key in backends(action))
    levels = [it for it in found if it is not None]
    return joined(levels).route_fields if levels else ()


def policy(key: BackendKey, found: Level) -> BackendPolicy:
    """What is said of a cluster, over what its users say. TLS that is handed through stays as it is."""
    own = key.policy or BackendPolicy()
    said = dict(found.fields)
    if own == AS_IT_IS:
        said = {name: value for name, value in said.items() if name not in ("protocol", "tls")}
    elif (tls := said.get("tls")) is not None and tls.certificate is None and own.tls is not None:
        # What the Gateway shows to backends is for it to say, where the Service does not ask for something else.
        said["tls"] = msgspec.structs.replace(tls, certificate=own.tls.certificate)
    return msgspec.structs.replace(own, **said)
