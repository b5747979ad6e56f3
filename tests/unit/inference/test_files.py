"""Headers of GGUF files, hashes, and what the machine is like."""

from __future__ import annotations

import hashlib
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sale_tui.errors import ModelFault
from sale_tui.inference.gguf import read_header
from sale_tui.inference.hardware import cpu_flags, free_memory, must_avoid_repacking, physical_cores
from sale_tui.inference.hashes import file_hash
from sale_tui.inference.shapes import SHAPES, write_model


@pytest.mark.parametrize(("kind", "quantised"), [("f32", False), ("q8_0", True), ("q4_0", True)])
def test_header_of_a_whole_file(tmp_path, kind, quantised):
    path = tmp_path / "a.gguf"
    write_model(path, SHAPES["tiny"], kind=kind)
    header = read_header(path)
    assert header.architecture == "qwen3"
    assert header.quantised is quantised
    assert header.file_bytes == path.stat().st_size
    assert header.parameters == 115_136
    assert header.cell_bytes() == 2 * 2 * (32 + 32) * 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damage_is_always_one_error(tiny, tmp_path, data):
    """A header may survive a flipped byte, but whatever happens is a ModelFault or a header."""
    raw = bytearray(tiny.read_bytes()[: data.draw(st.integers(0, 12_000))])
    for _ in range(data.draw(st.integers(0, 5))):
        if raw:
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.gguf"
    path.write_bytes(raw)
    with pytest.raises(ModelFault) as caught:
        read_header(path)
    assert str(path) in caught.value.message


def test_future_versions_and_huge_counts(tiny, tmp_path):
    raw = tiny.read_bytes()
    path = tmp_path / "odd.gguf"
    for at, value in ((4, 99), (8, 1 << 40), (16, 1 << 62)):
        path.write_bytes(raw[:at] + value.to_bytes(8 if at > 4 else 4, "little") + raw[at + (8 if at > 4 else 4) :])
        with pytest.raises(ModelFault):
            read_header(path)


def test_hashes_are_remembered_until_the_file_changes(tmp_path):
    path, cache = tmp_path / "model", tmp_path / "cache"
    path.write_bytes(b"one")
    one = hashlib.sha256(b"one").hexdigest()
    assert file_hash(path, cache) == one
    stat = path.stat()
    with path.open("r+b") as file:
        file.write(b"two")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert file_hash(path, cache) == one, "same path, size and time: the remembered hash is used"
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert file_hash(path, cache) == hashlib.sha256(b"two").hexdigest()
    assert file_hash(path, None) == hashlib.sha256(b"two").hexdigest()


@pytest.mark.parametrize("rubbish", ["", "[]", "{", '{"sha256": 3}', '{"sha256": "x"}'])
def test_a_broken_hash_cache_is_no_harm(tmp_path, rubbish):
    path, cache = tmp_path / "model", tmp_path / "cache"
    path.write_bytes(b"one")
    file_hash(path, cache)
    for note in cache.iterdir():
        note.write_text(rubbish)
    assert file_hash(path, cache) == hashlib.sha256(b"one").hexdigest()
    (tmp_path / "blocked").write_text("a file where the folder should be")
    assert file_hash(path, tmp_path / "blocked") == hashlib.sha256(b"one").hexdigest()


AMX = frozenset({"avx2", "amx_tile", "amx_int8"})
BUILT = "CPU : AVX2 = 1 | AMX_INT8 = 1 |"


@pytest.mark.parametrize(
    ("flags", "quantised", "info", "avoid"),
    [
        (AMX, True, BUILT, True),
        (AMX, True, "CPU : AVX2 = 1", True),
        (AMX, True, "CPU : AMX_INT8 = 0 |", False),
        (AMX, False, BUILT, False),
        (frozenset({"avx2"}), True, BUILT, False),
        (frozenset(), True, BUILT, False),
    ],
)
def test_the_amx_crash_is_avoided_where_it_would_happen(flags, quantised, info, avoid):
    assert must_avoid_repacking(flags, quantised, info) is avoid


def test_reading_the_processor(tmp_path):
    info = tmp_path / "cpuinfo"
    usable = sorted(os.sched_getaffinity(0))
    blocks = [f"processor\t: {number}\nphysical id\t: 0\ncore id\t: 0\nflags\t: fpu amx_tile" for number in usable]
    info.write_text("\n\n".join(blocks))
    assert physical_cores(info) == 1
    assert "amx_tile" in cpu_flags(info)
    assert cpu_flags(tmp_path / "absent") == frozenset()
    assert physical_cores(tmp_path / "absent") == len(usable)
    info.write_text("processor : 0\nBogoMIPS : 1\n")
    assert physical_cores(info) == len(usable)


def test_free_memory(tmp_path):
    info = tmp_path / "meminfo"
    info.write_text("MemTotal: 100 kB\nMemAvailable:   42 kB\n")
    assert free_memory(info) == 42 * 1024
    assert free_memory(tmp_path / "absent") is None
