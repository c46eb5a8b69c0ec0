"""
Ports for servers on loopback.

Rules: never a port of the kernel's ephemeral range: while a server is down, a client that retries
on loopback may be given its port as the *source*, connect to itself and keep the server from
coming back. Never the same port twice, across all processes of the machine.
"""

import random
import socket
from pathlib import Path

LOWEST = 15_000


def is_taken(port: int) -> bool:
    """Whether somebody listens on *port*; what is left of closed connections does not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def claim_port() -> int:
    """A free TCP port of 127.0.0.1 that is ours until this process ends."""
    candidates = list(range(LOWEST, _ephemeral()))
    random.shuffle(candidates)
    for port in candidates:
        if _claim(port) and not is_taken(port):
            return port
    raise RuntimeError(f"no free port between {candidates[0]} and {candidates[-1]}")


def _ephemeral() -> int:
    """The lowest port that the kernel gives to clients by itself."""
    lowest, _ = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    return max(int(lowest), LOWEST + 5_000)


def _claim(port: int) -> bool:
    """An abstract socket's name is the lock: atomic, without a file, gone with the process."""
    lock = socket.socket(socket.AF_UNIX)
    try:
        lock.bind(f"\0labroom-port-{port}")
    except OSError:
        lock.close()
        return False
    lock.detach()  # open, on purpose, until we end
    return True
