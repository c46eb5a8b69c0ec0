"""
Whether a disk is in use: by a file system, as swap, or as a part of another (LVM, RAID).

Standard library only. The kernel itself is asked, which knows of partitions, too: open(2) has that
``O_EXCL`` alone fails with EBUSY on a block device that the system uses.
"""

import errno
import os


def in_use(device: str) -> str:
    """How the system uses *device*, such as ``/dev/sda``, in words; empty if it does not."""
    try:
        os.close(os.open(device, os.O_RDONLY | os.O_EXCL | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        if error.errno == errno.EBUSY:
            return f"{device} is in use{_mounted(device)}"
    return ""  # if we may not look, nobody whom we start may write


def _mounted(device: str) -> str:
    """Where it, or a part of it, is mounted, if that can be seen."""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            mounts = [line.split() for line in file]
    except OSError:
        return ""
    places = [fields[1] for fields in mounts if fields[0].startswith(device)]
    return f": it is mounted at {places[0]}" if places else ""
