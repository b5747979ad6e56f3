"""Reads the header of a GGUF file: enough to refuse a broken one in plain words before llama.cpp meets it."""

from __future__ import annotations

import mmap
import os
import stat
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path

from sale_tui.errors import ModelFault

MAGIC = b"GGUF"
VERSIONS = (2, 3)
ARRAY, STRING, BOOL = 9, 8, 7
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
LONGEST_KEPT_ARRAY = 64
"""Longer arrays (the vocabulary) are walked over, not kept."""
MOST_TENSORS = 1 << 20
MOST_DIMENSIONS = 8

BLOCKS: dict[int, tuple[int, int]] = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
    34: (256, 54), 35: (256, 66), 39: (32, 17), 40: (64, 36), 41: (128, 18),
}  # fmt: skip
"""ggml type to (elements, bytes) of one block; types that are not here are not checked for size."""

FLOAT_TYPES = frozenset({0, 1, 28, 30})
"""F32, F16, F64, BF16: everything else is quantised."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a GGUF file says of itself."""

    metadata: dict[str, object]
    """Scalars, strings and short arrays."""
    tensor_types: frozenset[int]
    """ggml types that its tensors have."""
    parameters: int
    """Elements of all tensors."""
    file_bytes: int

    @property
    def architecture(self) -> str:
        """``general.architecture``."""
        return str(self.metadata.get("general.architecture", ""))

    def cell_bytes(self) -> int:
        """Bytes of one token's keys and values in half precision; 0 where the header does not tell."""
        layers, heads = self._number("block_count"), self._number("attention.head_count_kv")
        width = self._number("embedding_length") // max(1, self._number("attention.head_count"))
        keys = self._number("attention.key_length") or width
        values = self._number("attention.value_length") or width
        return layers * (heads or self._number("attention.head_count")) * (keys + values) * 2

    def _number(self, name: str) -> int:
        found = self.metadata.get(f"{self.architecture}.{name}", 0)
        return found if isinstance(found, int) else 0

    @property
    def quantised(self) -> bool:
        """Whether any tensor is stored in blocks of few bits."""
        return bool(self.tensor_types - FLOAT_TYPES)


class _Cursor:
    """Walks over the mapped file; running past its end is an ``IndexError``."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.size = len(data)
        self.at = 0

    def skip(self, count: int) -> int:
        start = self.at
        if count < 0 or count > self.size - start:
            raise IndexError
        self.at = start + count
        return start

    def scalar(self, form: str) -> int | float | bool:
        start = self.skip(struct.calcsize(form))
        value: int | float | bool = struct.unpack_from(form, self.data, start)[0]
        return value

    def count(self, form: str = "<Q") -> int:
        return int(self.scalar(form))

    def string(self) -> str:
        length = self.count()
        start = self.skip(length)
        return self.data[start : start + length].decode("utf-8", "replace")

    def value(self, kind: int) -> object:
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            return self.array()
        return self.scalar(SCALARS[kind])

    def array(self) -> object:
        kind, length = self.count("<I"), self.count()
        if kind in SCALARS and length > LONGEST_KEPT_ARRAY:
            self.skip(length * struct.calcsize(SCALARS[kind]))
            return None
        if kind == STRING and length > LONGEST_KEPT_ARRAY:
            self.skip_strings(length)
            return None
        return [self.value(kind) for _ in range(length)]

    def skip_strings(self, length: int) -> None:
        unpack, data, at, size = struct.Struct("<Q").unpack_from, self.data, self.at, self.size
        for _ in range(length):
            if at + 8 > size:
                raise IndexError
            at += 8 + unpack(data, at)[0]
        self.at = at
        self.skip(0)


def read_header(path: Path) -> Header:
    """Read and check the header of ``path``: magic, version, all its tensors there. Raises ModelFault."""
    try:
        # A pipe that nobody writes to would hold up a plain open for ever.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            _check_regular(path, os.fstat(file.fileno()).st_mode)
            start = file.read(8)
            _check_start(path, start)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _parse(path, _Cursor(data))
    except FileNotFoundError as error:
        raise ModelFault(
            f"there is no model file {path}", "check `model` in the pool file, or fetch the file"
        ) from error
    except IsADirectoryError as error:
        raise ModelFault(f"{path} is a folder, not a model file", "give the path of a .gguf file") from error
    except OSError as error:
        raise ModelFault(f"{path} cannot be read: {error.strerror}", "check the file's permissions") from error


def _check_regular(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise ModelFault(f"{path} is a pipe or a device, not a model file", "give the path of a .gguf file")


def _check_start(path: Path, start: bytes) -> None:
    if len(start) < 8:
        raise ModelFault(f"{path} is empty or cut off ({len(start)} bytes)", "fetch the file again")
    if start[:4] != MAGIC:
        shown = start[:4].hex(" ")
        raise ModelFault(f"{path} is not a GGUF file (it begins with {shown})", "llama.cpp reads GGUF files only")
    version = int.from_bytes(start[4:8], "little")
    if version not in VERSIONS:
        raise ModelFault(f"{path} is GGUF version {version}; 2 and 3 can be read", "convert the model again")


def _parse(path: Path, cursor: _Cursor) -> Header:
    cursor.skip(8)
    try:
        tensors, entries = cursor.count(), cursor.count()
        if tensors > MOST_TENSORS:
            raise ModelFault(f"{path} claims to hold {tensors} tensors: it is damaged", "fetch the file again")
        metadata = _metadata(cursor, entries)
        sizes = [_tensor(cursor) for _ in range(tensors)]
    except (IndexError, KeyError, struct.error, RecursionError) as error:
        raise ModelFault(f"{path} ends within its own header or is damaged there", "fetch the file again") from error
    if not tensors:
        raise ModelFault(f"{path} holds no tensors", "it may be a vocabulary or a part of a split model")
    alignment = metadata.get("general.alignment", 32)
    step = alignment if isinstance(alignment, int) and alignment > 0 else 32
    begin = (cursor.at + step - 1) // step * step
    needed = begin + max(offset + size for offset, size, _, _ in sizes)
    if needed > cursor.size:
        raise ModelFault(
            f"{path} is cut off: {cursor.size:,} bytes of at least {needed:,}",
            "the download broke off; fetch the file again",
        )
    types = frozenset(kind for _, _, kind, _ in sizes)
    return Header(metadata, types, sum(elements for _, _, _, elements in sizes), cursor.size)


def _metadata(cursor: _Cursor, entries: int) -> dict[str, object]:
    found: dict[str, object] = {}
    for _ in range(entries):
        key = cursor.string()
        found[key] = cursor.value(cursor.count("<I"))
    return found


def _tensor(cursor: _Cursor) -> tuple[int, int, int, int]:
    """Offset, bytes, type and elements of the next tensor."""
    cursor.string()
    dimensions = cursor.count("<I")
    if dimensions > MOST_DIMENSIONS:
        raise IndexError
    elements = prod(cursor.count() for _ in range(dimensions))
    kind, offset = cursor.count("<I"), cursor.count()
    block, size = BLOCKS.get(kind, (1, 0))
    return offset, elements // block * size, kind, elements
