"""Makes docs/screenshot.svg: the app, fed with a recorded event log, at the moment when an award is proposed.

``--log`` takes what ``sale-tui run TASK --jsonl`` printed; the picture shows nothing that is not in it.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from sale_tui.events import AnyEvent, AwardProposed, LogStarted
from sale_tui.session.replay import read_log
from sale_tui.tui.app import SaleApp
from sale_tui.tui.source import ReplaySource, pool_of, task_of

ROOT = Path(__file__).parents[1]
LOG = ROOT / "tests" / "state" / "logs" / "coding.jsonl"
PICTURE = ROOT / "docs" / "screenshot.svg"
SIZE = (120, 36)


def up_to_the_award(events: list[AnyEvent]) -> list[AnyEvent]:
    """The log until the award is proposed; all of it where none is."""
    places = [place for place, event in enumerate(events) if isinstance(event, AwardProposed)]
    return events[: places[0] + 1] if places else events


async def picture(events: list[AnyEvent], size: tuple[int, int]) -> str:
    """The app as SVG when it has taken in these events."""
    header = events[0]
    if not isinstance(header, LogStarted):
        raise SystemExit("the log has no header")

    async def recorded() -> ReplaySource:
        return ReplaySource(events, float("inf"), stay=True)

    app = SaleApp(recorded, pool_of(header), begin=task_of(events))
    app.still = True
    async with app.run_test(size=size) as pilot:
        while app.state.now != events[-1].at or not app.drawn:
            await pilot.pause(0.05)
        await pilot.pause(0.2)
        return app.export_screenshot(title="sale-tui")


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--log", type=Path, default=LOG)
    parser.add_argument("--out", type=Path, default=PICTURE)
    parser.add_argument("--whole", action="store_true", help="show the end of the log instead of the award")
    options = parser.parse_args()
    events = read_log(options.log)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    svg = asyncio.run(picture(events if options.whole else up_to_the_award(events), SIZE))
    options.out.write_text(svg, "utf-8")
    print(f"{options.out}: {len(svg):,} bytes, of {options.log}")


if __name__ == "__main__":
    main()
