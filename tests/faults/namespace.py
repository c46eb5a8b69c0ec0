"""A network namespace with a cable to it: cut, healed, losing packets, slow. Needs root."""

import os
import shutil
import subprocess
from collections.abc import Sequence

from bot.demo.ports import claim_port

PACE = ("root", "tbf", "rate", "24kbit", "burst", "4kb", "latency", "2s")
"""3 kB/s, each way."""


def possible() -> str:
    """Why there can be no namespace here."""
    if os.geteuid() != 0:
        return "a network namespace needs root"
    missing = [name for name in ("ip", "iptables", "tc") if not shutil.which(name)]
    return f"{missing[0]} is not installed" if missing else ""


class Namespace:
    """
    A network namespace, and a cable to it.

    Attributes:
        host: Our end's address: what those inside call this machine.
    """

    def __init__(self) -> None:
        number = claim_port()  # nobody else on this machine has it, whichever process asks
        self.name = f"faults-{number}"
        self.outer, self.inner = f"fo{number}", f"fi{number}"
        net = (10 << 24) + (212 << 16) + 4 * number  # a /30 of 10.212.0.0/14
        self.host, self.guest = (
            ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))
            for address in (net + 1, net + 2)
        )
        self._doors: list[Sequence[str]] = []

    def make(self) -> None:
        """Both ends, up, with addresses."""
        _run("ip", "netns", "add", self.name)
        _run("ip", "link", "add", self.outer, "type", "veth", "peer", self.inner,
             "netns", self.name)  # fmt: skip
        _run("ip", "address", "add", f"{self.host}/30", "dev", self.outer)
        _run("ip", "link", "set", self.outer, "up")
        self.inside("ip", "address", "add", f"{self.guest}/30", "dev", self.inner)
        self.inside("ip", "link", "set", self.inner, "up")
        self.inside("ip", "link", "set", "lo", "up")

    def open(self, port: int) -> None:
        """Those inside reach our loopback's *port*, with no process of ours between."""
        _run("sysctl", "-q", f"net.ipv4.conf.{self.outer}.route_localnet=1")
        door = ("PREROUTING", "-i", self.outer, "-p", "tcp", "--dport", str(port),
                "-j", "DNAT", "--to-destination", f"127.0.0.1:{port}")  # fmt: skip
        _run("iptables", "-w", "-t", "nat", "-A", *door)
        self._doors.append(door)

    def cut(self) -> None:
        """No packet passes any more, and nobody is told: as when the power is cut."""
        self._policy("DROP")

    def heal(self) -> None:
        """Undo :meth:`cut`."""
        self._policy("ACCEPT")

    def drop(self, probability: float) -> None:
        """Lose packets, each way."""
        for chain, way in (("INPUT", "-i"), ("OUTPUT", "-o")):
            self.inside("iptables", "-A", chain, way, self.inner, "-m", "statistic",
                        "--mode", "random", "--probability", str(probability),
                        "-j", "DROP")  # fmt: skip

    def pace(self) -> None:
        """Be slow."""
        _run("tc", "qdisc", "add", "dev", self.outer, *PACE)
        self.inside("tc", "qdisc", "add", "dev", self.inner, *PACE)

    def inside(self, *argv: str) -> None:
        """Run *argv* there."""
        _run(*self.prefix, *argv)

    @property
    def prefix(self) -> Sequence[str]:
        """What runs a program there; `ip netns exec` would hold on to everybody's mounts, too."""
        return "nsenter", f"--net=/run/netns/{self.name}"

    def remove(self) -> None:
        """Both ends, and all that was set on them; processes keep it alive until they end."""
        for door in self._doors:
            _try("iptables", "-w", "-t", "nat", "-D", *door)
        _try("ip", "link", "delete", self.outer)
        _try("ip", "netns", "delete", self.name)

    def _policy(self, policy: str) -> None:
        self.inside("sh", "-c", f"iptables -P OUTPUT {policy} && iptables -P INPUT {policy}")


def _try(*argv: str) -> None:
    subprocess.run(argv, capture_output=True, check=False)


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert not done.returncode, f"{' '.join(argv)}: {done.stderr}"
