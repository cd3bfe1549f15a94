"""The one privilege of a gateway on the host's network: listening on ports below 1024 without being root.

A container that is given NET_BIND_SERVICE and does not run as root has that capability only within reach. The image
marks our interpreter so that it becomes permitted; here it is made effective, and ambient, so that Envoy inherits it
(a mark on Envoy's own file would have no effect under `allowPrivilegeEscalation: false`). See capabilities(7).
"""

from __future__ import annotations

import ctypes
import os

_VERSION_3 = 0x20080522
_NET_BIND_SERVICE = 10
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def keep_low_ports() -> bool:
    """Make NET_BIND_SERVICE effective here and in what this thread starts, if it is permitted; whether it is.

    Raises OSError when the kernel refuses what it permits.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = _Header(_VERSION_3, 0), (_Sets * 2)()  # the second half holds capabilities from 32 on
    _done(libc.capget(ctypes.byref(header), sets))
    bit = 1 << _NET_BIND_SERVICE
    if not sets[0].permitted & bit:
        return False
    sets[0].effective |= bit
    sets[0].inheritable |= bit
    _done(libc.capset(ctypes.byref(header), sets))
    _done(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _NET_BIND_SERVICE, 0, 0))
    return True


def _done(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
