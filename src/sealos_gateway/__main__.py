"""Where the program `sgw` starts."""

import importlib
import os
import sys


def main() -> None:
    """Run the command line, or the node that it became."""
    # Read by gRPC when it is imported: we fork only to execute Envoy, and its fork handlers would only complain.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    if launch := os.environ.pop("SGW_NODE_LAUNCH", ""):
        _without_openssl()
        from sealos_gateway import nodeprocess  # noqa: PLC0415

        nodeprocess.main(launch)
        return
    from sealos_gateway import cli  # noqa: PLC0415

    cli.app()


def _without_openssl() -> None:
    """TLS is gRPC's, which brings its own, and hashes are Python's own where it was built with them: OpenSSL would be
    five megabytes for nothing. None in `sys.modules` says that there is no such module (The import system, 5.3.1)."""
    sha2 = ("_sha2",) if sys.version_info >= (3, 12) else ("_sha256", "_sha512")
    try:
        for name in ("_md5", "_sha1", *sha2, "_sha3", "_blake2"):
            importlib.import_module(name)
    except ImportError:
        return
    for name in ("ssl", "_hashlib"):
        sys.modules[name] = None  # type: ignore[assignment]


if __name__ == "__main__":
    main()
