"""The bar while the user's documents are indexed."""

from __future__ import annotations

from sale_tui.events import DocumentsRead
from sale_tui.tui.state import AppState, apply
from sale_tui.tui.widgets.top_bar import status


def test_a_bar_shows_how_far_the_documents_are() -> None:
    begun = apply(AppState(), DocumentsRead(folder="/d", done=250, total=1000, finished=False))
    assert "documents ██░░░░░░░░ 250 of 1000 · " in status(begun, full=True).plain
    ended = apply(begun, DocumentsRead(folder="/d", done=1000, total=1000, finished=True, documents=999))
    assert ended.documents is not None
    assert ended.documents.documents == 999
    assert "documents" not in status(ended, full=True).plain
