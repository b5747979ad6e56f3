"""Runs inside the sandbox: one program after another in the same namespace, each told of by a line on either stream.

A request is a line of JSON on standard input, ``{"code", "mark"}``. What the program writes goes its usual way; when
it has ended, both streams get a zero byte, the mark and, on stdout, the status, and a newline. It uses nothing but the
standard library of whatever Python the sandbox has.
"""

from __future__ import annotations

import json
import linecache
import os
import re
import sys
import threading
import traceback
import types
import warnings

MAIN = "/run/main.py"
_CALL = re.compile(re.escape(MAIN) + r"#(\d+)")


def main() -> None:
    """Serve requests until there are no more."""
    owner = os.getpid()
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    streams = (os.dup(1), os.dup(2))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.environ.setdefault("MPLBACKEND", "Agg")
    warnings.filterwarnings("ignore", message=".*FigureCanvasAgg is non-interactive.*")
    module = types.ModuleType("__main__")
    module.__file__ = MAIN
    sys.modules["__main__"] = module
    sys.argv[:] = [MAIN]
    standard = (sys.stdout, sys.stderr)
    for number, line in enumerate(requests, start=1):
        request = json.loads(line)
        status = run(request["code"], number, module.__dict__)
        if os.getpid() != owner:
            # A child that the program has made, and that has come to the program's end.
            os._exit(status)
        sys.stdout, sys.stderr = standard
        for stream, descriptor in zip(standard, streams):  # noqa: B905 - an old Python has no `strict`
            stream.flush()
            os.dup2(descriptor, stream.fileno())
            os.write(descriptor, b"\0%s %d\n" % (request["mark"].encode(), status))


def run(code: str, number: int, names: dict[str, object]) -> int:
    """The exit status that the program would have had by itself."""
    name = f"{MAIN}#{number}"
    # Without its end, the last line's marks would stand a character too far to the right.
    linecache.cache[name] = (len(code), None, f"{code}\n".splitlines(keepends=True), name)
    before = set(threading.enumerate())
    status = 0
    try:
        # Our own `from __future__` is not the program's.
        exec(compile(code, name, "exec", dont_inherit=True), names)  # noqa: S102 - that is what it is for
    except SystemExit as end:
        status = left_with(end.code)
    except BaseException as error:  # noqa: BLE001 - whatever a program raises is its end
        sys.stderr.write(told(error, number))
        status = 1
    for thread in set(threading.enumerate()) - before:
        if not thread.daemon:
            thread.join()
    for saved in save_plots():
        sys.stdout.write(f"(saved {saved})\n")
    return status


def left_with(code: object) -> int:
    """What ``sys.exit(code)`` means."""
    if code is None or isinstance(code, int):
        return (code or 0) & 0xFF
    sys.stderr.write(f"{code}\n")
    return 1


def told(error: BaseException, number: int) -> str:
    """The error as Python itself would print it, without our own frames."""
    trace = error.__traceback__
    while trace is not None and not _CALL.match(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    text = "".join(traceback.format_exception(type(error), error, trace))
    return _CALL.sub(lambda found: MAIN if int(found[1]) == number else f"{MAIN} of call {found[1]}", text)


def save_plots() -> list[str]:
    """Names of files with the figures that the program has drawn and not saved away."""
    plots = sys.modules.get("matplotlib.pyplot")
    if plots is None:
        return []
    names = []
    try:
        for figure in plots.get_fignums():
            number = 1
            while os.path.exists(f"plot-{number}.png"):  # noqa: PTH110 - no import for one look
                number += 1
            plots.figure(figure).savefig(f"plot-{number}.png")
            names.append(f"plot-{number}.png")
        plots.close("all")
    except Exception as error:  # noqa: BLE001 - a figure that cannot be drawn is told of
        sys.stderr.write(f"a plot was not saved: {error}\n")
    return names


if __name__ == "__main__":
    main()
