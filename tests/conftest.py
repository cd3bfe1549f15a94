"""What holds for all tests: property tests have no deadline, because a machine's speed is no property of the code."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("sealos", deadline=None)
settings.load_profile("sealos")
