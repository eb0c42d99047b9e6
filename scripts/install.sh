#!/bin/sh
# Installs a lock file with hashes: install.sh LOCK [TORCH_INDEX_URL]
#
# With TORCH_INDEX_URL, PyTorch comes from that index in the locked versions. Its wheels have other hashes than the
# locked ones and bring no CUDA packages, so those lines leave the lock; all others keep their hashes.
set -eu
lock=$1
index=${2:-}
pip=${PIP:-pip}
quiet=
[ -t 1 ] || quiet="--quiet --quiet" # who watches sees progress

# shellcheck disable=SC2086  $quiet is several words, or none
if [ -z "$index" ]; then
    exec "$pip" install $quiet --require-hashes --requirement "$lock"
fi
rest=$(mktemp)
trap 'rm -f "$rest"' EXIT
torch=$(sed -nE 's/^(torch|torchvision)==([^ ]+).*/\1==\2/p' "$lock")
awk '/^[a-z]/ {skip = /^(torch|torchvision|triton|nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+)==/} !skip' "$lock" > "$rest"
"$pip" install $quiet --require-hashes --requirement "$rest"
# shellcheck disable=SC2086  two requirements, two words
"$pip" install $quiet --no-deps --index-url "$index" $torch
