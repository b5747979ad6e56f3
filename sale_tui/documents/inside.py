"""Runs inside the sandbox: makes text of HTML and PDF files, each in a process of its own that may take 5 s.

Reads ``/workspace/NUMBER.html`` and ``.pdf``, writes ``NUMBER.json``. Imports nothing of sale-tui: it is not there.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urljoin

SECONDS = 5
MEMORY = 384 * 1024 * 1024
MOST_CHARACTERS = 4_000_000
MOST_PAGES = 3000
MOST_LINKS = 500
LINK = re.compile(r"(!?)\[([^\[\]]{0,300})\]\(([^()\s]{1,2000})\)")
TITLE_CHARACTERS = 300


def main(folder: Path) -> None:
    """Every file of the folder, in order."""
    from trafilatura import extract, html2txt  # before the forks, which all use it

    urls = json.loads((folder / "urls.json").read_text("utf-8"))
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        if path.suffix == ".html":
            apart(path, partial(read_html, url=urls.get(path.stem, ""), extract=extract, plain=html2txt))
        elif path.suffix == ".pdf":
            apart(path, read_pdf)


def apart(path: Path, read: Callable[[bytes], dict[str, object]]) -> None:
    """Read one file in a child that the kernel ends when its time is over; what went wrong is written for it."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        try:
            write(path, read(path.read_bytes()))
        except MemoryError:
            write(path, {"problem": "it takes too much memory to read"})
        except Exception as error:  # noqa: BLE001 - the child's only word
            write(path, {"problem": f"{type(error).__name__}: {error}"[:200]})
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        late = os.WTERMSIG(status) == signal.SIGALRM
        write(path, {"problem": f"it takes more than {SECONDS} s to read" if late else "it breaks what reads it"})


def write(path: Path, found: dict[str, object]) -> None:
    """The result, whole or not at all."""
    half = path.with_suffix(".half")
    half.write_text(json.dumps(found), encoding="utf-8")
    half.rename(path.with_suffix(".json"))


def read_html(
    content: bytes, url: str, extract: Callable[..., str | None], plain: Callable[..., str]
) -> dict[str, object]:
    """Main text as Markdown; links are numbered where the page's own address is known."""
    from lxml import html

    tree = html.fromstring(content)
    title = " ".join((tree.findtext(".//title") or "").split())[:TITLE_CHARACTERS]
    if url:
        tree.make_links_absolute(url, handle_failures="ignore")
    text = extract(
        tree, url=url or None, output_format="markdown", include_links=bool(url), include_comments=False,
        include_tables=True, favor_recall=True, with_metadata=False,
    )  # fmt: skip
    # A page of a few words has no main text.
    text = (text or plain(content) or "")[:MOST_CHARACTERS]
    if not text.strip():
        return {"problem": "it holds no text", "title": title}
    links: list[str] = []
    return {"text": number_links(text, url, links) if url else text, "title": title, "links": links}


def number_links(text: str, url: str, links: list[str]) -> str:
    """``[words](address)`` becomes ``words [3]``; the addresses are collected, each once."""

    def numbered(match: re.Match[str]) -> str:
        image, words, target = match.groups()
        try:
            address = urljoin(url, target)
        except ValueError:
            return words
        if image or not address.startswith(("http://", "https://")):
            return words
        if address not in links:
            if len(links) >= MOST_LINKS:
                return words
            links.append(address)
        return f"{words} [{links.index(address) + 1}]"

    return LINK.sub(numbered, text)


def read_pdf(content: bytes) -> dict[str, object]:
    """The text of its pages."""
    import pypdfium2

    document = pypdfium2.PdfDocument(content)
    pages, length = [], 0
    for number in range(min(len(document), MOST_PAGES)):
        page = document[number]
        text = page.get_textpage().get_text_bounded().replace("\r\n", "\n").replace("\x02", "").strip()
        pages.append(text)
        length += len(text)
        if length > MOST_CHARACTERS:
            break
    text = "\n\n".join(filter(None, pages))[:MOST_CHARACTERS]
    title = " ".join((document.get_metadata_dict().get("Title") or "").split())[:TITLE_CHARACTERS]
    if not text:
        return {"problem": "it holds no text: a scan?", "title": title}
    return {"text": text, "title": title}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
