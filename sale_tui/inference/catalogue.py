"""Reads pool files (design.md section 5). Every fault names the file and the field."""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from sale_tui.errors import ConfigurationFault, ModelFault
from sale_tui.inference.gguf import read_header
from sale_tui.inference.pricing import estimated_price
from sale_tui.types import AgentSpec, AuctionRules, Pool, Sampling, Scales, Task, Weights

SCRIPTED = "scripted:"
"""Before the path of a script that plays a model."""
REFERENCES = ("http://", "https://", "hf:", "hf://")
"""How endpoints and hub references begin; everything else is a path."""
USUAL_PLAN_TOKENS = 300
"""The cost scale, where a pool file has none, is the price of such a plan of the dearest agent."""
USUAL_ENTROPY = 0.5
"""Nats; the entropy scale where a pool file has none."""

NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[^\s\x00-\x1f\x7f:\"'\[\]]{1,64}$")]
Hash = Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{64}$")]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the tables of a pool file."""


class _Sampling(_Table, frozen=True, kw_only=True):
    temperature: NotNegative | None = None
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    top_k: Annotated[int, msgspec.Meta(ge=0)] | None = None
    min_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    seed: int | None = None

    def over(self, base: Sampling) -> Sampling:
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}
        return msgspec.structs.replace(base, **given)


class _Samplings(_Sampling, frozen=True, kw_only=True):
    """``sampling = {...}`` is how an agent executes; ``sampling.bidding = {...}`` how it bids."""

    bidding: _Sampling = _Sampling()
    execution: _Sampling = _Sampling()

    def for_execution(self, base: Sampling) -> Sampling:
        flat = {name: getattr(self, name) for name in _Sampling.__struct_fields__}
        return self.execution.over(_Sampling(**flat).over(base))


class _Agent(_Table, frozen=True, kw_only=True):
    name: Name
    model: Text
    price: NotNegative | None = None
    context: Annotated[int, msgspec.Meta(ge=256)] = 8192
    sampling: _Samplings = _Samplings()
    thinking: bool = True
    sha256: Hash | None = None


class _Weights(_Table, frozen=True, kw_only=True):
    cost: NotNegative = 1.0
    entropy: NotNegative
    jury: dict[str, NotNegative]


class _Scales(_Table, frozen=True, kw_only=True):
    cost: Positive | None = None
    entropy: Positive = USUAL_ENTROPY
    mark: Positive = 5.0


class _Auction(_Table, frozen=True, kw_only=True):
    weights: _Weights | None = None
    scales: _Scales = _Scales()
    thrift: Positive = 1.0
    k: Annotated[int, msgspec.Meta(ge=0)] = 8
    marks: Literal["expected", "integer"] = "expected"
    plan_tokens: Count = 400


class _Sample(_Table, frozen=True, kw_only=True):
    text: Text
    kind: Literal["search", "coding"]


class _Pool(_Table, frozen=True, kw_only=True):
    name: Text
    agent: Annotated[list[_Agent], msgspec.Meta(min_length=1)]
    corpus: str = ""
    note: str = ""
    tools: list[Text] = []
    auction: _Auction = _Auction()
    sample: list[_Sample] = []


def load_pool(path: Path) -> Pool:
    """The pool that a file describes, agents cheapest first. Raises ConfigurationFault."""
    raw = _read(path)
    folder = path.absolute().parent
    _check_names(path, raw.agent)
    agents = tuple(
        sorted(
            (_agent(path, folder, index, agent) for index, agent in enumerate(raw.agent, start=1)),
            key=lambda agent: (agent.price, agent.name),
        )
    )
    return Pool(
        name=raw.name,
        path=str(path.absolute()),
        agents=agents,
        rules=_rules(path, raw.auction, agents),
        corpus=str(_resolve(folder, raw.corpus)) if raw.corpus else None,
        tools=tuple(raw.tools),
        samples=tuple(Task(text=sample.text, kind=sample.kind) for sample in raw.sample),
        note=raw.note,
    )


def _read(path: Path) -> _Pool:
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationFault(f"the pool file {path} cannot be read: {error}", "check its path") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationFault(f"{path} is not TOML: {error}", "mend that line") from error
    if not_finite := _not_finite(values, ""):
        raise ConfigurationFault(f"{path}: {not_finite} must be a finite number", "give a plain number")
    try:
        return msgspec.convert(values, _Pool)
    except msgspec.ValidationError as error:
        raise _explained(path, str(error)) from error


def _not_finite(value: object, where: str) -> str:
    """The field of the first number that is NaN or infinite."""
    if isinstance(value, float):
        return "" if math.isfinite(value) else where
    items: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        items = [(f"{where}.{key}" if where else str(key), inner) for key, inner in value.items()]
    elif isinstance(value, list):
        items = [(f"{where}[{index}]", inner) for index, inner in enumerate(value, start=1)]
    return next((found for place, inner in items if (found := _not_finite(inner, place))), "")


