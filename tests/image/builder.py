"""
Images without a registry: mmdebstrap makes the base, buildah builds on it and runs it.

Rules: everything is in one folder, and gone with it. How this machine reaches Debian and PyPI is
read when it runs, and stays in neither the repository nor the image.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bot.demo.programs import Leashed, require

ROOT = Path(__file__).parents[2]
SUITE = "bookworm"
BASE = "localhost/base:latest"
# Neither a daemon nor a namespace is needed, so this runs in a sandbox, too.
ISOLATION = ("--isolation", "chroot", "--network", "host")


NOTHING: Mapping[str, Any] = MappingProxyType({})
QUOTE = "'"


class Builder:
    """
    A store of images, and the means to fill it.

    Args:
        folder: Takes 2 GiB, and 5 where overlays cannot be mounted: vfs copies each layer whole.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        store = ("--root", str(folder / "store"), "--runroot", str(folder / "run"))
        self._buildah = (require("buildah"), *store, "--storage-driver", "overlay")
        if subprocess.run([*self._buildah, "info"], capture_output=True).returncode:
            self._buildah = (*self._buildah[:-1], "vfs")

    def make_base(self) -> None:
        """Debian with Python, as the machine's own apt gets it."""
        tar = self.folder / "base.tar"
        packages = "python3,python3-venv,ca-certificates"
        _say(require("mmdebstrap"), "--quiet", "--variant=minbase", f"--include={packages}",
             SUITE, str(tar))  # fmt: skip
        empty = self._ask("from", "scratch")
        self._ask("add", "--quiet", empty, str(tar), "/")
        self._ask("commit", "--quiet", empty, BASE)
        self._ask("rm", empty)
        tar.unlink()

    def remove(self) -> None:
        """Everything."""
        self._ask("rm", "--all")
        self._ask("rmi", "--all", "--force")
        # A buildah that was killed, as we do with what goes on, leaves its mounts behind.
        for mount in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            if (place := mount.split()[1]).startswith(f"{self.folder}/"):
                _say(require("umount"), place)
        shutil.rmtree(self.folder)

    def build(self, target: str, *, extras: str = "") -> str:
        """The image of the Dockerfile's *target*, with *extras* if they are named."""
        name = f"labroom-{target}" + extras.replace(",", "-")
        more = ("--build-arg", f"EXTRAS={extras}") if extras else ()
        return self._build(name, *self._secrets(), *more, "--target", target, str(ROOT))

    def build_file(self, path: Path) -> str:
        """The image of another Dockerfile, whose folder is its context."""
        return self._build(path.stem, "--file", str(path), str(path.parent))

    def _build(self, name: str, *how: str) -> str:
        image = f"localhost/{name}:latest"
        self._ask(
            "build", *ISOLATION, "--layers", "--format", "docker", "--build-arg", f"BASE={BASE}",
            "--tag", image, *how,
        )  # fmt: skip
        return image

    def settings(self, image: str) -> dict[str, Any]:
        """What the image says of itself: User, Volumes, Entrypoint, Healthcheck, ..."""
        told: dict[str, Any] = json.loads(self._ask("inspect", "--type", "image", image))
        config: dict[str, Any] = told["Docker"]["config"]
        return config

    def container(self, image: str) -> str:
        """A container of the image, to run programs in."""
        return self._ask("from", "--pull-never", image)

    def run(
        self,
        container: str,
        *argv: str,
        mounts: Mapping[str, Path] = NOTHING,
        environ: Mapping[str, str] = NOTHING,
    ) -> tuple[int, str]:
        """
        Run a program in it, as the image's user: its status, and what it said.

        Args:
            mounts: What the program finds, read-only, and where that is here.
        """
        command = self._run(container, argv, mounts, environ)
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def start(
        self,
        container: str,
        *argv: str,
        log: Path,
        mounts: Mapping[str, Path] = NOTHING,
        environ: Mapping[str, str] = NOTHING,
    ) -> Leashed:
        """The same, for a program that goes on."""
        command = self._run(container, argv, mounts, environ)
        return Leashed(command, log=log, folder=self.folder, environment=os.environ)

    def _run(
        self,
        container: str,
        argv: Sequence[str],
        mounts: Mapping[str, Path],
        environ: Mapping[str, str],
    ) -> list[str]:
        volumes = [
            part for inside, here in mounts.items() for part in ("--volume", f"{here}:{inside}:ro")
        ]
        variables = [
            part for name, value in environ.items() for part in ("--env", f"{name}={value}")
        ]
        return [*self._buildah, "run", *ISOLATION, *volumes, *variables, container, "--", *argv]

    def _secrets(self) -> list[str]:
        """How pip reaches PyPI from here; files of this machine would not be there."""
        told = [
            line.split("=", 1)
            for line in _say(sys.executable, "-m", "pip", "config", "list").splitlines()
        ]
        known = {key.rpartition(".")[2]: value for key, value in told}
        kept = ("index-url", "proxy", "timeout", "default-timeout", "trusted-host")
        lines = [f"{key} = {known[key].strip(QUOTE)}" for key in kept if key in known]
        secrets = []
        if "cert" in known:
            lines.append("cert = /run/secrets/ca.crt")
            secrets = ["--secret", f"id=ca.crt,src={known['cert'].strip(QUOTE)}"]
        conf = self.folder / "pip.conf"
        conf.write_text("\n".join(["[global]", *lines, ""]))
        conf.chmod(0o600)
        return ["--secret", f"id=pip.conf,src={conf}", *secrets]

    def _ask(self, *arguments: str) -> str:
        return _say(*self._buildah, *arguments)


def _say(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        shown = "\n".join(done.stderr.splitlines()[-30:])
        raise RuntimeError(f"{Path(argv[0]).name} ended with {done.returncode}:\n{shown}")
    return done.stdout.strip()
