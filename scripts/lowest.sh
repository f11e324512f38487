#!/usr/bin/env bash
# make lowest, or lowest.sh VENV/bin: the lowest versions that pyproject.toml allows, and the tests of the core with them.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
uv=$(realpath "$1")/uv
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=  # Python compiles what it imports once

"$uv" venv --quiet --python "${PYTHON:-3.11}" "$work/venv"
"$uv" pip install --quiet --python "$work/venv/bin/python" --resolution lowest-direct "$root" "pytest>=8.3"
"$uv" pip list --python "$work/venv/bin/python" |
  grep -E -i '^(torch|torchvision|numpy|av|huggingface|safetensors|rich|tyro|jaxtyping)'
cp -r "$root/tests/release" "$work/release"
cd "$work" && PYTHONPATH= "$work/venv/bin/python" -m pytest -q -p no:cacheprovider -W ignore::pytest.PytestUnknownMarkWarning release
