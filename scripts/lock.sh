#!/bin/sh
# Writes requirements.lock: the versions that are in .venv now. torch is not among them: setup.sh chooses its build.
# With --lines it only turns pip's list on stdin into those lines.
set -eu
cd "$(dirname "$0")/.."

# What was installed from a file is listed like all else by "pip list"; "pip freeze" would name the file.
lines() {
    grep -E '^[A-Za-z0-9._-]+==[^+]+$' \
        | grep -v -i -E '^(sale[-_.]tui|pip|setuptools|wheel|torch|triton|nvidia[-_][^=]*|cuda[-_][^=]*|llama[-_]cpp[-_]python)==' \
        | LC_ALL=C sort -f
}

if [ "${1:-}" = --lines ]; then
    lines
    exit
fi
{
    echo "# Made by scripts/lock.sh: the versions that the tests ran with. A constraint for pip, not a list to install."
    .venv/bin/python -m pip --disable-pip-version-check list --format=freeze | lines
} >requirements.lock.new
mv requirements.lock.new requirements.lock
