"""
Runs one probe: ``python agent/probes NAME [--root=DIR] [--OPTION=VALUE ...]``.

Given as a folder, it needs neither PYTHONPATH nor an installed package. Exit code 0 if it has
looked, 2 for a wrong call. What it found goes through the side channel; where there is none (by
hand, or by sudo, which forgets it) an error is 1 and a failure 3.
"""

import importlib
import sys
from pathlib import Path


def main(argv: list[str]) -> int:
    """Run the probe that *argv* names."""
    if sys.path[0] == str(Path(__file__).parent):  # else its names would be found twice
        sys.path[0] = str(Path(__file__).parent.parent.parent)
    from agent import probes
    from agent.probes.report import CannotLook, Report

    name = argv[0] if argv else ""
    options = dict(arg.removeprefix("--").partition("=")[::2] for arg in argv[1:])
    if name not in probes.names():
        sys.stderr.write(f"there is no probe {name!r}: there are {', '.join(probes.names())}\n")
        return 2
    report = Report(sys.stdout)
    try:
        root = Path(options.pop("root", "/"))
        importlib.import_module(f"agent.probes.{name}").look(root, report, **options)
    except CannotLook as error:
        report.case(name, "error", str(error))
    report.close()
    return 0 if report.heard else {"error": 1, "fail": 3}.get(report.worst, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
