"""Who computes feature maps: torch or OpenVINO.

Importing OpenVINO with its telemetry package starts a child process that reports the import to a host on the internet,
and writes ~/intel. The package is blocked here, before any module of this package imports OpenVINO, which then uses a
stub of its own.
"""

import sys

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # importing it raises ModuleNotFoundError
