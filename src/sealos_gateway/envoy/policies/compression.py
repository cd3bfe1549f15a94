"""Compressed responses: envoy.extensions.filters.http.compressor.v3.Compressor, gzip and Brotli."""

from __future__ import annotations

from collections.abc import Iterator

from sealos_gateway.envoy import api
from sealos_gateway.model.policy import Policy


def filters(policy: Policy) -> Iterator[tuple[str, api.Message]]:
    """What the client accepts, Brotli where it accepts both; nothing that has an encoding already."""
    wanted = policy.compression
    if wanted is None:
        return
    libraries = (
        ("brotli", api.brotli.Brotli(quality=api.uint(min(wanted.level, 11)))),
        ("gzip", api.gzip.Gzip(compression_level=min(wanted.level, 9))),
    )
    for name, library in libraries:
        config = api.compressor.Compressor()
        config.compressor_library.name = name
        config.compressor_library.typed_config.CopyFrom(api.pack(library))
        common = config.response_direction_config.common_config
        common.min_content_length.value = wanted.min_bytes
        common.content_type.extend(wanted.types)
        config.choose_first = name == "brotli"
        yield "envoy.filters.http.compressor", api.pack(config)
