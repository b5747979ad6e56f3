"""Values as the models write them in Python: in the very pieces that the task holds, so that writing is copying.

A word after a space and the same word after a quote are different pieces of the vocabulary, often cut at different
places. A small model copies pieces surely and respells words badly. So what the task writes as `` pear, fig`` becomes
``[w.strip() for w in ' pear, fig'.split(',')]``, and what it writes as ``['pear', 'fig']`` stays as it is.
"""

from __future__ import annotations

import keyword


def write_literal(value: object, shown: str) -> str:
    """Python for a value that ``shown`` holds as somebody wrote it."""
    if not shown or repr(value) in shown:
        return repr(value)
    match value:
        case [int(), *_]:
            # "[-" is a piece of its own, which would have to be chosen before the first number is looked at.
            return repr(value).replace("[-", "[ -", 1)
        case [str(first), str(second), *_]:
            return write_words([str(word) for word in value], first, second, shown)
        case dict():
            return write_table({str(name): number for name, number in value.items()}, shown)
        case str() if f" {value}" in shown:
            return f"' {value}'.strip()"
        case _:
            return repr(value)


def write_words(words: list[str], first: str, second: str, shown: str) -> str:
    """A list of words."""
    for between in (", ", ",", " "):
        found = shown.find(f"{first}{between}{second}")
        if found >= 0:
            text = (" " if found and shown[found - 1] == " " else "") + between.join(words)
            return f"'{text}'.split()" if between == " " else f"[w.strip() for w in '{text}'.split(',')]"
    return repr(words)


def write_table(table: dict[str, object], shown: str) -> str:
    """A table of names and numbers."""
    if not all(name.isidentifier() and not keyword.iskeyword(name) for name in table):
        return repr(table)
    inner = ", ".join(f"{name}={number}" for name, number in table.items())
    return f"dict({' ' if f' {next(iter(table))}' in shown else ''}{inner})"
