"""A minimal loop over one GGUF for the evaluation: greedy bids, runs and marks in one sequence."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
from llama_cpp import llama_cpp

from models.train.tokenizer import Coder

BATCH = 512


def _say_nothing(_level: int, _text: bytes, _data: ctypes.c_void_p) -> None:
    """Keeps llama.cpp's log off the screen."""


_quiet = llama_cpp.llama_log_callback(_say_nothing)


class Player:
    """One model with one sequence whose prefix is kept."""

    def __init__(self, gguf: Path, coder: Coder, threads: int = 1, context: int = 2048) -> None:
        llama_cpp.llama_log_set(_quiet, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        parameters = llama_cpp.llama_model_default_params()
        parameters.n_gpu_layers = 0
        self.model = llama_cpp.llama_model_load_from_file(str(gguf).encode(), parameters)
        if not self.model:
            raise OSError(f"{gguf} cannot be loaded")
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx, settings.n_batch, settings.n_threads, settings.n_threads_batch = (
            context,
            BATCH,
            threads,
            threads,
        )
        self.context = llama_cpp.llama_init_from_model(self.model, settings)
        self.size = context
        self.words = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        self.coder = coder
        self.past: list[int] = []

    def tokenize(self, text: str, special: bool) -> list[int]:
        """Ids by llama.cpp's own tokeniser."""
        raw = text.encode()
        room = (llama_cpp.llama_token * (len(raw) + 8))()
        vocabulary = llama_cpp.llama_model_get_vocab(self.model)
        made = llama_cpp.llama_tokenize(vocabulary, raw, len(raw), room, len(room), False, special)
        return list(room[:made])

    def logits(self, ids: list[int]) -> np.ndarray:
        """Logits after the ids; what equals the past is not computed again."""
        keep = 0
        while keep < min(len(ids) - 1, len(self.past)) and ids[keep] == self.past[keep]:
            keep += 1
        llama_cpp.llama_memory_seq_rm(llama_cpp.llama_get_memory(self.context), 0, keep, -1)
        for start in range(keep, len(ids), BATCH):
            piece = ids[start : start + BATCH]
            array = (llama_cpp.llama_token * len(piece))(*piece)
            if llama_cpp.llama_decode(self.context, llama_cpp.llama_batch_get_one(array, len(piece))) != 0:
                raise RuntimeError("llama_decode failed")
        self.past = list(ids)
        pointer = llama_cpp.llama_get_logits_ith(self.context, -1)
        return np.ctypeslib.as_array(pointer, shape=(self.words,)).copy()

    def greedy(self, ids: list[int], limit: int) -> list[int]:
        """The most likely continuation up to the end token."""
        ids, made = list(ids), list[int]()
        while len(made) < limit and len(ids) < self.size - 1:
            token = int(self.logits(ids).argmax())
            if token == self.coder.end:
                break
            made.append(token)
            ids.append(token)
        return made

    def close(self) -> None:
        """Frees the model."""
        llama_cpp.llama_free(self.context)
        llama_cpp.llama_model_free(self.model)
