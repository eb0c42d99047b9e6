"""`python -m benchmarks`: everything measured in one run, as tables and as JSON."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import importing, library, machine, maps, memory, models, neighbours, service, startup, table

Part = Callable[[bool, Path], Any]

PARTS: dict[str, Part] = {
    "machine": lambda *_: machine.machine(),
    "library": lambda quick, _: library.library(quick),
    "scaling": lambda quick, _: library.scaling(quick),
    "service": service.service,
    "models": models.models,
    "startup": lambda quick, _: startup.startup(quick),
    "memory": memory.memory,
    "importing": importing.importing,
    "maps": maps.maps,
    "neighbours": lambda quick, _: neighbours.neighbours(quick),
}


QUICK = ("machine", "library", "scaling", "service", "startup")
"""The parts of a quick run; what grows with requests and models takes minutes to see."""


def main() -> None:
    """Measure the parts asked for, print them, and keep them where `--json` says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: under three minutes")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    parser.add_argument("--only", nargs="*", choices=list(PARTS), help="the parts to measure")
    given = parser.parse_args()
    data, found = library.scratch(), {}
    try:
        for name in given.only or (QUICK if given.quick else PARTS):
            begun = time.monotonic()
            found[name] = PARTS[name](given.quick, data)
            print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
            if given.json:
                given.json.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    finally:
        shutil.rmtree(data, ignore_errors=True)
    print(table.text(found))


if __name__ == "__main__":
    main()
