"""Where the program `sgw` starts."""

import os


def main() -> None:
    """Run the command line, or the node that it became."""
    # Read by gRPC when it is imported: we fork only to execute Envoy, and its fork handlers would only complain.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    if launch := os.environ.pop("SGW_NODE_LAUNCH", ""):
        from sealos_gateway import nodeprocess  # noqa: PLC0415

        nodeprocess.main(launch)
        return
    from sealos_gateway import cli  # noqa: PLC0415

    cli.app()


if __name__ == "__main__":
    main()
