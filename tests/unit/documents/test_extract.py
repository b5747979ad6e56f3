"""HTML and PDF become text in the real sandbox."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
import pytest

from sale_tui.documents.extract import (
    CARRIED,
    SandboxExtractor,
    can_be_shown,
    copy_libraries,
    installed_libraries,
    lay_out,
)
from sale_tui.errors import NoSandbox
from sale_tui.sandbox.bubblewrap import BubblewrapSandbox
from sale_tui.sandbox.none import NoneSandbox
from sale_tui.sandbox.owner import workspace_base
from sale_tui.sources import RawFile
from tests.unit.documents.conftest import until

pytestmark = pytest.mark.sandbox

PAGE = b"""<!doctype html><html><head><title>Kettles &amp; more</title>
<script>document.write("scripted")</script></head>
<body><nav><a href="/home">Home</a></nav><article><h1>Kettles</h1>
<p>A kettle heats <a href="water.html">water</a> until it boils, which takes about three minutes in most homes.</p>
<p>It is <a href="https://other.example/x">described elsewhere</a>, and again <a href="/a/water.html">here</a>.</p>
<table><tr><th>Litres</th><th>Minutes</th></tr><tr><td>1</td><td>3</td></tr></table></article></body></html>"""


def pdf(text: str) -> bytes:
    """A PDF of one page, written by hand."""
    stream = f"BT /F1 24 Tf 72 700 Td ({text}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    body = b"%PDF-1.4\n"
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    tail = b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(body)
    return body + b"xref\n0 6\n0000000000 65535 f \n" + table + tail


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Path]:
    root = workspace_base(tmp_path)
    root.mkdir(exist_ok=True, mode=0o700)
    folder = Path(tempfile.mkdtemp(prefix="extract-", dir=root))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def extractor(base: Path) -> SandboxExtractor:
    return SandboxExtractor(BubblewrapSandbox(base), base)


async def test_pages_and_pdfs_become_text(extractor: SandboxExtractor, base: Path) -> None:
    bomb = b"<html><body>" + b"<table><tr><td>" * 60_000 + b"</body></html>"
    files = [
        RawFile(kind="html", content=PAGE, url="https://kettles.example/a/b.html"),
        RawFile(kind="html", content=PAGE),
        RawFile(kind="pdf", content=pdf("Boiling takes three minutes")),
        RawFile(kind="pdf", content=b"%PDF-1.4 nonsense"),
        RawFile(kind="html", content=b"x" * (2 * 1024 * 1024 + 1)),
        RawFile(kind="html", content=b""),
        RawFile(kind="html", content=bomb),
        RawFile(kind="html", content=b"<p>short</p>"),
    ]
    web, own, paper, nonsense, large, empty, deep, short = await extractor.extract(files)
    assert web.title == "Kettles & more"
    assert "water [1]" in web.text
    assert web.links[:2] == ("https://kettles.example/a/water.html", "https://other.example/x")
    assert web.text.count("[1]") == 2
    assert "scripted" not in web.text
    assert "Litres" in own.text
    assert (own.links, "[1]" in own.text, "](" in own.text) == ((), False, False)
    assert (paper.text, paper.problem) == ("Boiling takes three minutes", "")
    assert nonsense.problem.startswith("PdfiumError")
    assert large.problem == "it has more than 2097152 bytes"
    assert empty.problem
    assert short.text.strip() == "short"
    assert deep.text or deep.problem
    assert list(base.glob("read-*")) == []


async def test_no_sandbox_no_text(base: Path) -> None:
    with pytest.raises(NoSandbox):
        await SandboxExtractor(NoneSandbox("none here", ""), base).extract([RawFile(kind="html", content=PAGE)])


async def test_cancelling_leaves_nothing(extractor: SandboxExtractor, base: Path) -> None:
    task = asyncio.create_task(extractor.extract([RawFile(kind="html", content=PAGE)] * 40))
    await until(lambda: bool(list(base.glob("read-*"))))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(base.glob("read-*")) == []


def test_the_pdf_of_these_tests_is_one() -> None:
    assert len(pypdfium2.PdfDocument(pdf("x"))) == 1


async def test_libraries_are_carried_where_they_cannot_be_shown(base: Path, tmp_path: Path) -> None:
    copy_libraries(installed_libraries(), tmp_path)
    assert (tmp_path / "trafilatura").is_dir()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("trafilatura-")]
    assert not can_be_shown(Path("/tmp/libraries"))
    assert not can_be_shown(Path("/"))
    assert can_be_shown(Path("/usr/lib"))
    lay_out(base, {0: RawFile(kind="html", content=PAGE)}, carried=True)
    assert (base / CARRIED / "lxml").is_dir()
