"""
Fetch Converse.js, so that the demo's server can serve a page. `make demo` does; by hand:

    python -m bot.demo.fetch

Rules: from the registry that npm is set up for, never from a CDN. The package is the one whose
hash we know, or none. It is there whole, or not at all, and is not fetched twice.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

from bot.demo.converse import KEPT, SHA512, VERSION, find, folder
from bot.demo.programs import MissingProgramError, require

QUICK = (
    "--loglevel=error",
    "--ignore-scripts",
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=1000",
)
"""Without a network, npm would try for more than a minute."""


class NotFetchedError(RuntimeError):
    """Converse.js could not be fetched. Cure: in the message, which ends with what npm said."""


def fetch() -> Path:
    """Fetch Converse.js unless it is here; its folder. Takes about a second."""
    if found := find():
        return found
    target = folder()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        package = _pack(Path(temporary))
        complete = Path(temporary) / "complete"
        _unpack(package, complete)
        try:
            complete.rename(target)  # whole or not at all; two of us may do this at once
        except OSError:
            if not target.is_dir():
                raise
    return target


def _pack(folder: Path) -> Path:
    """The package as npm has it, in *folder*."""
    npm = [require("npm"), "pack", *QUICK, f"converse.js@{VERSION}"]
    done = subprocess.run(npm, cwd=folder, capture_output=True, text=True)
    package = folder / f"converse.js-{VERSION}.tgz"
    if done.returncode or not package.exists():
        said = [line for line in done.stderr.splitlines() if "error" in line]
        why = said[0] if said else f"status {done.returncode}"
        raise NotFetchedError(f"npm could not fetch Converse.js {VERSION}: {why}")
    digest = hashlib.sha512(package.read_bytes()).hexdigest()
    if digest != SHA512:
        raise NotFetchedError(f"npm fetched another Converse.js {VERSION}: sha512 {digest}")
    return package


def _unpack(package: Path, target: Path) -> None:
    """Write what is `KEPT` of *package* to *target*."""
    with tarfile.open(package) as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            kept = any(path.match(f"package/dist/{pattern}") for pattern in KEPT)
            content = archive.extractfile(member) if kept else None
            if content:
                written = target / path.relative_to("package/dist")
                written.parent.mkdir(parents=True, exist_ok=True)
                with written.open("wb") as copy:
                    shutil.copyfileobj(content, copy)


def main() -> int:
    """Fetch it; 0 if it is here now, else 1 and one line that says why not."""
    try:
        fetch()
    except (MissingProgramError, NotFetchedError) as missing:
        sys.stderr.write(f"no page for a browser: {missing}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
