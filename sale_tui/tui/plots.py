"""Numbers drawn as text: one line of bars, a bar, a cloud of points. Pure."""

from __future__ import annotations

from collections.abc import Sequence

LEVELS = " ▁▂▃▄▅▆▇█"
PARTS = " ▏▎▍▌▋▊▉"


def spark(values: Sequence[float], top: float = 1.0) -> str:
    """One cell a value, as high as its share of ``top``; what is more than nothing is seen."""
    cells = []
    for value in values:
        level = round(max(min(value / top, 1.0), 0.0) * (len(LEVELS) - 1)) if top > 0 else 0
        cells.append(LEVELS[max(level, 1) if value > 0 else 0])
    return "".join(cells)


def bar(share: float, cells: int) -> str:
    """A bar of that share (0 to 1) of so many cells, to an eighth of a cell."""
    eighths = round(max(min(share, 1.0), 0.0) * cells * 8)
    full, part = divmod(eighths, 8)
    return ("█" * full + (PARTS[part] if part else "")).ljust(cells)


def cloud(points: Sequence[tuple[float, float, str]], width: int, height: int) -> list[str]:
    """Lines of ``width`` cells with the sign of each point: x from 0 to the greatest, y from 0 (last line) to 1.

    Where several points meet there is a ``+``.
    """
    grid = [[" "] * width for _ in range(height)]
    most = max((x for x, _, _ in points), default=0.0) or 1.0
    for x, y, sign in points:
        column = min(round(x / most * (width - 1)), width - 1)
        row = height - 1 - min(round(max(min(y, 1.0), 0.0) * (height - 1)), height - 1)
        grid[row][column] = sign if grid[row][column] == " " else "+"
    return ["".join(row) for row in grid]