def _explained(path: Path, message: str) -> ConfigurationFault:
    """msgspec's words with the field before them; list items count from 1, as a reader of the file counts."""
    what, _, place = message.partition(" - at `$")
    field = re.sub(r"\[(\d+)\]", lambda found: f"[{int(found[1]) + 1}]", place.rstrip("`").lstrip("."))
    named = re.search(r"(unknown|missing required) field `([^`]*)`", what)
    if named is None:
        return ConfigurationFault(
            f"{path}: {field or 'the file'} is wrong: {what[:1].lower()}{what[1:]}", _wanted(field)
        )
    whole = f"{field}.{named[2]}" if field else named[2]
    if named[1] != "unknown":
        return ConfigurationFault(f"{path}: {whole} is missing", f"add `{named[2]} = …`")
    known = _fields_at(field)
    near = get_close_matches(named[2], known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"
    return ConfigurationFault(f"{path}: {whole} is no field of a pool file", hint)


def _fields_at(field: str) -> list[str]:
    """Names that may stand at a place of the file."""
    place = re.sub(r"\[[^\]]*\]", "", field)
    tables: dict[str, type[_Table]] = {
        "": _Pool, "agent": _Agent, "agent.sampling": _Samplings, "agent.sampling.bidding": _Sampling,
        "agent.sampling.execution": _Sampling, "auction": _Auction, "auction.weights": _Weights,
        "auction.scales": _Scales, "sample": _Sample,
    }  # fmt: skip
    return [entry.name for entry in msgspec.structs.fields(tables.get(place, _Pool))]


def _wanted(field: str) -> str:
    hints = {
        "price": "a price is a number ≥ 0, in dollars per million tokens",
        "context": "a context is a whole number of tokens, at least 256",
        "sha256": "a SHA-256 is 64 hexadecimal digits",
        "kind": 'a kind is "search" or "coding"',
        "marks": 'marks are "expected" or "integer"',
        "name": "a name has 1 to 64 characters, without spaces, quotes, colons or brackets",
    }
    return hints.get(field.rpartition(".")[2], "see the pool files that ship with sale-tui")


def _check_names(path: Path, agents: list[_Agent]) -> None:
    twice = [name for name, count in Counter(agent.name for agent in agents).items() if count > 1]
    if twice:
        raise ConfigurationFault(
            f"{path}: agent.name {twice[0]!r} is given twice", "every agent needs a name of its own"
        )


def _resolve(folder: Path, given: str) -> Path:
    return (folder / Path(given).expanduser()).absolute()


def _agent(path: Path, folder: Path, index: int, raw: _Agent) -> AgentSpec:
    model = raw.model
    if model.startswith(SCRIPTED):
        model = SCRIPTED + str(_resolve(folder, model.removeprefix(SCRIPTED)))
    elif not model.startswith(REFERENCES):
        model = str(_resolve(folder, model))
    price = raw.price
    if price is None:
        price = _estimate(path, index, model)
    defaults = AgentSpec(name=raw.name, model=model, price=price)
    return AgentSpec(
        name=raw.name,
        model=model,
        price=price,
        price_estimated=raw.price is None,
        context=raw.context,
        bidding=raw.sampling.bidding.over(defaults.bidding),
        execution=raw.sampling.for_execution(defaults.execution),
        thinking=raw.thinking,
        sha256=raw.sha256,
    )


def _estimate(path: Path, index: int, model: str) -> float:
    """A price from the file's parameters. Raises ConfigurationFault where that is not possible."""
    field = f"{path}: agent[{index}].price is missing"
    if model.startswith((SCRIPTED, *REFERENCES)):
        raise ConfigurationFault(f"{field} and can be estimated for GGUF files only", "add `price = …`")
    try:
        return estimated_price(read_header(Path(model)).parameters)
    except ModelFault as fault:
        raise ConfigurationFault(f"{field} and cannot be estimated: {fault.message}", "add `price = …`") from fault


def _rules(path: Path, raw: _Auction, agents: tuple[AgentSpec, ...]) -> AuctionRules:
    dearest = max(agent.price for agent in agents) or 1.0
    return AuctionRules(
        weights=_weights(path, raw.weights, [agent.name for agent in agents]),
        scales=Scales(
            cost=raw.scales.cost or dearest * USUAL_PLAN_TOKENS, entropy=raw.scales.entropy, mark=raw.scales.mark
        ),
        thrift=raw.thrift,
        neighbours=raw.k,
        marks=raw.marks,
        plan_tokens=raw.plan_tokens,
    )


def _weights(path: Path, raw: _Weights | None, names: list[str]) -> Weights:
    """The file's weights, or a uniform mix of entropy and jurors."""
    if raw is None:
        share = 1.0 / (len(names) + 1)
        return Weights(cost=1.0, entropy=share, jury=dict.fromkeys(names, share))
    field = f"{path}: auction.weights.jury"
    for name in raw.jury:
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"agents are: {', '.join(names)}"
            raise ConfigurationFault(f"{field}.{name} is no agent of this pool", hint)
    for name in names:
        if name not in raw.jury:
            raise ConfigurationFault(f"{field} has no weight for {name}", f"add `{name} = …`; 0 is allowed")
    if raw.entropy + sum(raw.jury.values()) <= 0:
        raise ConfigurationFault(
            f"{path}: auction.weights has no value weight above 0", "give entropy or a juror a weight"
        )
    return Weights(cost=raw.cost, entropy=raw.entropy, jury={name: raw.jury[name] for name in names})
