"""Where the program `sgw` starts."""

import os


def main() -> None:
    """Run the command line."""
    # Read by gRPC when it is imported: we fork only to execute Envoy, and its fork handlers would only complain.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    from sealos_gateway import cli  # noqa: PLC0415

    cli.app()


if __name__ == "__main__":
    main()
