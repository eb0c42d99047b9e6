#!/usr/bin/env bash
# Installs the generators that tests/clients runs, in exact versions with hashes, below tests/clients.
# The Python generator has an environment of its own: it needs an older typer than Fovea has.
set -euo pipefail
cd "$(dirname "$0")/../tests/clients"

"${PYTHON:-python3}" -m venv .venv
.venv/bin/pip install --quiet --require-hashes --requirement requirements.lock
if command -v npm >/dev/null; then
    npm ci --ignore-scripts --silent
else
    echo "The TypeScript client is not tested: npm is missing (apt-get install npm)."
fi
