#!/usr/bin/env bash
# Checks the viewer's JavaScript: format, lint and types. Skipped with a message where the tools are missing.
#
#   scripts/check_viewer.sh            check
#   scripts/check_viewer.sh format     put the files into their standard form
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
    echo "The viewer's JavaScript is not checked: $1."
    exit 0
}

command -v node >/dev/null || skip "node is missing (apt-get install nodejs npm)"
if [ package-lock.json -nt node_modules/.ready ]; then
    command -v npm >/dev/null || skip "npm is missing (apt-get install npm)"
    npm ci --ignore-scripts --silent || skip "npm could not install its tools"
    touch node_modules/.ready
fi

if [ "${1:-}" = format ]; then
    node_modules/.bin/biome check --write
else
    node_modules/.bin/biome ci --error-on-warnings
    node_modules/.bin/tsc
fi
