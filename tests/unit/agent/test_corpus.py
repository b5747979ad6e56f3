from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.agent.tools.corpus import Corpus, format_hits, format_missing, format_page, read_texts
from tests.unit.documents.conftest import write_texts

TEXTS = {
    "Velmar.md": "Velmar is a town.\n\nIt lies on the river Osta.",
    "Osta.md": "Osta is a river. It flows past Velmar.",
    "far/Long.txt": "\n\n".join(f"Paragraph {number} " + "word " * 80 for number in range(30)),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_texts(tmp_path / "corpus", TEXTS)


def test_page_of_a_name_comes_before_pages_that_mention_it(folder: Path) -> None:
    assert format_hits(Corpus(folder).search("Velmar")) == (
        "[Velmar.md] Velmar is a town.\n[Osta.md] Osta is a river. It flows past Velmar."
    )


def test_best_passage_is_shown(folder: Path) -> None:
    assert format_hits(Corpus(folder).search("velmar river", limit=1)) == "[Velmar.md] It lies on the river Osta."


def test_nothing_found(folder: Path) -> None:
    assert format_hits(Corpus(folder).search("Quorl")) == "no results"
    assert format_missing() == "no document of that name; use search"


def test_snippet_is_at_most_120_characters(folder: Path) -> None:
    line = format_hits(Corpus(folder).search("paragraph 3", limit=1))
    assert len(line) <= len("[far/Long.txt] ") + 120


def test_open_gives_the_text(folder: Path) -> None:
    page = Corpus(folder).open("Velmar.md", 1)
    assert page is not None
    assert format_page(page) == "[Velmar.md]\nVelmar is a town.\n\nIt lies on the river Osta."


def test_long_documents_come_in_pages(folder: Path) -> None:
    corpus = Corpus(folder)
    pages = [corpus.open("far/Long.txt", number) for number in range(1, 6)]
    assert pages[0] is not None
    assert pages[0].pages == 5
    assert format_page(pages[0]).startswith("[far/Long.txt] page 1 of 5\nParagraph 0")
    assert " ".join(page.text for page in pages if page).split() == TEXTS["far/Long.txt"].split()
    last = corpus.open("Long", 99)
    assert last is not None
    assert last.page == 5


@pytest.mark.parametrize("name", ["velmar", "VELMAR.MD", " ./Velmar.md ", "long.TXT", "far/long"])
def test_names_are_forgiving(folder: Path, name: str) -> None:
    assert Corpus(folder).open(name) is not None


@pytest.mark.parametrize("name", ["../secret.md", "/etc/passwd", "..", "", "secret", "link", "link.md", ".hidden.md"])
def test_never_leaves_its_folder(folder: Path, name: str) -> None:
    (folder.parent / "secret.md").write_text("secret", encoding="utf-8")
    (folder / "link.md").symlink_to(folder.parent / "secret.md")
    (folder / ".hidden.md").write_text("secret", encoding="utf-8")
    corpus = Corpus(folder)
    assert corpus.open(name) is None
    assert corpus.search("secret") == []


def test_ambiguous_name_opens_nothing() -> None:
    corpus = Corpus({"a/Same.md": "one", "b/Same.md": "two"})
    assert corpus.open("Same") is None
    assert corpus.open("a/Same") is not None


CORPUS = Corpus(TEXTS)


@given(st.text(max_size=60))
def test_no_query_and_no_name_raises(text: str) -> None:
    assert len(CORPUS.search(text)) <= 5
    CORPUS.open(text)


@pytest.mark.parametrize("query", ['"', "a AND", "NEAR(", "title:x", "velmar*", "x OR OR", "(", "^a -x", "'; DROP"])
def test_query_syntax_is_only_words(query: str) -> None:
    assert all(hit.document in TEXTS for hit in CORPUS.search(query))


def test_files_that_cannot_be_read_are_left_out_and_counted(folder: Path) -> None:
    whole = len(Corpus(folder))
    (folder / os.fsdecode(b"caf\xe9.md")).write_text("nobody can name me")
    corpus = Corpus(folder)
    assert (len(corpus), corpus.skipped) == (whole, 1)
    assert corpus.search("nobody") == []
    # A file that is there but gives an error when it is read, to root as well.
    process = Path("/proc/self").resolve()
    texts, skipped = read_texts(process, [process / "status", process / "mem"])
    assert (list(texts), skipped) == (["status"], 1)


def test_heading_is_the_title_and_stays_with_its_text() -> None:
    corpus = Corpus({"x.md": "# The Title\n\nFirst words.\n\n## Part\n\nSecond words."})
    assert corpus.search("second")[0].passage == "## Part Second words."
    assert corpus.search("title")[0].title == "The Title"


def test_documents_with_all_words_hide_those_with_some() -> None:
    corpus = Corpus({"Ona Guild.md": "Led by Bo.", "Ubi Guild.md": "Led by Ko.", "Ona.md": "A town."})
    assert [hit.document for hit in corpus.search("Ona Guild")] == ["Ona Guild.md"]
    assert {hit.document for hit in corpus.search("Ona Mill")} == {"Ona Guild.md", "Ona.md"}
