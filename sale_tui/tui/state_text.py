"""Text that grows piece by piece, as an immutable value that costs the same to extend however long it is."""

from __future__ import annotations


class Streamed:
    """A view onto a shared, append-only list of pieces.

    ``add`` returns a new view; the old one keeps showing what it showed. Only a second ``add`` to the same view,
    which no stream of events makes, has to copy.
    """

    __slots__ = ("_pieces", "_seen", "length")

    def __init__(self, pieces: list[str] | None = None, seen: int = 0, length: int = 0) -> None:
        self._pieces = [] if pieces is None else pieces
        self._seen = seen
        self.length = length
        """Characters."""

    @classmethod
    def of(cls, text: str) -> Streamed:
        """A complete text."""
        return cls([text], 1, len(text)) if text else cls()

    def add(self, piece: str) -> Streamed:
        """The text with a piece more, in constant time."""
        pieces = self._pieces if self._seen == len(self._pieces) else self._pieces[: self._seen]
        pieces.append(piece)
        return Streamed(pieces, self._seen + 1, self.length + len(piece))

    def tail(self, characters: int) -> str:
        """The last ``characters`` of it, in time that depends on them alone."""
        found: list[str] = []
        missing = characters
        for place in range(self._seen - 1, -1, -1):
            if missing <= 0:
                break
            found.append(self._pieces[place])
            missing -= len(self._pieces[place])
        text = "".join(reversed(found))
        return text[max(len(text) - characters, 0) :]

    def __str__(self) -> str:
        return "".join(self._pieces[: self._seen])

    def __bool__(self) -> bool:
        return self.length > 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Streamed):
            return NotImplemented
        if self._pieces is other._pieces and self._seen == other._seen:
            return True
        return self.length == other.length and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return f"Streamed({self.tail(40)!r}, {self.length} characters)"
