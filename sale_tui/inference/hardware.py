"""What of this machine matters to llama.cpp: its cores, and a processor feature that crashes it."""

from __future__ import annotations

import os
import re
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
MEMINFO = Path("/proc/meminfo")
AMX_FLAGS = frozenset({"amx_tile", "amx_int8"})
AMX_NOTE = "this processor has AMX, where llama.cpp crashes on quantised weights: loaded without the repacked kernels"


def cpu_flags(cpuinfo: Path = CPUINFO) -> frozenset[str]:
    """Feature flags of the processor; empty where the system does not tell."""
    try:
        text = cpuinfo.read_text("utf-8", "replace")
    except OSError:
        return frozenset()
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return frozenset(found[1].split()) if found else frozenset()


def must_avoid_repacking(flags: frozenset[str], quantised: bool, system_info: str) -> bool:
    """Whether loading with llama.cpp's extra buffer types would crash at the first decode.

    It does on processors with AMX, for quantised weights, in a build that was compiled for AMX
    (ggml-org/llama.cpp issue 20824). ``system_info`` is what ``llama_print_system_info`` says; a build that
    does not mention AMX is taken to have it, since a slower load is better than a crash.
    """
    built = re.search(r"AMX_INT8 = (\d)", system_info)
    compiled = built is None or built[1] == "1"
    return quantised and compiled and bool(flags & AMX_FLAGS)


def free_memory(meminfo: Path = MEMINFO) -> int | None:
    """Bytes that can be allocated without swapping; None where the system does not tell."""
    try:
        found = re.search(r"^MemAvailable:\s*(\d+) kB", meminfo.read_text("utf-8", "replace"), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def physical_cores(cpuinfo: Path = CPUINFO) -> int:
    """Cores that this process may run on, hyper-threads counted once."""
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    try:
        text = cpuinfo.read_text("utf-8", "replace")
    except OSError:
        return max(1, len(usable))
    cores = set()
    for block in text.split("\n\n"):
        entries = dict(re.findall(r"^(processor|physical id|core id)\s*:\s*(\d+)$", block, re.MULTILINE))
        if "core id" in entries and int(entries.get("processor", -1)) in usable:
            cores.add((entries.get("physical id", "0"), entries["core id"]))
    return max(1, len(cores) or len(usable))
