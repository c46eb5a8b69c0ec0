"""
The process that outlives the agent: takes one run directory from start to verdict.

    python -m agent.supervisor DIRECTORY

It talks to nobody: it reads ``request.json``, appends to ``journal`` and rings the bell.
Meanwhile the agent may crash, be upgraded or restarted, and read on from where it was.

Rule 1: standard library only, and little of it, so that it starts at once and stays
below 15 MB.

Rule 2: a step is durably begun before it starts: after a power cut, one that takes the
machine down is found out, not repeated.

Rule 3: output is written down within 50 ms, and is durable within a second.

Rule 4: it always ends, and the diagnostic with it, whatever the diagnostic does.

Rule 5: it does not reboot the machine. Where a step is a reboot it writes that down and
ends; the agent reboots, and starts the next supervisor where this one stopped.
"""

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

from agent import scratch
from agent.exclusive import in_use
from agent.judge import GOOD, worst
from agent.process import NotStarted, Process
from agent.signals import Signals, stopper
from agent.steprun import StepRun
from agent.wire.journal import encode
from agent.writer import Locked, Unwritable, Writer

REASON = 500
"""Most characters of a reason."""

BUSY, SPENT = 75, 65
"""How we exit when somebody else has the run, and when it has begun before."""

_BOOT_ID = "/proc/sys/kernel/random/boot_id"


class Supervisor:
    """One run, from its request to its verdict."""

    def __init__(self, writer: Writer, signals: Signals, boot: str, before: dict[str, Any]) -> None:
        self._writer, self._signals, self._boot, self._before = writer, signals, boot, before
        with open("request.json", "rb") as file:  # noqa: PTH123  (no pathlib: memory)
            self._request = json.load(file)

    def run(self) -> None:
        """Run every step, until one is not good or a reboot; write the verdict."""
        verdict, reason = self._before["verdict"], self._before["reason"]
        last = self._before["last"].encode("latin-1")
        steps = self._request["steps"]
        for index in range(self._before["from"], len(steps)):
            step = steps[index]
            if self._signals.stop or stopper() is not None:
                step_verdict, why = "aborted", f"stopped by {stopper() or 'the system'}"
            elif "reboot" in step:
                return self._order_reboot(index, step, last)
            else:
                step_verdict, why, last = self._step(index, step, last)
                if step_verdict not in GOOD and len(steps) > 1:
                    why = f"{step['name']}: {why}"
            verdict = worst(verdict, step_verdict)
            if verdict == step_verdict:
                reason = why or reason
            if step_verdict not in GOOD:
                break
        return self._writer.finish(verdict, reason[:REASON], last)

    def _order_reboot(self, index: int, step: dict[str, Any], last: bytes) -> None:
        """Write down that the machine is to reboot now."""
        try:
            fields = _beginning(index, step, self._boot)
            self._writer.append(last, _record({**fields, "within": step["reboot"]}))
            self._writer.sync()
        except Unwritable as error:
            self._writer.finish("error", f"{step['name']}: {error}", last)

    def _step(self, index: int, step: dict[str, Any], last: bytes) -> tuple[str, str, bytes]:
        """
        Run one step: its verdict, the reason, and its last record, not written yet.

        Args:
            last: The last record of the step before.
        """
        run = StepRun(index, step, self._writer, self._signals)
        process = None
        folder = scratch.place(step, self._request["journal"])
        made = False
        try:
            self._writer.append(last, _begin(index, step, self._boot))
            last = b""
            self._writer.sync()
            _check_alone(step)
            if folder is not None:
                scratch.make(folder, step["scratch"]["room"])
                made = True
            more = run.sources.open()
            process = Process(step["argv"], self._request["journal"], folder or "/", more)
            verdict, reason = run.run(process, folder or "/")
        except (NotStarted, Unwritable) as error:
            verdict, reason = "error", str(error)
        finally:
            if process is not None:
                process.close()
            run.sources.close()
            if made and folder is not None:
                scratch.remove(folder)
        return verdict, reason, last + _end(index, step, run, verdict, reason)


def _check_alone(step: dict[str, Any]) -> None:
    """NotStarted if a disk that *step* would destroy has come into use since it was ordered."""
    for device in step.get("alone", ()):
        if used := in_use(device):
            raise NotStarted(f"it destroys what is there, and {used}")


def _begin(index: int, step: dict[str, Any], boot: str) -> bytes:
    return _record(_beginning(index, step, boot), argv=step["argv"])


def _beginning(index: int, step: dict[str, Any], boot: str) -> dict[str, Any]:
    up = round(time.clock_gettime(time.CLOCK_BOOTTIME), 3)
    return {"kind": "begin", "step": index, "name": step["name"], "boot": boot, "up": up}


def _end(index: int, step: dict[str, Any], run: StepRun, verdict: str, reason: str) -> bytes:
    code = run.code
    how = {} if code is None else {"status": code} if code >= 0 else {"signal": -code}
    return _record(
        {"kind": "end", "step": index, "name": step["name"], "verdict": verdict,
         "reason": reason[:REASON], "seconds": run.seconds, **how},
        **run.facts(verdict),
    )  # fmt: skip


def _record(fields: dict[str, Any], **more: Any) -> bytes:
    """A record of *fields*, and of *more*, the most important first, what a header has room for."""
    at = time.time()
    record = encode(at=at, **fields)
    for name, value in more.items():
        for part in _shorter(value):
            try:
                record = encode(at=at, **fields, **{name: part})
            except ValueError:
                continue
            fields[name] = part
            break
    return record


def _shorter(value: Any) -> Iterator[Any]:
    """*value*; of a list then less and less, from its beginning."""
    yield value
    while isinstance(value, list) and len(value) > 1:
        value = value[: len(value) // 2]
        yield value


def detach(folder: str) -> None:
    """Leave whoever started us: no terminal, no files, no working directory of theirs."""
    os.chdir(folder)
    os.umask(0o027)
    if os.getsid(0) != os.getpid():
        os.setsid()
    os.closerange(3, 1024)
    log = os.open("supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    empty = os.open(os.devnull, os.O_RDONLY)
    for fd, target in ((empty, 0), (log, 1), (log, 2)):
        os.dup2(fd, target)
    os.close(empty)
    os.close(log)


def main(folder: str, boot: str | None = None) -> int:
    """
    Take the run in *folder* from start to verdict.

    Args:
        boot: The id of the machine's present boot; None to ask the kernel.
    """
    detach(folder)
    if boot is None:
        with open(_BOOT_ID, encoding="ascii") as file:  # noqa: PTH123
            boot = file.read().strip()
    try:
        writer = Writer(".")
    except Locked:
        return BUSY
    before = _before(writer)
    if before is None:
        return SPENT
    Supervisor(writer, Signals(), boot, before).run()
    return 0


def _before(writer: Writer) -> dict[str, Any] | None:
    """What has come of the run so far (:func:`agent.launch.resume`); None: it is not ours."""
    with contextlib.suppress(FileNotFoundError):
        with open("resume.json", "rb") as file:  # noqa: PTH123
            found: dict[str, Any] = json.load(file)
        if found["size"] == writer.size:  # else it was for the one before us
            return found
    return {"from": 0, "verdict": "pass", "reason": "", "last": ""} if writer.fresh() else None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
