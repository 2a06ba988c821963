#!/usr/bin/env bash
# Installs a wheel into an empty environment, as a user would, and runs the demo from it.
#   scripts/try-wheel.sh PYTHON WHEEL
set -euo pipefail
python=$(realpath -s "$1") wheel=$(realpath "$2")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"$python" -m venv environment
environment/bin/python -m pip install --quiet "$wheel"
environment/bin/pyama --version
environment/bin/npe2 validate napari-pyama
environment/bin/pyama demo --output demo
