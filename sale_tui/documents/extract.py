"""HTML and PDF become text in the sandbox, a batch a run; what comes back is data in files, read with care."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import msgspec

from sale_tui.errors import NoSandbox
from sale_tui.ports import ExecRequest, ExecResult, Sandbox
from sale_tui.sources import Extracted, RawFile
from sale_tui.trees import remove_tree

FILE_SECONDS = 5.0
START_SECONDS = 20.0
BATCH_FILES = 48
MAX_BYTES = {"html": 2 * 1024 * 1024, "pdf": 20 * 1024 * 1024}
RESULT_BYTES = 32 * 1024 * 1024
PACKAGES = ("trafilatura", "courlan", "htmldate", "justext", "lxml", "lxml_html_clean", "tld", "babel", "dateutil",
            "dateparser", "charset_normalizer", "certifi", "urllib3", "pypdfium2", "pypdfium2_cfg", "pypdfium2_raw",
            "pytz", "tzlocal", "regex", "six")  # fmt: skip
"""What the program inside imports, with all that these import."""
COVERED = ("workspace", "proc", "dev", "tmp", "run", "etc")
"""First parts of paths that are the sandbox's own."""
NOT_WORKING = "what reads it does not work here"
STOPPED = "it was stopped"
CARRIED = ".libraries"
"""In a batch's own folder, where the libraries cannot be shown otherwise."""

_results = msgspec.json.Decoder(Extracted)


class SandboxExtractor:
    """The only reader of HTML and PDF. Runs may go on at once."""

    def __init__(self, sandbox: Sandbox, workspaces: Path) -> None:
        """``workspaces``: the sandbox's own base, below which a folder for each batch is made and removed."""
        self._sandbox = sandbox
        self._workspaces = workspaces
        self._libraries: asyncio.Task[Path | None] | None = None

    async def extract(self, files: Sequence[RawFile]) -> list[Extracted]:
        """As the port says. Raises NoSandbox."""
        found: dict[int, Extracted] = {
            number: Extracted(problem=f"it has more than {MAX_BYTES[file.kind]} bytes")
            for number, file in enumerate(files)
            if len(file.content) > MAX_BYTES[file.kind]
        }
        while left := [number for number in range(len(files)) if number not in found][:BATCH_FILES]:
            found.update(await self._batch({number: files[number] for number in left}))
        return [found[number] for number in range(len(files))]

    async def _batch(self, files: dict[int, RawFile]) -> dict[int, Extracted]:
        """Results of at least the first of the files: one that ends the whole run is to blame, the rest go again."""
        libraries = await self._readable_libraries()
        python, shown = interpreter()
        folder = Path(tempfile.mkdtemp(prefix="read-", dir=self._workspaces))
        laying = asyncio.create_task(asyncio.to_thread(lay_out, folder, files, libraries is None))
        try:
            await asyncio.shield(laying)
            result = await self._sandbox.run(
                ExecRequest(
                    argv=(python, "-B", "/run/inside.py", "/workspace"),
                    workspace=folder,
                    timeout_seconds=START_SECONDS + FILE_SECONDS * len(files),
                    files={"inside.py": (resources.files("sale_tui.documents") / "inside.py").read_bytes()},
                    readable=shown if libraries is None else (*shown, libraries),
                    environment={"PYTHONPATH": str(libraries or f"/workspace/{CARRIED}")},
                )
            )
            return await asyncio.to_thread(_collected, folder, files, result)
        finally:
            # A thread that still writes would leave what it writes.
            await asyncio.wait({laying})
            await asyncio.to_thread(remove_tree, folder)

    async def _readable_libraries(self) -> Path | None:
        if self._libraries is None or (self._libraries.done() and self._libraries.exception() is not None):
            self._libraries = asyncio.create_task(asyncio.to_thread(libraries_for, self._workspaces))
        return await asyncio.shield(self._libraries)


