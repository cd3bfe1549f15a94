"""Ports below 1024 for one that is not root: how a runtime starts a container, and our part in it."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NET_BIND_SERVICE = 10
#: struct vfs_cap_data of revision 2, not effective by itself: as in the Dockerfile.
MARK = struct.pack("<5I", 0x02000000, 1 << NET_BIND_SERVICE, 0, 0, 0)

#: What a runtime does before it executes the command of a container that drops all capabilities but one, or all.
RUNTIME = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
kept = [int(number) for number in sys.argv[1].split(",") if number]
for number in range(41):
    if number not in kept:
        libc.prctl(24, number, 0, 0, 0)    # PR_CAPBSET_DROP
libc.prctl(8, 1, 0, 0, 0)                  # PR_SET_KEEPCAPS
libc.prctl(38, 1, 0, 0, 0)                 # PR_SET_NO_NEW_PRIVS
os.setgroups([]), os.setgid(65532), os.setuid(65532)
bits = sum(1 << number for number in kept)
assert libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(bits, bits)) == 0
os.execv(sys.argv[2], sys.argv[2:])
"""

#: What the gateway does, and what another program that it starts may do then.
GATEWAY = """
import subprocess, sys
sys.path.insert(0, sys.argv[1])
from sealos_gateway.node import privileges
print(privileges.keep_low_ports(), flush=True)
bind = "import socket; s = socket.socket(); print(s.bind(('127.0.0.1', 80)) or 'listens')"
subprocess.run(["python3", "-c", bind], stderr=subprocess.DEVNULL, check=False)
"""


@pytest.fixture
def interpreter(tmp_path: Path) -> Path:
    """A copy of this interpreter with the mark, where everybody may reach it."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root and unshare, to be a container's runtime")
    path = tmp_path / "python"
    shutil.copy2(Path(sys.executable).resolve(), path)
    os.setxattr(path, "security.capability", MARK)
    for folder in path.parents:
        if folder != Path("/tmp") and folder.is_relative_to("/tmp"):
            folder.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("capabilities", "printed"),
    [(str(NET_BIND_SERVICE), ["True", "listens"]), ("", ["False"])],
    ids=["granted", "not granted"],
)
def test_envoy_inherits_the_right_to_low_ports_only_where_it_was_given(
    interpreter: Path, capabilities: str, printed: list[str]
) -> None:
    start = ["unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh"]
    command = [*start, sys.executable, "-c", RUNTIME, capabilities, str(interpreter), "-c", GATEWAY, str(ROOT / "src")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.stdout.split() == printed, done.stderr
