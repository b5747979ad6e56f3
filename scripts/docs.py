"""Write the generated parts of the documentation from the code, or check that they are up to date.

python scripts/docs.py           write docs/events.md, docs/cli.md and the marked block of README.md
python scripts/docs.py --check   change nothing; exit 1 and name each file that is stale
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from sale_tui.cli import cli
from sale_tui.settings import FLAGS_ALONE, IN_FILE_ALONE

ROOT = Path(__file__).resolve().parent.parent
NOTICE = "<!-- Made by scripts/docs.py from the code; `make docs` writes it again. -->"
BLOCK = ("<!-- commands: made by scripts/docs.py -->", "<!-- end of commands -->")
HELP_WIDTH = 100
EVENTS = ("event_base.py", "events.py", "run_events.py")
"""Modules that hold the vocabulary."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a value: its name, annotation and default as written, and what its docstring says."""

    name: str
    type: str
    default: str | None
    meaning: str


@dataclass(frozen=True, slots=True)
class Shape:
    """A class of values with its docstring; ``tag`` is its name in JSON where it has one."""

    name: str
    tag: str | None
    bases: tuple[str, ...]
    meaning: str
    fields: tuple[Field, ...]


def shapes_of(source: str) -> Iterator[Shape]:
    """The classes of a module, in its order."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            tags = [ast.literal_eval(key.value) for key in node.keywords if key.arg == "tag"]
            yield Shape(
                name=node.name,
                tag=tags[0] if tags else None,
                bases=tuple(ast.unparse(base) for base in node.bases),
                meaning=first_paragraph(ast.get_docstring(node) or ""),
                fields=tuple(fields_of(node)),
            )


def fields_of(node: ast.ClassDef) -> Iterator[Field]:
    """The annotated fields of a class, each with the docstring that follows it."""
    for statement, after in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield Field(
                name=statement.target.id,
                type=ast.unparse(statement.annotation).replace("'", '"'),
                default=ast.unparse(statement.value).replace("'", '"') if statement.value else None,
                meaning=first_paragraph(literal_text(after)),
            )


def literal_text(node: ast.stmt | None) -> str:
    """The text of a string that stands alone as a statement, else nothing."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return node.value.value
    return ""


def first_paragraph(text: str) -> str:
    """Up to the first empty line, on one line."""
    return " ".join(text.strip().split("\n\n")[0].split())


def aliases_of(source: str) -> Iterator[tuple[str, str, str]]:
    """Type aliases of a module: name, definition, meaning."""
    body = ast.parse(source).body
    for statement, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            written = ast.unparse(statement.value).replace("'", '"')
            if written.startswith("Literal["):
                yield statement.targets[0].id, written, first_paragraph(literal_text(after))


def table(shape: Shape) -> list[str]:
    """A Markdown table of the fields, or a line that there are none."""
    if not shape.fields:
        return ["No fields of its own."]
    rows = ["| field | type | meaning |", "|---|---|---|"]
    for field in shape.fields:
        default = f" Default `{cell(field.default)}`." if field.default is not None else ""
        rows.append(f"| `{field.name}` | `{cell(field.type)}` | {cell(field.meaning)}{default} |")
    return rows


def cell(text: str) -> str:
    """Text that does not end a table's cell."""
    return text.replace("|", "\\|")


def read(name: str) -> str:
    """The source of a module of the package."""
    return (ROOT / "sale_tui" / name).read_text("utf-8")


