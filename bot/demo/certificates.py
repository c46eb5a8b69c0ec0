"""
A certificate authority of our own, and one certificate for everything on loopback.

Rules: made once a folder, with the machine's `openssl`; keys are readable by their owner only
(openssl sees to its own files, we to the bundle).
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bot.demo.programs import require

NAMES = "DNS:localhost,DNS:*.localhost,DNS:rooms.localhost,IP:127.0.0.1"
DAYS = "825"
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Certificates:
    """Where they are."""

    ca: Path
    """What a client has to trust."""
    certificate: Path
    key: Path
    bundle: Path
    """Certificate, CA and key in one file, as ejabberd wants them."""


def make_certificates(folder: Path, *, names: str = NAMES) -> Certificates:
    """
    The certificates in *folder*, made if they are not there yet.

    Args:
        names: Whom the certificate is for, as openssl's subjectAltName.
    """
    made = Certificates(
        ca=folder / "ca.crt",
        certificate=folder / "server.crt",
        key=folder / "server.key",
        bundle=folder / "server.pem",
    )
    if not made.bundle.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make_authority(folder)
        _make_leaf(folder, names)
        # Last, and all at once: its presence says that the others are complete.
        parts = [made.certificate.read_text(), made.ca.read_text(), made.key.read_text()]
        half = _write_private(folder / "server.pem.half", "".join(parts))
        half.rename(made.bundle)
    return made


def _make_authority(folder: Path) -> None:
    _openssl(
        folder,
        *("req", "-x509", *KEY, "-days", DAYS, "-subj", "/CN=labroom demo CA"),
        *("-keyout", "ca.key", "-out", "ca.crt"),
        *("-addext", "basicConstraints=critical,CA:TRUE"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
    )


def _make_leaf(folder: Path, names: str) -> None:
    _openssl(
        folder,
        *("req", *KEY, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"),
    )
    (folder / "server.ext").write_text(
        f"subjectAltName={names}\n"
        "basicConstraints=CA:FALSE\n"
        "keyUsage=digitalSignature,keyEncipherment\n"
        "extendedKeyUsage=serverAuth\n"
    )
    _openssl(
        folder,
        *("x509", "-req", "-in", "server.csr", "-out", "server.crt", "-days", DAYS),
        *("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "server.ext"),
    )


def _openssl(folder: Path, *arguments: str) -> None:
    argv = [require("openssl"), *arguments]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]} failed in {folder}:\n{done.stderr}")


def _write_private(path: Path, text: str) -> Path:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return path
