"""How thorough tests are that draw samples: `make test FULL=1` takes all of them."""

from __future__ import annotations

import os

FULL = os.environ.get("FOVEA_TEST_FULL", "") not in ("", "0")
"""Whether to take every sample. The samples of a shorter run are the first of these, or cover every value once."""
