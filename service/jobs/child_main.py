"""The process that computes: started by `child.py` with a function's name, fed its arguments on standard input."""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path

from service.errors import FoveaError


def main() -> None:
    """Entry point: one argument, `module:function`."""
    _humble()
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no reply
    arguments = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_the_service, daemon=True).start()

    def say(message: dict[str, object], body: bytes = b"") -> None:
        sink.write(json.dumps(message).encode() + b"\n" + body)
        sink.flush()

    module, _, name = sys.argv[1].partition(":")
    try:
        work = getattr(importlib.import_module(module), name)
        found: bytes = work(arguments, lambda progress, stage: say({"progress": progress, "stage": stage}))
    except FoveaError as error:
        say({"error": type(error).__name__, "detail": str(error)})
    except MemoryError:
        say({"error": "JobFailed", "detail": "there is not enough memory for this; try fewer images"})
    else:
        say({"bytes": len(found)}, found)


def _humble() -> None:
    """Answers to requests come first, and where memory runs out this process is the one to go."""
    with suppress(OSError):
        os.nice(19)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _end_with_the_service() -> None:
    """Standard input ends when the service closes it, or has died in whatever way."""
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    os._exit(1)


if __name__ == "__main__":
    main()
