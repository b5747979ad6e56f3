"""The indexing of the user's documents, told as events."""

from __future__ import annotations

from sale_tui.events import DocumentsRead, Notice
from sale_tui.sources import Documents
from sale_tui.streams import Emit, in_words

STEPS = 20
"""At most so many events tell how far it is."""


async def tell_reading(documents: Documents, emit: Emit) -> None:
    """Bring the index up to date, beside all else; a folder that cannot be read is a notice and no more."""
    told = 0.0
    try:
        async for each in documents.progress():
            share = each.done / max(each.total, 1)
            if each.finished or (share - told) * STEPS >= 1:
                told = share
                emit(
                    DocumentsRead(
                        folder=each.folder,
                        done=each.done,
                        total=each.total,
                        finished=each.finished,
                        documents=each.documents,
                        left_out=each.left_out,
                        left_out_count=each.left_out_count,
                    )
                )
    except Exception as fault:  # noqa: BLE001 - a search will say the same to the model
        emit(Notice(text=f"The documents cannot be indexed: {in_words(fault)}"))
