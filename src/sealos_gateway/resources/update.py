"""What became different: the one shape in which every source of objects speaks."""

from __future__ import annotations

from typing import NamedTuple

from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref, Resource


class Update(NamedTuple):
    """Objects as they are now, and objects that are gone."""

    puts: tuple[tuple[Kind, Ref, Resource], ...] = ()
    drops: tuple[tuple[Kind, Ref], ...] = ()
