"""The python tool within one run: what stays from call to call, and what a model sees; in the real sandbox."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from sale_tui.agent.tools.base import Kept, ToolContext, ToolResult
from sale_tui.agent.tools.python import STARTED_AFRESH, PythonTool
from sale_tui.agent.tools.python_session import PythonSession
from sale_tui.sandbox.bubblewrap import BubblewrapSandbox
from sale_tui.types import SandboxLimits
from tests.e2e.processes import children_of, wait_until

pytestmark = pytest.mark.sandbox


@pytest.fixture
async def context(workspace: Path, sandbox: BubblewrapSandbox) -> AsyncIterator[ToolContext]:
    kept = Kept()
    yield ToolContext(workspace=workspace, sandbox=sandbox, kept=kept)
    await kept.close()


async def call(context: ToolContext, code: str, seconds: float = 30.0, **more: object) -> ToolResult:
    return await PythonTool(seconds).call({"code": code, **more}, context)


def timeless(result: ToolResult) -> str:
    """What is said, without how long it took and how many frames lay below the program's own."""
    return re.sub(r"in \d+\.\d s|repeated \d+ more", "...", result.output)


SIMPLE = [
    "print(42)",
    "print('a\\n\\nb\\n\\n')",
    "x = 1",
    "import sys; print('warning', file=sys.stderr); print('fine')",
    "def f():\n    1/0\n\n\nprint('so far')\nf()",
    "print(y)",
    "print('unclosed",
    "raise SystemExit",
    "import sys; sys.exit(3)",
    "import sys; sys.exit('bad luck')",
    "raise KeyError('a')",
    "try:\n    1/0\nexcept ZeroDivisionError as e:\n    raise ValueError('x') from e",
    "import os; os._exit(0)",
    "import os; os._exit(7)",
    "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "import threading; threading.Thread(target=lambda: print('from a thread')).start()",
    "print(input())",
    "print(__name__, __import__('sys').argv)",
    "if __name__ == '__main__':\n    print('main')",
    "assert False, 'no'",
    "print(open('nothing').read())",
    "import subprocess; subprocess.run(['echo', 'from a child'])",
    "print(__import__('os').getcwd(), __file__)",
    "def f(x: int) -> str: ...\nprint(f.__annotations__)",
    "import inspect\ndef f():\n    return 1\nprint(inspect.getsource(f))",
    "import pickle\nclass A: ...\nprint(type(pickle.loads(pickle.dumps(A()))))",
    "from multiprocessing import Pool\ndef f(x):\n    return x * x\nwith Pool(2) as p:\n    print(p.map(f, [1, 2]))",
    "import asyncio\nasync def f():\n    return 1\nprint(asyncio.run(f()))",
    "def f(n):\n    return f(n + 1)\nf(0)",
    "x: int = 'a'\nprint(__annotations__)",
    "print('\\0 zero', '\\ud800'.encode('utf-8', 'replace'))",
]


@pytest.mark.parametrize("code", SIMPLE)
async def test_one_call_says_what_a_program_alone_would(context: ToolContext, code: str) -> None:
    """The tiny models have learned from programs that ran by themselves: the answer is theirs to the letter."""
    alone = await PythonTool().call({"code": code}, msgspec.structs.replace(context, kept=None))
    within = await call(context, code)
    assert timeless(within) == timeless(alone)
    assert within.ok == alone.ok
    assert timeless(await call(context, code)) == timeless(alone)


async def test_variables_stay_from_call_to_call(context: ToolContext) -> None:
    assert (await call(context, "import math\nx = [1]\ndef f():\n    return math.floor(x[0] + 0.5)")).output == (
        "(no output)"
    )
    assert (await call(context, "x.append(2); print(x, f())")).output == "[1, 2] 1"
    failed = await call(context, "y = 5\nz")
    assert failed.output.endswith("NameError: name 'z' is not defined")
    assert (await call(context, "print(y)")).output == "5"
    assert "of call 1" in (await call(context, "x = None\nf()")).output


async def test_restart_forgets(context: ToolContext) -> None:
    await call(context, "x = 1")
    assert (await call(context, "print('x' in globals())", restart=True)).output == "False"


async def test_a_crash_starts_afresh_and_says_so(context: ToolContext) -> None:
    await call(context, "x = 1")
    crashed = await call(context, "print('so far')\nimport os\nos.abort()")
    assert crashed.output == f"so far\n(ended by signal 6)\n{STARTED_AFRESH}"
    assert not crashed.ok
    assert (await call(context, "print('x' in globals())")).output == "False"
    # With nothing to lose there is nothing to say.
    await call(context, "print(1)", restart=True)


