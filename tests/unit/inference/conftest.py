"""A tiny random model for real llama.cpp workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from sale_tui.inference.llama.model import LlamaModel
from sale_tui.inference.shapes import SHAPES, write_model
from sale_tui.types import AgentSpec

TEMPLATE = Path(__file__).parents[3] / "models" / "train" / "chat_template.jinja"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    path: Path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    write_model(path, SHAPES["tiny"], kind="f32", template=TEMPLATE.read_text("utf-8"))
    return path


@pytest.fixture
def make_model(tiny):
    def make(path: Path = tiny, *, context: int = 4096, sha256: str | None = None, **options) -> LlamaModel:
        spec = AgentSpec(name="tiny", model=str(path), price=0.05, context=context, sha256=sha256)
        return LlamaModel(spec, **{"sequences": 4, **options})

    return make


@pytest.fixture
async def model(make_model):
    found = make_model()
    await found.load()
    yield found
    await found.close()
