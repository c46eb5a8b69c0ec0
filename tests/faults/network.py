"""A bad network between target and server: a network namespace, packets dropped or paced."""

import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from tests.faults.stage import Stage
from tests.faults.trial import order
from tests.faults.truth import Outcome

DROP = ("-m", "statistic", "--mode", "random", "--probability", "0.1", "-j", "DROP")
"""One packet in ten, each way."""
PACE = ("root", "tbf", "rate", "24kbit", "burst", "4kb", "latency", "2s")
"""3 kB/s, each way."""

_numbers = itertools.count(os.getpid() % 200)


def possible() -> str:
    """Why there can be no namespace here."""
    if os.geteuid() != 0:
        return "a network namespace needs root"
    missing = [name for name in ("ip", "iptables", "tc") if not shutil.which(name)]
    return f"{missing[0]} is not installed" if missing else ""


class Namespace:
    """A network namespace, and a cable to it."""

    def __init__(self) -> None:
        number = next(_numbers)
        self.name = f"faults-{os.getpid()}-{number}"
        self.outer, self.inner = (f"f{end}{os.getpid()}x{number}"[:15] for end in "oi")
        self.host, self.guest = (f"10.213.{number % 256}.{end}" for end in (1, 2))

    def make(self) -> None:
        """Both ends, up, with addresses."""
        _run("ip", "netns", "add", self.name)
        _run("ip", "link", "add", self.outer, "type", "veth", "peer", self.inner,
             "netns", self.name)  # fmt: skip
        _run("ip", "address", "add", f"{self.host}/24", "dev", self.outer)
        _run("ip", "link", "set", self.outer, "up")
        self.inside("ip", "address", "add", f"{self.guest}/24", "dev", self.inner)
        self.inside("ip", "link", "set", self.inner, "up")
        self.inside("ip", "link", "set", "lo", "up")

    def drop(self) -> None:
        """Lose packets."""
        for chain in ("INPUT", "OUTPUT"):
            self.inside("iptables", "-A", chain, "-i" if chain == "INPUT" else "-o",
                        self.inner, *DROP)  # fmt: skip

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
        subprocess.run(["ip", "link", "delete", self.outer], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "delete", self.name], capture_output=True, check=False)


def behind(spoil: Callable[[Namespace], None]) -> Callable[[Stage], AbstractContextManager[None]]:
    """Puts a stage's agent behind a network that *spoil* has been at."""

    @contextmanager
    def around(stage: Stage) -> Iterator[None]:
        namespace = Namespace()
        try:
            namespace.make()
            spoil(namespace)
            stage.agent_line.host = namespace.host
            stage.agent.prefix = namespace.prefix
            yield
        finally:
            namespace.remove()

    return around


async def dropped(stage: Stage) -> Outcome:
    """A run behind a network that loses packets."""
    return await (await order(stage)).outcome(within=240)


async def paced(stage: Stage) -> Outcome:
    """A run behind a network that is slow, and output that takes it a while."""
    return await (await order(stage, size=40_000)).outcome(within=240)


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert not done.returncode, f"{' '.join(argv)}: {done.stderr}"
