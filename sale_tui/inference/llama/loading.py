"""Opens a GGUF file in a worker: checks, adaptations, facts, and the way from messages to jobs."""

from __future__ import annotations

import threading
from pathlib import Path

from sale_tui.errors import ModelFault
from sale_tui.inference.gguf import Header, read_header
from sale_tui.inference.hardware import AMX_NOTE, cpu_flags, free_memory, must_avoid_repacking
from sale_tui.inference.hashes import file_hash
from sale_tui.inference.llama import library
from sale_tui.inference.llama.chat import ChatTemplate, Segment
from sale_tui.inference.llama.protocol import Load, Mark, Write
from sale_tui.inference.llama.schedule import BATCH, KEPT, Batcher, MarkCall, Send, WriteJob, WriteTools, check_length
from sale_tui.inference.llama.tokens import SafeTokeniser
from sale_tui.inference.llama.turn import Turn
from sale_tui.ports import Message
from sale_tui.types import ModelFacts, ToolSpec

DIGITS = "012345"


class _Hasher(threading.Thread):
    """Hashes the file while llama.cpp loads it."""

    def __init__(self, path: Path, cache: Path | None) -> None:
        super().__init__(daemon=True)
        self._path, self._cache = path, cache
        self._found = ""
        self._fault = ""
        self.start()

    def run(self) -> None:
        try:
            self._found = file_hash(self._path, self._cache)
        except OSError as error:
            self._fault = f"{self._path} cannot be read: {error.strerror}"

    def result(self) -> str:
        """The hash. Raises ModelFault."""
        self.join()
        if self._fault:
            raise ModelFault(self._fault, "check the file and its disk")
        return self._found


class Opened:
    """A model that is ready to work."""

    def __init__(self, load: Load, header: Header, model: library.Model, notes: list[str], send: Send) -> None:
        self._load = load
        self._header = header
        self._notes = notes
        self._send = send
        self.model = model
        self.sha256 = ""
        vocabulary = model.vocabulary
        self._tokeniser = SafeTokeniser(vocabulary)
        source = model.metadata("tokenizer.chat_template")
        if not source:
            raise ModelFault(f"{load.path} has no chat template", "use a GGUF file of an instruction-tuned model")
        eos = model.metadata("tokenizer.ggml.eos_token_id")
        end = vocabulary.text(int(eos)) if eos and eos.isdecimal() else ""
        self._template = ChatTemplate(source, bos=vocabulary.text(vocabulary.bos), eos=end)
        self._room = min(load.context, model.cells, model.trained_context or model.cells)
        if self._room < load.context:
            notes.append(f"trained for {self._room} tokens of context: longer prompts are refused")
        self._think = vocabulary.special.get("<think>"), vocabulary.special.get("</think>")
        self._digits: dict[str, tuple[list[int], list[int]]] = {}
        self.batcher = Batcher(model, library.Row, sequences=load.sequences, slots=load.sequences + KEPT, send=send)

    def facts(self, seconds: float) -> ModelFacts:
        """What the user is told of it."""
        return ModelFacts(
            sha256=self.sha256,
            architecture=self._header.architecture,
            parameters=self.model.parameters,
            file_bytes=self._header.file_bytes,
            vocabulary=self.model.vocabulary.size,
            context=self.model.cells,
            sequences=self._load.sequences,
            device=_device(self._load.gpu_layers),
            load_seconds=seconds,
            notes=tuple(self._notes),
        )

    def prompt(self, messages: tuple[Message, ...], tools: tuple[ToolSpec, ...], *, thinking: bool) -> list[int]:
        """The conversation as tokens, ending where the assistant begins. Raises ModelFault."""
        return self._encode(self._template.render(messages, tools, thinking=thinking))

    def _encode(self, segments: list[Segment]) -> list[int]:
        ids = self._tokeniser.encode(segments)
        vocabulary = self.model.vocabulary
        if vocabulary.adds_bos and vocabulary.bos >= 0 and ids[:1] != [vocabulary.bos]:
            return [vocabulary.bos, *ids]
        return ids

    def write(self, command: Write) -> None:
        """Begin a turn. Raises ModelFault, PromptTooLong."""
        request = command.request
        ids = self.prompt(request.messages, request.tools, thinking=request.thinking)
        prompt = check_length(ids, self._room)
        turn = Turn(self.model.vocabulary, thinking=self._thinks(ids))
        tools = WriteTools(self._send, self.model.vocabulary.ends, self._room)
        self.batcher.submit([WriteJob(command.call, request, prompt, turn, tools)])

    def _thinks(self, ids: list[int]) -> bool:
        """Whether the template itself has opened a think block for the turn."""
        opened, shut = self._think
        last = next((token for token in reversed(ids[-8:]) if token in (opened, shut)), None)
        return last is not None and last == opened

    def mark(self, command: Mark) -> None:
        """Begin to read marks. Raises ModelFault, PromptTooLong."""
        prefix, digits = self._prefix(command.prefix)
        prompts = [
            check_length(self.prompt(messages, command.tools, thinking=False) + prefix, self._room)
            for messages in command.prompts
        ]
        call = MarkCall(command.call, prompts, digits, self._send)
        self.batcher.submit(call.jobs)

    def _prefix(self, prefix: str) -> tuple[list[int], list[int]]:
        """Tokens of the prefix and of each digit behind it, each exactly one more. Raises ModelFault."""
        if prefix not in self._digits:
            base = self._tokeniser.literal(prefix)
            digits = []
            for digit in DIGITS:
                longer = self._tokeniser.literal(prefix + digit)
                if longer[:-1] != base:
                    raise ModelFault(
                        f"{digit!r} after {prefix!r} is not one token of this model", "it cannot be a juror"
                    )
                digits.append(longer[-1])
            self._digits[prefix] = base, digits
        return self._digits[prefix]