async def test_a_time_limit_is_kept(context: ToolContext) -> None:
    first = await call(context, "print('begun')\nwhile True: pass", 0.7)
    assert first.output == "begun\n(stopped after 0.7 s)"
    await call(context, "x = 1")
    late = await call(context, "import threading\nthreading.Event().wait()", 0.5)
    assert late.output == f"(stopped after 0.5 s)\n{STARTED_AFRESH}"
    assert (await call(context, "print('x' in globals())")).output == "False"


async def test_too_much_memory_ends_the_process_alone(context: ToolContext) -> None:
    result = await call(context, "x = bytearray(700_000_000)\nprint('there')")
    assert not result.ok
    assert "MemoryError" in result.output or "too much memory" in result.output
    assert (await call(context, "print(1)")).output == "1"


async def test_long_output_keeps_head_and_tail(context: ToolContext) -> None:
    result = await call(context, "print('head' + 'x' * 2_000_000 + 'tail')")
    assert result.output.startswith("head")
    assert result.output.endswith(f"({2_000_009 - SandboxLimits().kept_bytes} bytes of output were not kept)")
    assert result.truncated > 0
    session = PythonSession(context.sandbox, context.workspace)
    ended = await session.run("print('head' + 'x' * 2_000_000 + 'tail')", 30)
    await session.close()
    assert ended.stdout.endswith("tail\n")
    assert f"[... {ended.truncated} bytes cut ...]" in ended.stdout


async def test_children_do_not_speak_for_the_program(context: ToolContext) -> None:
    code = "import os\npid = os.fork()\nif pid:\n    os.waitpid(pid, 0)\nprint('child' if not pid else 'parent')"
    assert (await call(context, code)).output == "child\nparent"
    assert (await call(context, "print(pid > 0)")).output == "True"
    closed = await call(context, "import os, sys\nprint('x')\nos.close(1)\nsys.stdout = None")
    assert closed.output == "x"
    assert (await call(context, "print('y')")).output == "y"


async def test_plots_are_saved(context: ToolContext) -> None:
    """By whatever calls itself matplotlib.pyplot: here a module in the workspace with the part of it that is used."""
    (context.workspace / "matplotlib").mkdir()
    (context.workspace / "matplotlib" / "__init__.py").touch()
    (context.workspace / "matplotlib" / "pyplot.py").write_text(
        "figures = []\ndef plot(values):\n    figures.append(values)\n"
        "def get_fignums():\n    return list(range(len(figures)))\ndef close(which):\n    figures.clear()\n"
        "class Figure:\n    def savefig(self, name):\n        open(name, 'w').write(repr(figures))\n"
        "def figure(number):\n    return Figure()\n"
    )
    drawn = await call(context, "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nprint('drawn')")
    assert drawn.output == "drawn\n(saved plot-1.png)"
    assert (await call(context, "plt.plot([3])")).output == "(saved plot-2.png)"
    assert (await call(context, "1")).output == "(no output)"
    assert (context.workspace / "plot-2.png").exists()


async def test_cancelling_ends_the_process(context: ToolContext) -> None:
    before = set(children_of(os.getpid()))
    running = asyncio.create_task(call(context, "import threading\nthreading.Event().wait()"))
    assert await asyncio.to_thread(wait_until, lambda: not set(children_of(os.getpid())) <= before, 10)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert wait_until(lambda: set(children_of(os.getpid())) <= before, 5)
    assert (await call(context, "print(1)")).output == "1"


async def test_the_end_of_the_run_ends_the_process(context: ToolContext) -> None:
    before = set(children_of(os.getpid()))
    await call(context, "x = 1")
    assert context.kept is not None
    await context.kept.close()
    assert wait_until(lambda: set(children_of(os.getpid())) <= before, 5)


async def test_calls_at_once_wait_for_each_other(context: ToolContext) -> None:
    await call(context, "n = 0")
    results = await asyncio.gather(*(call(context, f"n += 1\nprint({number}, n)") for number in range(5)))
    assert sorted(result.output.split()[0] for result in results) == ["0", "1", "2", "3", "4"]
    assert sorted(result.output.split()[1] for result in results) == ["1", "2", "3", "4", "5"]
