"""The broker between file tools and a hostile folder."""

from __future__ import annotations

import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.agent import broker as broker_module
from sale_tui.agent.broker import Broker, Missing, Refused, shown
from sale_tui.agent.openat import Opener, by_components, by_system_call, opener

SECRET = b"the secret"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "f").write_bytes(SECRET)
    return folder


@pytest.fixture(params=[by_system_call, by_components], ids=["openat2", "components"])
def broker(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Broker:
    """A broker of a fresh folder, by either way of opening."""
    way: Opener = request.param
    monkeypatch.setattr(broker_module, "open_beneath", way)
    root = tmp_path / "root"
    root.mkdir()
    return Broker(root)


def test_this_kernel_opens_in_one_call() -> None:
    assert opener() is by_system_call


def test_what_is_written_is_read(broker: Broker) -> None:
    assert broker.write("deep/er/a.txt", b"one")
    assert not broker.write("/workspace/deep/er/a.txt", b"two")
    assert broker.read("./deep//er/a.txt") == b"two"
    assert stat.S_IMODE((broker.root / "deep" / "er").stat().st_mode) == 0o700
    assert sorted(path.name for path in (broker.root / "deep" / "er").iterdir()) == ["a.txt"]
    broker.remove("deep/er/a.txt")
    with pytest.raises(Missing, match="there is no"):
        broker.read("deep/er/a.txt")


def test_a_file_keeps_its_mode(broker: Broker) -> None:
    broker.write("run.sh", b"echo")
    (broker.root / "run.sh").chmod(0o755)
    broker.write("run.sh", b"echo 2")
    assert stat.S_IMODE((broker.root / "run.sh").stat().st_mode) == 0o755
    broker.write("run.sh", b"echo 3", executable=False)
    assert stat.S_IMODE((broker.root / "run.sh").stat().st_mode) == 0o644


def test_the_owner_of_the_folder_owns_what_is_written(broker: Broker) -> None:
    if os.geteuid() == 0:
        os.chown(broker.root, 64217, 64217)
    broker.write("deep/a", b"1")
    owners = {path.stat().st_uid for path in (broker.root, broker.root / "deep", broker.root / "deep" / "a")}
    assert len(owners) == 1


@pytest.mark.parametrize(
    "name", ["../outside/f", "a/../../outside/f", "/etc/passwd", "..", "/workspace/../outside/f", "a\0b", "", ".", "/"]
)
def test_names_that_lead_out_are_refused(broker: Broker, outside: Path, name: str) -> None:
    (broker.root / "a").mkdir()
    for act in (broker.read, lambda each: broker.write(each, b"x"), broker.remove):
        with pytest.raises(Refused):
            act(name)
    assert (outside / "f").read_bytes() == SECRET


def link_to_file(root: Path, outside: Path) -> str:
    (root / "x").symlink_to(outside / "f")
    return "x"


def link_to_folder(root: Path, outside: Path) -> str:
    (root / "d").symlink_to(outside)
    return "d/f"


def link_within(root: Path, outside: Path) -> str:
    (root / "real").write_text("1")
    (root / "x").symlink_to("real")
    return "x"


def magic_link(root: Path, outside: Path) -> str:
    (root / "d").symlink_to("/proc/self/root")
    return f"d{outside}/f"


def hard_link(root: Path, outside: Path) -> str:
    (root / "x").hardlink_to(outside / "f")
    return "x"


def pipe(root: Path, outside: Path) -> str:
    os.mkfifo(root / "x")
    return "x"


def unix_socket(root: Path, outside: Path) -> str:
    with socket.socket(socket.AF_UNIX) as bound:
        folder = os.open(root, os.O_RDONLY)
        bound.bind(f"/proc/self/fd/{folder}/x")
        os.close(folder)
    return "x"


def device(root: Path, outside: Path) -> str:
    if os.geteuid() == 0:
        os.mknod(root / "x", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
        return "x"
    # Only root makes devices: elsewhere the link to one stands for it.
    (root / "x").symlink_to("/dev/zero")
    return "x"


def folder(root: Path, outside: Path) -> str:
    (root / "x").mkdir()
    return "x"


TRAPS = [link_to_file, link_to_folder, link_within, magic_link, hard_link, pipe, unix_socket, device, folder]


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.__name__)
def test_traps_are_refused_at_once(broker: Broker, outside: Path, trap: Callable[[Path, Path], str]) -> None:
    name = trap(broker.root, outside)
    for act in (broker.read, lambda each: broker.write(each, b"x"), broker.remove, broker.facts):
        began = time.perf_counter()
        with pytest.raises(Refused):
            act(name)
        # 10 ms on a quiet machine; a pipe or device that is waited for would take for ever.
        assert time.perf_counter() - began < 0.5
    assert (outside / "f").read_bytes() == SECRET


def test_size_is_looked_at_before_reading(broker: Broker) -> None:
    with (broker.root / "big").open("wb") as file:
        file.truncate(1 << 40)
    began = time.perf_counter()
    with pytest.raises(Refused, match=f"has {1 << 40} bytes; more than"):
        broker.read("big")
    assert time.perf_counter() - began < 0.5
    (broker.root / "small").write_bytes(b"12345")
    assert broker.read("small", limit=5) == b"12345"
    with pytest.raises(Refused, match="more than 4 are not read"):
        broker.read("small", limit=4)
    with pytest.raises(Refused, match="too many"):
        broker.write("small", bytes(broker_module.MAX_FILE_BYTES + 1))


def test_walk_names_all_and_follows_nothing(broker: Broker, outside: Path) -> None:
    broker.write("b/c.txt", b"123")
    (broker.root / "a").symlink_to(outside)
    os.mkfifo(broker.root / "z")
    found = [(entry.name, entry.kind, entry.depth) for entry in broker.walk()]
    assert found == [("a", "link", 1), ("b", "folder", 1), ("b/c.txt", "file", 2), ("z", "special", 1)]
    assert [entry.name for entry in broker.walk(depth=1)] == ["a", "b", "z"]
    assert [entry.name for entry in broker.walk(most=2)] == ["a", "b"]
    assert [entry.name for entry in broker.walk("b")] == ["c.txt"]
    with pytest.raises(Refused):
        list(broker.walk("a"))


@given(st.text(max_size=40))
def test_no_name_leads_out(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    base = tmp_path_factory.mktemp("named")
    (base / "root").mkdir()
    broker = Broker(base / "root")
    try:
        broker.write(name, b"x")
    except Refused:
        assert list((base / "root").iterdir()) == []
    else:
        assert broker.read(name) == b"x"
    assert [path.name for path in base.iterdir()] == ["root"]


def test_names_are_shown_literally() -> None:
    assert shown("a\x1b[31mb\n\u202ec") == "ab c"
    assert shown(os.fsdecode(b"x\xff")) == "x\ufffd"


def test_a_failed_write_leaves_nothing(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    broker.write("a", b"old")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(Refused, match="the disk is full"):
        broker.write("a", b"new")
    assert [path.name for path in broker.root.iterdir()] == ["a"]
    assert broker.read("a") == b"old"


@pytest.fixture
def swapping(broker: Broker, outside: Path) -> Iterator[threading.Event]:
    """A folder ``d`` with a file ``f`` that turns into a link to outside and back, without a pause."""
    broker.write("d/f", b"harmless")
    door, shelf, stop = broker.root / "d", broker.root / "kept", threading.Event()

    def swap() -> None:
        while not stop.is_set():
            door.rename(shelf)
            door.symlink_to(outside)
            door.unlink()
            shelf.rename(door)
            # What is written to "t" replaces this link, and never goes through it.
            with suppress(FileExistsError):
                (broker.root / "t").symlink_to(outside / "f")
            (broker.root / "t").unlink()

    thread = threading.Thread(target=swap)
    thread.start()
    yield stop
    stop.set()
    thread.join()


def test_a_race_leaks_nothing(broker: Broker, swapping: threading.Event, outside: Path) -> None:
    read = refused = 0
    for _ in range(1500):
        try:
            assert broker.read("d/f") == b"harmless"
            read += 1
        except Refused:
            refused += 1
        try:
            broker.write("t", b"written")
        except Refused:
            refused += 1
    swapping.set()
    assert read > 0
    assert refused > 0
    assert [path.name for path in outside.iterdir()] == ["f"]
    assert (outside / "f").read_bytes() == SECRET