def lay_out(folder: Path, files: dict[int, RawFile], carried: bool) -> None:
    """Write a batch into its folder; ``carried``: with the libraries."""
    if carried:
        (folder / CARRIED).mkdir()
        copy_libraries(installed_libraries(), folder / CARRIED)
    for number, file in files.items():
        (folder / f"{number:06}.{file.kind}").write_bytes(file.content)
    urls = {f"{number:06}": file.url for number, file in files.items()}
    (folder / "urls.json").write_bytes(msgspec.json.encode(urls))


def installed_libraries() -> Path:
    """Where the libraries lie. Raises NoSandbox where they are missing."""
    spec = importlib.util.find_spec("trafilatura")
    if spec is None or spec.origin is None:
        raise NoSandbox("the library trafilatura is not installed", "install sale-tui again")
    return Path(spec.origin).resolve().parents[1]


def libraries_for(workspaces: Path) -> Path | None:
    """A folder with the libraries that can be shown and that the sandbox's user can read.

    Where they are installed, else a copy beside the workspaces; None where neither can be shown. Raises NoSandbox.
    """
    installed, base = installed_libraries(), workspaces.resolve()
    if can_be_shown(installed):
        return installed
    copy = base / f".libraries-{(installed / PACKAGES[0]).stat().st_mtime_ns}"
    if not can_be_shown(base, known=True):
        return None
    if not copy.is_dir():
        half = Path(tempfile.mkdtemp(prefix=".libraries-", dir=base))
        copy_libraries(installed, half)
        half.chmod(0o755)
        try:
            half.rename(copy)
        except OSError:
            shutil.rmtree(half, ignore_errors=True)
    return copy


def copy_libraries(installed: Path, target: Path) -> None:
    """The libraries alone."""
    for name in PACKAGES:
        if (installed / name).is_dir():
            shutil.copytree(installed / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (installed / f"{name}.py").is_file():
            shutil.copy(installed / f"{name}.py", target)
        # Some look up their own version when they are imported.
        for facts in installed.glob(f"{name}-*.dist-info"):
            shutil.copytree(facts, target / facts.name)


def interpreter() -> tuple[str, tuple[Path, ...]]:
    """The Python that the libraries were built for, and what must be shown for it; else the sandbox's own."""
    base = Path(sys.base_prefix).resolve()
    python = base / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    if python.is_file() and base.is_relative_to("/usr"):
        return str(python), ()
    if python.is_file() and can_be_shown(base):
        return str(python), (base,)
    return "python3", ()


def can_be_shown(folder: Path, known: bool = False) -> bool:
    """Whether the sandbox can show a folder at its own path; ``known``: its user is known to reach it."""
    if folder.parts[1:2] == () or folder.parts[1] in COVERED:
        return False
    return known or os.geteuid() != 0 or _open_to_all(folder)


def _open_to_all(folder: Path) -> bool:
    return all(part.stat().st_mode & 0o005 == 0o005 for part in (folder, *folder.parents))


def _collected(folder: Path, files: dict[int, RawFile], result: ExecResult) -> dict[int, Extracted]:
    found: dict[int, Extracted] = {}
    inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        for number in files:
            one = _result(inside, f"{number:06}.json")
            if one is None:
                break
            found[number] = one
    finally:
        os.close(inside)
    if not found and result.reason is None and result.exit != 0:
        return dict.fromkeys(files, Extracted(problem=_why(result)))
    if len(found) < len(files):
        first = next(number for number in files if number not in found)
        found[first] = Extracted(problem=_why(result))
    return found


def _result(inside: int, name: str) -> Extracted | None:
    """What was written for one file; None where nothing that can be believed was."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=inside)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                return None
            content = stream.read(RESULT_BYTES + 1)
        return None if len(content) > RESULT_BYTES else _results.decode(content)
    except (OSError, msgspec.DecodeError):
        return None


def _why(result: ExecResult) -> str:
    if result.reason is not None:
        return f"{STOPPED}: too much {'time' if result.reason == 'timeout' else result.reason}"
    last = (result.stderr.strip().splitlines() or ["it says nothing"])[-1]
    return f"{NOT_WORKING}: {last[:200]}"