def open_model(load: Load, send: Send) -> Opened:
    """Check and load a file. Raises ModelFault."""
    path = Path(load.path)
    header = read_header(path)
    library.quiet()
    if _device(load.gpu_layers) == "CPU":
        _check_memory(load, header)
    hasher = _Hasher(path, Path(load.cache) if load.cache else None)
    notes: list[str] = []
    avoid = must_avoid_repacking(cpu_flags(), header.quantised, library.system_info())
    if avoid:
        notes.append(AMX_NOTE)
    model = library.Model(
        load.path,
        library.Options(
            context=load.context,
            slots=load.sequences + KEPT,
            batch=BATCH + load.sequences,
            threads=load.threads,
            gpu_layers=load.gpu_layers,
            extra_buffers=not avoid,
        ),
    )
    if not model.has_decoder:
        raise ModelFault(f"{path} is no model that writes text ({header.architecture})", "give a decoder such as Qwen3")
    opened = Opened(load, header, model, notes, send)
    opened.sha256 = hasher.result()
    if load.sha256 and load.sha256.lower() != opened.sha256:
        raise ModelFault(
            f"{path} is not the file that the pool expects (sha256 {opened.sha256[:12]}…, wanted {load.sha256[:12]}…)",
            "fetch it again, or change `sha256` in the pool file",
        )
    return opened


def _check_memory(load: Load, header: Header) -> None:
    """Refuse a context that would drive the whole machine out of memory. Raises ModelFault."""
    needed, free = load.context * header.cell_bytes(), free_memory()
    if free is not None and needed > free:
        raise ModelFault(
            f"a context of {load.context:,} tokens of {load.path} needs {needed / 1e9:.1f} GB; "
            f"{free / 1e9:.1f} GB are free",
            "lower `context` in the pool file, or close something",
        )


def _device(gpu_layers: int) -> str:
    """Where the layers are computed."""
    if gpu_layers == 0 or not library.supports_gpu():
        return "CPU"
    info = library.system_info()
    return next((name for name in ("CUDA", "Metal", "MTL", "Vulkan", "ROCm", "SYCL") if name in info), "GPU").replace(
        "MTL", "Metal"
    )
