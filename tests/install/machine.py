"""
A machine of its own: Debian made by mmdebstrap, booted by its own systemd in a container.

Rules: the mirror is the one that this machine's apt uses. What takes long, Debian itself, is
kept as a tarball in ``.cache`` (not in git) for a month. A machine shares our network, so that
it reaches a server on loopback; nothing else of ours. It does not outlive us.
"""

import asyncio
import hashlib
import importlib.metadata
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packaging.requirements import Requirement

from bot.demo.programs import Leashed, require

ROOT = Path(__file__).parent.parent.parent
CACHE = ROOT / ".cache"
MONTH = 30 * 86400
PACKAGES = "python3,python3-venv,memtester,systemd,dbus"
HOME = "/opt/labroom"
AGENT = f"{HOME}/bin/labroom-agent"
SERVICE = "labroom-agent.service"
UNIT = f"/etc/systemd/system/{SERVICE}"
SHARED = Path("/mnt/test")
"""Where the machine sees the folder that it shares with the test."""
REBOOT = 133
"""How systemd-nspawn ends when the system in it wants to be started again."""
WITHIN = 60.0
"""Seconds for what takes one or two on an idle machine."""


def debian(memory: Path) -> Path:
    """
    A tarball of a minimal Debian of our own release, with an empty venv in /opt/labroom.

    Args:
        memory: Where it is put together.
    """
    argv = [
        require("mmdebstrap"), "--variant=essential", f"--include={PACKAGES}", "--quiet",
        "--dpkgopt=force-unsafe-io", "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*", "--dpkgopt=path-exclude=/usr/share/man/*",
        f'--customize-hook=chroot "$1" python3 -m venv {HOME}',
    ]  # fmt: skip
    key = hashlib.sha256("\n".join(argv).encode()).hexdigest()[:12]
    tarball = CACHE / f"machine-{key}.tar"
    if not tarball.exists() or time.time() - tarball.stat().st_mtime > MONTH:
        CACHE.mkdir(exist_ok=True)
        half = CACHE / f"half-{os.getpid()}-{tarball.name}"
        release = dict(
            line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines()
        )
        try:
            _run(
                "env",
                f"TMPDIR={memory}",
                *argv,
                release["VERSION_CODENAME"],
                str(half),
                str(_sources()),
            )
            half.rename(tarball)
        finally:
            half.unlink(missing_ok=True)
    return tarball


def _sources() -> Path:
    """Where this machine's apt looks for Debian."""
    for path in ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"):
        if Path(path).is_file():
            return Path(path)
    raise RuntimeError("this machine's apt has no sources for Debian")


@contextmanager
def memory(folder: Path) -> Iterator[Path]:
    """A folder in memory: thousands of small files come and go there in no time."""
    folder.mkdir()
    _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _run("umount", "--lazy", str(folder))


def furnish(folder: Path) -> Path:
    """Debian below *folder*, with labroom installed as docs/install.md says."""
    tree = folder / "tree"
    tree.mkdir()
    tarball = str(debian(folder))
    _run("tar", "--extract", "--numeric-owner", "--file", tarball, "--directory", str(tree))
    (packages,) = (tree / HOME[1:]).glob("lib/python3*/site-packages")
    ours = f"python{sys.version_info.major}.{sys.version_info.minor}"
    assert packages.parent.name == ours, "our dependencies are built for another Python"
    for distribution in dependencies("labroom"):
        copy(distribution, packages)
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps"]
    _run(*wheel, "--wheel-dir", str(folder), str(ROOT))
    (built,) = folder.glob("labroom-*.whl")
    shutil.copy(built, tree / "root")
    pip = ["chroot", str(tree), f"{HOME}/bin/pip", "install", "--quiet", "--no-index", "--no-deps"]
    _run(*pip, f"/root/{built.name}")
    return tree


def dependencies(name: str, extra: str = "") -> Iterator[importlib.metadata.Distribution]:
    """What *name* needs to run, with one *extra* or none, from our own environment."""
    waiting, seen = [name], {name}
    while waiting:
        for text in importlib.metadata.distribution(waiting.pop()).requires or ():
            requirement = Requirement(text)
            wanted = requirement.marker is None or requirement.marker.evaluate({"extra": extra})
            if wanted and requirement.name not in seen:
                seen.add(requirement.name)
                waiting.append(requirement.name)
                yield importlib.metadata.distribution(requirement.name)


