"""llama.cpp through its C API. Imported in worker processes alone: it may take its process along when it dies."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import sys
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sale_tui.errors import ModelFault

if TYPE_CHECKING:
    import llama_cpp.llama_cpp as bindings


def _import_bindings() -> Any:
    """``llama_cpp.llama_cpp`` without the package's own start-up, which imports much that is not needed here."""
    if "llama_cpp" not in sys.modules:
        spec = importlib.util.find_spec("llama_cpp")
        if spec is None or spec.submodule_search_locations is None:
            raise ModelFault("llama-cpp-python is not installed", "run `make setup`")
        package = types.ModuleType("llama_cpp")
        package.__path__ = list(spec.submodule_search_locations)
        sys.modules["llama_cpp"] = package
    return importlib.import_module("llama_cpp.llama_cpp")


if not TYPE_CHECKING:
    bindings = _import_bindings()

LOG_INFO = 2
"""ggml's levels: 1 is for its developers; 2 information, 3 warning, 4 error, 5 goes on with the line before."""
CONTROL, USER_DEFINED, UNKNOWN = 1 << 3, 1 << 4, 1 << 0

_libc = ctypes.CDLL(None)


def _write_log(level: int, text: bytes, _data: object) -> None:
    if level >= LOG_INFO:
        try:
            os.write(2, text)
        except OSError:
            return  # a full or closed log is no reason to wait


_log = bindings.llama_log_callback(_write_log)


def quiet() -> None:
    """Send llama.cpp's log to standard error, which the parent collects, and never wait for it."""
    os.set_blocking(2, False)
    bindings.llama_log_set(_log, ctypes.c_void_p(0))


def system_info() -> str:
    """What the library was compiled with."""
    return str(bindings.llama_print_system_info().decode("utf-8", "replace"))


def supports_gpu() -> bool:
    """Whether layers can be computed elsewhere than on the CPU."""
    return bool(bindings.llama_supports_gpu_offload())


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a model is loaded."""

    context: int
    slots: int
    """Sequences that the memory tells apart: those that are decoded together, and kept prefixes."""
    batch: int
    """Tokens of one decode call."""
    threads: int
    gpu_layers: int
    extra_buffers: bool


class Model:
    """A loaded GGUF file with one context."""

    def __init__(self, path: str, options: Options) -> None:
        """Load. Raises ModelFault where llama.cpp refuses the file or the memory."""
        bindings.llama_backend_init()
        parameters = bindings.llama_model_default_params()
        parameters.n_gpu_layers = options.gpu_layers if supports_gpu() else 0
        parameters.use_extra_bufts = options.extra_buffers
        self.handle: Any = bindings.llama_model_load_from_file(path.encode(), parameters)
        if not self.handle:
            raise ModelFault(f"llama.cpp does not load {path}", "its log says why; is the architecture supported?")
        self.vocabulary = Vocabulary(bindings.llama_model_get_vocab(self.handle))
        self.context: Any = bindings.llama_init_from_model(self.handle, self._context_parameters(options))
        if not self.context:
            raise ModelFault(
                f"no memory for a context of {options.context} tokens of {path}", "lower `context` in the pool file"
            )
        self.memory: Any = bindings.llama_get_memory(self.context)
        self.cells = int(bindings.llama_n_ctx(self.context))
        self.trained_context = int(bindings.llama_model_n_ctx_train(self.handle))
        self.parameters = int(bindings.llama_model_n_params(self.handle))
        self._batch = _Batch(options.batch)

    def _context_parameters(self, options: Options) -> Any:
        parameters = bindings.llama_context_default_params()
        parameters.n_ctx = options.context
        # One micro-batch a call, so that an aborted call leaves nothing behind.
        parameters.n_batch = parameters.n_ubatch = options.batch
        parameters.n_seq_max = options.slots
        parameters.n_outputs_max = options.slots
        parameters.n_threads = parameters.n_threads_batch = options.threads
        parameters.kv_unified = True
        parameters.no_perf = True
        # The compute threads ask before every node whether to stop. libc's strlen reads the answer from a byte without
        # taking Python's lock: "" is 0, go on; one character is 1, stop.
        self._stop = ctypes.create_string_buffer(2)
        parameters.abort_callback = ctypes.cast(_libc.strlen, bindings.ggml_abort_callback)
        parameters.abort_callback_data = ctypes.cast(self._stop, ctypes.c_void_p)
        return parameters

    @property
    def has_decoder(self) -> bool:
        """Whether it writes text at all."""
        return bool(bindings.llama_model_has_decoder(self.handle)) and not bindings.llama_model_has_encoder(self.handle)

    def metadata(self, key: str) -> str | None:
        """A metadata value as text."""
        size = 1 << 12
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = int(bindings.llama_model_meta_val_str(self.handle, key.encode(), buffer, size))
            if length < 0:
                return None
            if length < size:
                return buffer.raw[:length].decode("utf-8", "replace")
            size = length + 1

    def set_threads(self, threads: int) -> None:
        """Compute with so many threads from the next decode on."""
        bindings.llama_set_n_threads(self.context, threads, threads)

    def stop(self, wanted: bool) -> None:
        """Ask the decode call that is under way to end, or take that back. May be called from any thread."""
        self._stop[0] = b"\x01" if wanted else b"\x00"

    def copy(self, source: int, target: int, length: int) -> None:
        """Let sequence ``target``, which is empty, begin with the first ``length`` tokens of ``source``."""
        bindings.llama_memory_seq_cp(self.memory, source, target, 0, length)

    def cut(self, sequence: int, length: int) -> None:
        """Forget a sequence from position ``length`` on."""
        bindings.llama_memory_seq_rm(self.memory, sequence, length, -1)

    def decode(self, rows: list[Row]) -> int:
        """Compute the rows in one call; llama.cpp's status: 0, 1 (no room), 2 (stopped), < 0 (failed)."""
        return int(bindings.llama_decode(self.context, self._batch.fill(rows)))

    def logits(self, index: int) -> npt.NDArray[np.float32]:
        """The raw logits of the batch's token ``index``; valid until the next decode."""
        pointer = bindings.llama_get_logits_ith(self.context, index)
        return np.ctypeslib.as_array(pointer, (self.vocabulary.size,))