def events_page() -> str:
    """``docs/events.md``: every event, value and command with its fields."""
    events = [shape for name in EVENTS for shape in shapes_of(read(name))]
    base = next(shape for shape in events if shape.name == "Event")
    tagged = [shape for shape in events if "Event" in shape.bases]
    lines = [
        NOTICE, "", "# Events", "",
        "Everything that happens to a task, as `sale-tui run --jsonl` prints it: one JSON object a line, in order. The",
        "key `event` names the kind. A value without a number or text is `null`. Costs are dollars per million tokens",
        "times tokens, entropies are nats, times are seconds.",
        "", "Every event has these fields as well:", "", *table(base), "",
    ]  # fmt: skip
    for shape in tagged:
        lines += [f"## `{shape.tag}`", "", shape.meaning, "", *table(shape), ""]
    values = [shape for shape in events if shape not in tagged and shape is not base]
    values += [shape for shape in shapes_of(read("types.py")) if shape.name != "Value"]
    lines += ["# Values", "", "What the fields of events are made of.", ""]
    for source in map(read, ("types.py", *EVENTS)):
        for name, written, meaning in aliases_of(source):
            lines += [f"- **{name}**: `{written}`. {meaning}".rstrip()]
    lines += [""]
    for shape in values:
        lines += [f"## {shape.name}", "", shape.meaning, "", *table(shape), ""]
    lines += ["# Commands", "", "What a front end may ask of a running session; the key `command` names the kind.", ""]
    for shape in shapes_of(read("commands.py")):
        if shape.tag:
            lines += [f"## `{shape.tag}`", "", shape.meaning, "", *table(shape), ""]
    return "\n".join(lines).rstrip() + "\n"


def commands_of(command: click.Command, path: tuple[str, ...] = ("sale-tui",)) -> Iterator[tuple[str, click.Command]]:
    """Every command with the words that call it, groups first."""
    yield " ".join(path), command
    if isinstance(command, click.Group):
        for name, child in sorted(command.commands.items()):
            yield from commands_of(child, (*path, name))


def help_of(words: str, command: click.Command) -> str:
    """The help as the command itself prints it."""
    context = click.Context(
        command, info_name=words, terminal_width=HELP_WIDTH, max_content_width=HELP_WIDTH, color=False,
        **{key: value for key, value in cli.context_settings.items() if key == "help_option_names"},
    )  # fmt: skip
    return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())


def cli_page() -> str:
    """``docs/cli.md``: the help of every command, then the settings."""
    lines = [NOTICE, "", "# The command line", ""]
    for words, command in commands_of(cli):
        lines += [f"## `{words}`", "", "```", help_of(words, command), "```", ""]
    settings = next(shape for shape in shapes_of(read("settings.py")) if shape.name == "Settings")
    lines += [
        "# Settings", "",
        "From `settings.toml` in the configuration folder, then the environment, then the command line; the last wins.",
        "", "| setting | environment | default | meaning |", "|---|---|---|---|",
    ]  # fmt: skip
    unset = {*IN_FILE_ALONE, *FLAGS_ALONE}
    for field in settings.fields:
        environment = f"`SALE_TUI_{field.name.upper()}`" if field.name not in unset else ""
        lines.append(f"| `{field.name}` | {environment} | `{field.default}` | {cell(field.meaning)} |")
    return "\n".join(lines).rstrip() + "\n"


def command_list() -> str:
    """One line a command, for the README."""
    lines = []
    for words, command in commands_of(cli):
        if not isinstance(command, click.Group):
            lines.append(f"| `{words}` | {cell(command.get_short_help_str(limit=120))} |")
    return "\n".join(["| command | does |", "|---|---|", *lines])


def readme_page(current: str) -> str:
    """The README with its block of commands as it should be. Raises ValueError where the marks are missing."""
    start, end = BLOCK
    before, _, rest = current.partition(start)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"README.md lacks the marks {start} and {end}")
    return f"{before}{start}\n\n{command_list()}\n\n{end}{after}"


def pages() -> dict[Path, str]:
    """Every file that is generated, wholly or in part, with the text that it should have."""
    readme = ROOT / "README.md"
    return {
        ROOT / "docs" / "events.md": events_page(),
        ROOT / "docs" / "cli.md": cli_page(),
        readme: readme_page(readme.read_text("utf-8")),
    }


def stale_pages() -> list[str]:
    """Names of the files whose generated part is not what the code says."""
    return [
        str(path.relative_to(ROOT))
        for path, text in pages().items()
        if not path.is_file() or path.read_text("utf-8") != text
    ]


def main() -> int:
    """Write or check; 1 where a checked file is stale."""
    stale = stale_pages()
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"{name} is not what the code says: type `make docs` and commit it", file=sys.stderr)
        return 1 if stale else 0
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    print(f"written: {', '.join(stale) or 'nothing, all is up to date'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
