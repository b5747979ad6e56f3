#!/bin/sh
# Builds the wheel, installs it into an environment of its own, far from this checkout, and holds an auction with it.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd)
. scripts/system.sh
. scripts/torch.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1

.venv/bin/python -m build --wheel --outdir "$work/dist" . >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
.venv/bin/python -m venv "$work/venv"
{
    "$work/venv/bin/python" -m pip install --upgrade 'pip>=24'
    install_torch "$work/venv/bin/python"
    # llama.cpp is not compiled again: .venv/wheels holds it.
    "$work/venv/bin/python" -m pip install --find-links .venv/wheels --constraint requirements.lock "$work"/dist/*.whl
} >>"$work/log" 2>&1 || { tail -n 40 "$work/log"; exit 1; }

mkdir "$work/elsewhere"
cd "$work/elsewhere"
export SALE_TUI_HOME="$work/home"
task='Sort the numbers 14, 3, 27, 8 from small to large.'
"$work/venv/bin/sale-tui" bid "$task" --json >"$work/record.json"
"$work/venv/bin/python" - "$work/record.json" "$root" <<'CHECK'
import json
import sys
from pathlib import Path

import sale_tui

record = json.loads(Path(sys.argv[1]).read_text())
assert not Path(sale_tui.__file__).is_relative_to(sys.argv[2]), "the checkout was imported, not the wheel"
assert record["format"] == 1 and record["award"]["by"] == "auction", record
assert record["award"]["agent"] in {bid["agent"] for bid in record["bids"]}, record
print(f"the wheel's own pool held an auction: {len(record['bids'])} bids, award to {record['award']['agent']}")
CHECK