@dataclass(frozen=True, slots=True)
class Row:
    """Tokens of one sequence in a decode call."""

    sequence: int
    position: int
    tokens: npt.NDArray[np.int32]
    read: bool
    """Whether the logits of the last token are wanted."""


class _Batch:
    """A llama_batch that is filled through numpy views."""

    def __init__(self, size: int) -> None:
        self.batch = bindings.llama_batch_init(size, 0, 1)
        self.tokens = np.ctypeslib.as_array(self.batch.token, (size,))
        self.positions = np.ctypeslib.as_array(self.batch.pos, (size,))
        self.counts = np.ctypeslib.as_array(self.batch.n_seq_id, (size,))
        self.counts[:] = 1
        self.wanted = np.ctypeslib.as_array(self.batch.logits, (size,))
        # The rows' sequence ids lie in arrays of one element each: point them all into one array of ours.
        self.sequences = np.zeros(size, np.int32)
        base, step = self.sequences.ctypes.data, self.sequences.itemsize
        pointer = ctypes.POINTER(ctypes.c_int32)
        for index in range(size):
            self.batch.seq_id[index] = ctypes.cast(base + index * step, pointer)

    def fill(self, rows: list[Row]) -> Any:
        at = 0
        for row in rows:
            end = at + len(row.tokens)
            self.tokens[at:end] = row.tokens
            self.positions[at:end] = range(row.position, row.position + end - at)
            self.sequences[at:end] = row.sequence
            self.wanted[at:end] = 0
            self.wanted[end - 1] = row.read
            at = end
        self.batch.n_tokens = at
        return self.batch


class Vocabulary:
    """The tokens of a model."""

    def __init__(self, handle: Any) -> None:
        self.handle = handle
        self.size = int(bindings.llama_vocab_n_tokens(handle))
        attribute = bindings.llama_vocab_get_attr
        special = [t for t in range(self.size) if attribute(handle, t) & (CONTROL | USER_DEFINED | UNKNOWN)]
        self.special: dict[str, int] = {}
        """Text of every token that a tokeniser would find whole in a text, to its id."""
        for token in special:
            text = self._raw_piece(token, special=True).decode("utf-8", "replace")
            if len(text) > 1:
                self.special[text] = token
        self.ends = frozenset(t for t in special if bindings.llama_vocab_is_eog(handle, t))
        """Tokens that end a turn."""
        self.bos = int(bindings.llama_vocab_bos(handle))
        self.adds_bos = bool(bindings.llama_vocab_get_add_bos(handle))
        self._pieces: dict[int, bytes] = {}

    def text(self, token: int) -> str:
        """The text of a special token, or nothing where there is none."""
        if token < 0:
            return ""
        return self._raw_piece(token, special=True).decode("utf-8", "replace")

    def piece(self, token: int) -> bytes:
        """The bytes that a token adds to a text; control tokens add none."""
        found = self._pieces.get(token)
        if found is None:
            found = self._pieces[token] = self._raw_piece(token, special=False)
        return found

    def _raw_piece(self, token: int, *, special: bool) -> bytes:
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = int(bindings.llama_token_to_piece(self.handle, token, buffer, size, 0, special))
            if length >= 0:
                return buffer.raw[:length]
            size = -length

    def tokenise(self, text: str, *, special: bool) -> list[int]:
        """Token ids; with ``special`` the texts of control tokens become those tokens."""
        raw = text.encode("utf-8", "replace")
        size = len(raw) + 8
        while True:
            buffer = (ctypes.c_int32 * size)()
            count = int(bindings.llama_tokenize(self.handle, raw, len(raw), buffer, size, False, special))
            if count >= 0:
                return buffer[:count]
            size = -count
