"""Old workspaces go, so that runs do not fill the disk: by age, and by number."""

from __future__ import annotations

from pathlib import Path

from sale_tui.ids import moment_of
from sale_tui.trees import remove_tree

DAY = 24 * 3600.0
YOUNG_SECONDS = DAY
"""None that is younger is removed: its run may still go on, in another process."""
OLD_SECONDS = 30 * DAY
AT_ONCE = 20
"""That are removed at one time: a tree may take seconds."""
SUFFIX = ".diff"
"""Of the file beside a workspace that says what its run has changed."""


def clear_workspaces(base: Path, keep: int, now: float) -> int:
    """Remove workspaces that are older than 30 days, and of those older than a day all but the ``keep`` newest.

    Only what is named like an auction is touched, and its name says how old it is: what code has left there has no say
    in it. Returns how many went.
    """
    try:
        names = {path.name.removesuffix(SUFFIX) for path in base.iterdir()}
    except OSError:
        return 0
    moments = {name: moment for name in names if (moment := moment_of(name)) is not None}
    newest_first = sorted(moments, key=lambda name: (-moments[name], name))
    gone = [
        name
        for place, name in enumerate(newest_first)
        if now - moments[name] > OLD_SECONDS or (place >= keep and now - moments[name] > YOUNG_SECONDS)
    ]
    for name in gone[-AT_ONCE:]:
        remove_tree(base / name)
        (base / f"{name}{SUFFIX}").unlink(missing_ok=True)
    return len(gone[-AT_ONCE:])
