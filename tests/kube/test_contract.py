"""The cases of `contract.py`, found by pytest."""

from tests.kube.contract import *  # noqa: F403
