#!/bin/sh
# Writes requirements.lock: the versions that are in .venv now. torch is not among them: setup.sh chooses its build.
set -eu
cd "$(dirname "$0")/.."
{
    echo "# Made by scripts/lock.sh: the versions that the tests ran with. A constraint for pip, not a list to install."
    .venv/bin/python -m pip --disable-pip-version-check freeze --exclude-editable --exclude sale-tui \
        | grep -E '^[A-Za-z0-9._-]+==[^+]+$' | grep -v -i -E '^(torch|triton|nvidia-[^=]*|cuda-[^=]*|llama_cpp_python)=='
} >requirements.lock.new
mv requirements.lock.new requirements.lock
