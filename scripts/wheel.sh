#!/usr/bin/env bash
# make wheel, or wheel.sh VENV/bin: builds sdist and wheel, and tries both in empty environments outside of the checkout,
# without a compiler.
# The wheel has the compiled kernels; the sdist installs without them, and `videomamba env` says what that costs.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
bin=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=  # Python compiles what it imports once
cd "$work"

rm -rf "$root/dist"
"$bin/python" -m build --installer uv --outdir "$root/dist" "$root" >build.txt 2>&1 || { cat build.txt; exit 1; }
cp -r "$root/tests/release" release
# a PATH without a compiler, for the builds of the sdist too
mkdir path
for tool in bash sh env uname cat; do ln -s "$(command -v $tool)" path/; done

try() { # try NAME FILE EXPECTED: installs the file and runs the tests of the release
  local started=$SECONDS
  "$bin/python" -m venv "$1"
  PATH=$work/path CC=none CXX=none "$bin/uv" pip install --quiet --python "$1/bin/python" "$2" pytest
  echo "$1: installed in $((SECONDS - started)) s, $(du -sm "$1/lib" | cut -f1) MB"
  PATH=$work/path PYTHONPATH= VIDEOMAMBA_KERNELS=$3 "$1/bin/python" -m pytest -q -p no:cacheprovider -W ignore::pytest.PytestUnknownMarkWarning release
  echo "$1: tested after $((SECONDS - started)) s"
}
try wheel "$(ls "$root"/dist/*.whl)" yes
try sdist "$(ls "$root"/dist/*.tar.gz)" no