def copy(distribution: importlib.metadata.Distribution, packages: Path) -> None:
    """Copy its modules, not its commands."""
    for file in distribution.files or ():
        if ".." not in file.parts and "__pycache__" not in file.parts:
            target = packages / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.locate(), target)


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, f"{argv[0]}: {done.stdout}{done.stderr}"
    return done.stdout


class Machine:
    """
    One machine: all that it changes is its own.

    Args:
        debian: What :func:`furnish` made; not changed.
        folder: In memory; what is below ``shared`` the machine sees as :data:`SHARED`.
    """

    def __init__(self, debian: Path, folder: Path) -> None:
        self.root, self.shared = folder / "root", folder / "shared"
        self._log, self._folder = folder / "console.log", folder
        self._process: Leashed | None = None
        self._leader = 0
        for path in (self.root, self.shared, folder / "upper", folder / "work"):
            path.mkdir()
        layers = f"lowerdir={debian},upperdir={folder}/upper,workdir={folder}/work"
        _run("mount", "-t", "overlay", "overlay", "-o", layers, str(self.root))
        self.path(str(SHARED)).mkdir()
        _run("mount", "--bind", str(self.shared), str(self.path(str(SHARED))))

    def boot(self) -> None:
        """Return when its systemd has started all there is to start."""
        # The kernel is ours, and its boot id: settings of a machine that reboots name this one.
        (self.shared / "boot_id").write_text(f"{uuid.uuid4()}\n")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as news:
            address = f"\0labroom-machine-{os.getpid()}-{time.monotonic_ns()}"
            news.bind(address)
            news.settimeout(WITHIN)
            self._process = Leashed(
                [
                    *(require("systemd-nspawn"), "--boot", "--register=no", "--keep-unit"),
                    *("--notify-ready=yes", "--console=pipe", "--machine=bob"),
                    *("--resolv-conf=off", "--timezone=off", "--link-journal=no"),
                    "--capability=CAP_IPC_LOCK",  # a real machine's root may lock memory
                    f"--directory={self.root}",
                    f"--bind={self.shared}:{SHARED}",  # it does not look below its root
                ],
                log=self._log,
                folder=self._folder,
                environment=os.environ | {"NOTIFY_SOCKET": address.replace("\0", "@")},
            )
            while "READY=1" not in (lines := news.recv(4096).decode().splitlines()):
                for line in lines:
                    if line.startswith("X_NSPAWN_LEADER_PID="):
                        self._leader = int(line.partition("=")[2])

    def path(self, inside: str) -> Path:
        """Where we find its file *inside*."""
        return self.root / inside.lstrip("/")

    async def run(self, *argv: str, ok: bool = True) -> str:
        """Run *argv* as its root, in a terminal's absence; what it said."""
        enter = ["nsenter", "--target", str(self._leader), "--all", "--wd=/"]
        return await self._said(*enter, *argv, ok=ok)

    async def run_off(self, *argv: str, ok: bool = True) -> str:
        """The same while it is off: a chroot, as an installer of images would use."""
        return await self._said("chroot", str(self.root), *argv, ok=ok)

    async def _said(self, *argv: str, ok: bool) -> str:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        )
        async with asyncio.timeout(WITHIN):
            said, _ = await process.communicate()
        assert (process.returncode == 0) is ok, said.decode()
        return said.decode()

    async def rebooted(self) -> None:
        """Wait for it to go down for a reboot, and boot it."""
        assert self._process is not None
        await asyncio.to_thread(self._process.join, WITHIN)
        assert self._process.code == REBOOT, self._log.read_text()
        await asyncio.to_thread(self.boot)

    def off(self) -> None:
        """Pull the plug."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def remove(self) -> None:
        """Off, and forgotten."""
        self.off()
        _run("umount", "--lazy", str(self.path(str(SHARED))))
        _run("umount", "--lazy", str(self.root))
