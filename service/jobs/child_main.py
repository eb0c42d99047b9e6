"""The main function of a child process: `child_process.py` names the function and sends its arguments as JSON."""

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
    """Call the function named by the one argument, `module:function`, and write its result to standard output."""
    _lower_priority()
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not mix with the messages
    arguments = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_exit_with_parent, daemon=True).start()

    def send(message: dict[str, object], body: bytes = b"") -> None:
        output.write(json.dumps(message).encode() + b"\n" + body)
        output.flush()

    module, _, name = sys.argv[1].partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
        result: bytes = function(arguments, lambda progress, stage: send({"progress": progress, "stage": stage}))
    except FoveaError as error:
        send({"error": type(error).__name__, "detail": str(error)})
    except MemoryError:
        send({"error": "JobFailed", "detail": "there is not enough memory for this; try fewer images"})
    else:
        send({"bytes": len(result)}, result)


def _lower_priority() -> None:
    """Requests have priority over this process, and it is the first to be killed when memory runs out."""
    with suppress(OSError):
        os.nice(19)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _exit_with_parent() -> None:
    """Standard input ends when the service closes it or dies in whatever way; then this process exits."""
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    os._exit(1)


if __name__ == "__main__":
    main()
