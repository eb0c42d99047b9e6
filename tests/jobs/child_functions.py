"""What children are asked to compute in tests."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from service.errors import BadParameter
from service.jobs.job import ReportProgress


def well(arguments: dict[str, Any], report_progress: ReportProgress) -> bytes:
    report_progress(0.5, "half")
    os.write(1, b"a library says something\n")
    report_progress(0.75, "more")
    facts = {
        "nice": os.nice(0),
        "threads": os.environ["OMP_NUM_THREADS"],
        "waiting": os.environ["OMP_WAIT_POLICY"],
        "secret": os.environ.get("FOVEA_TEST_SECRET"),
        "sent": arguments["sent"],
    }
    return json.dumps(facts).encode()


def refuse(arguments: dict[str, Any], report_progress: ReportProgress) -> bytes:
    raise BadParameter("perplexity: what is right")


def fail(arguments: dict[str, Any], report_progress: ReportProgress) -> bytes:
    raise ZeroDivisionError("a mistake of ours")


def starve(arguments: dict[str, Any], report_progress: ReportProgress) -> bytes:
    raise MemoryError


def crash(arguments: dict[str, Any], report_progress: ReportProgress) -> bytes:
    os.kill(os.getpid(), getattr(signal, arguments["signal"]))
    return b""


def endless(arguments: dict[str, Any], report_progress: ReportProgress) -> bytes:
    Path(arguments["file"]).write_text(str(os.getpid()))
    report_progress(0.1, "for ever")
    while True:
        time.sleep(0.01)
