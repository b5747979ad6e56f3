"""Checkpoints to GGUF files of architecture ``qwen3``, in F16, with vocabulary and chat template inside."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import torch

from models.train.network import EPS, HEAD, ROPE_BASE, SHAPES, Network, count
from models.train.tokenizer import CONTROL, DEFINED, PRE, TEMPLATE, Coder
from models.train.vocabulary import carry_over

CONTEXT = 2048
TRAINED_CONTEXT = 1024
LAYER = (
    "attn_norm",
    "attn_q",
    "attn_k",
    "attn_v",
    "attn_q_norm",
    "attn_k_norm",
    "attn_output",
    "ffn_norm",
    "ffn_gate",
    "ffn_up",
    "ffn_down",
)


def load(state: Path) -> tuple[str, Network]:
    """The name and the network of a checkpoint."""
    saved = torch.load(state, weights_only=True)
    network = Network(SHAPES[saved["name"]])
    network.load_state_dict(saved["network"])
    return str(saved["name"]), network.eval()


def read(path: Path, name: str, coder: Coder) -> Network:
    """The network of an exported model, to train it further, its embeddings carried over if the vocabulary is another.

    Raises ValueError where its shape is another.
    """
    network, reader = Network(SHAPES[name]), gguf.GGUFReader(path)
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    state = {}
    for key, parameter in network.state_dict().items():
        tensor = tensors.get(f"{key}.weight")
        if tensor is None or tuple(reversed(tensor.shape.tolist())) != tuple(parameter.shape):
            raise ValueError(f"{path} is no {name} of this release: {key} is missing or of another shape")
        state[key] = np.array(tensor.data, np.float32).reshape(parameter.shape)
    tokens, joined = (reader.fields[f"tokenizer.ggml.{part}"].contents() for part in ("tokens", "merges"))
    if tokens != vocabulary(coder):
        state["token_embd"] = carry_over(state["token_embd"], tokens, joined, coder.special)
    network.load_state_dict({key: torch.from_numpy(array) for key, array in state.items()})
    return network.eval()


def vocabulary(coder: Coder) -> list[str]:
    """The pieces in the order of their ids."""
    numbers = coder.special.get_vocab(with_added_tokens=True)
    return sorted(numbers, key=lambda token: numbers[token])


def export(state: Path, coder: Coder, target: Path) -> None:
    """Writes one GGUF; the file appears when it is whole."""
    name, network = load(state)
    shape = network.shape
    part = target.with_suffix(".part")
    writer = gguf.GGUFWriter(part, "qwen3")
    writer.add_name(name)
    writer.add_description(
        "A tiny model of a synthetic world, trained from nothing; see the model card of models/micro."
    )
    writer.add_license("apache-2.0")
    writer.add_size_label(f"{count(network) / 1e6:.2f}M")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_layer_norm_rms_eps(EPS)
    writer.add_rope_freq_base(ROPE_BASE)
    add_vocabulary(writer, coder)
    add_tensors(writer, network)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    part.replace(target)


def add_vocabulary(writer: gguf.GGUFWriter, coder: Coder) -> None:
    """Tokens, merges, special ids and the template."""
    tokens = vocabulary(coder)
    kinds = {**dict.fromkeys(CONTROL, gguf.TokenType.CONTROL), **dict.fromkeys(DEFINED, gguf.TokenType.USER_DEFINED)}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(PRE)
    writer.add_token_list(tokens)
    writer.add_token_types([kinds.get(token, gguf.TokenType.NORMAL) for token in tokens])
    writer.add_token_merges(merges(coder))
    writer.add_eos_token_id(coder.end)
    writer.add_eot_token_id(coder.end)
    writer.add_pad_token_id(coder.pad)
    writer.add_bos_token_id(coder.pad)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE.read_text("utf-8"))


def merges(coder: Coder) -> list[str]:
    """The merges as the file format writes them."""
    import json

    pairs = json.loads(coder.plain.to_str())["model"]["merges"]
    return [pair if isinstance(pair, str) else " ".join(pair) for pair in pairs]


def add_tensors(writer: gguf.GGUFWriter, network: Network) -> None:
    """Matrices in F16, vectors in F32."""

    def add(name: str, tensor: torch.Tensor) -> None:
        array = tensor.detach().numpy()
        writer.add_tensor(name, array.astype(np.float16 if array.ndim == 2 else np.float32))

    add("token_embd.weight", network.token_embd)
    add("output_norm.weight", network.output_norm)
    for number, layer in enumerate(network.blk):
        for part in LAYER:
            add(f"blk.{number}.{part}.weight", getattr(layer, part))
