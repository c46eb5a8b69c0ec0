"""
Errors of the memory, as its controllers count them since their driver was loaded (EDAC).

What was corrected is a warning: the module wears out. What was not is a failure.
"""

from pathlib import Path

from agent import dmi
from agent.probes.report import CannotLook, Report
from agent.probes.sysfs import natural, number, text

_PLACE = Path("sys/devices/system/edac/mc")


def look(root: Path, report: Report) -> None:
    """Look at each module of memory of each controller."""
    controllers = sorted((root / _PLACE).glob("mc[0-9]*"), key=natural)
    if not controllers:
        if dmi.ecc(root):
            raise CannotLook("its memory has ECC, but no EDAC driver that counts errors is loaded")
        report.case("edac", "skip", "nothing counts its errors: no ECC, or no EDAC driver")
        return
    totals = [_controller(each, report) for each in controllers]
    report.count("corrected", sum(corrected for corrected, _ in totals))
    report.count("uncorrected", sum(lost for _, lost in totals))


def _controller(mc: Path, report: Report) -> tuple[int, int]:
    """Look at one controller; how many errors it has corrected, and how many not."""
    total = _count(mc / "ce_count"), _count(mc / "ue_count")
    known = [_module(mc, each, report) for each in _modules(mc)]
    # What it could not say of any module, or counted where there are no folders for them.
    rest = [all_ - sum(each[which] for each in known) for which, all_ in enumerate(total)]
    if any(each > 0 for each in rest) or not known:
        name = f"{mc.name} {text(mc / 'mc_name')}".strip()
        _judge(f"{name}, somewhere" if known else name, max(0, rest[0]), max(0, rest[1]), report)
    return total


def _modules(mc: Path) -> list[Path]:
    """The folders of its modules that count; in older kernels only rows do."""
    for pattern in ("dimm[0-9]*/dimm_ce_count", "rank[0-9]*/dimm_ce_count", "csrow[0-9]*/ce_count"):
        if found := sorted((path.parent for path in mc.glob(pattern)), key=natural):
            return found
    return []


def _module(mc: Path, module: Path, report: Report) -> tuple[int, int]:
    prefix = "" if module.name.startswith("csrow") else "dimm_"
    corrected = _count(module / f"{prefix}ce_count")
    lost = _count(module / f"{prefix}ue_count")
    label = text(module / "dimm_label") or text(module / "dimm_location") or module.name
    _judge(f"{mc.name} {label}", corrected, lost, report)
    return corrected, lost


def _judge(name: str, corrected: int, lost: int, report: Report) -> None:
    also = f", {corrected} corrected" if corrected else ""
    if lost:
        report.case(name, "fail", f"{lost} errors could not be corrected{also}")
    elif corrected:
        report.case(name, "warn", f"{corrected} errors were corrected")
    else:
        report.case(name, "pass")


def _count(path: Path) -> int:
    found = number(path)
    if found is None:
        raise CannotLook(f"{path} says no number")
    return found
