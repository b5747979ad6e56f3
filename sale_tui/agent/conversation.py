"""What the winner has been told and has said, and how that is shortened when it no longer fits its context."""

from __future__ import annotations

import msgspec

from sale_tui.ports import Message

KEPT_CHARACTERS = 200
"""Of a tool output that has been shortened."""


class Conversation:
    """The messages of one run, in order."""

    def __init__(self, opening: tuple[Message, ...]) -> None:
        self._messages = list(opening)

    @property
    def messages(self) -> tuple[Message, ...]:
        """All of them, as the next request takes them."""
        return tuple(self._messages)

    def add_turn(self, text: str, token_ids: tuple[int, ...]) -> None:
        """The winner's own turn; by its token ids the model finds it in its cache."""
        self._messages.append(Message(role="assistant", content=text, tokens=token_ids))

    def add_result(self, text: str) -> None:
        """What a tool answers, or why a call was not made."""
        self._messages.append(Message(role="tool", content=text))

    def add_reminder(self, text: str) -> None:
        """A word to the winner where it made no call that could be answered."""
        self._messages.append(Message(role="user", content=text))

    def shorten(self) -> int:
        """Cut the older half of the long tool outputs, the newest one only when it alone is left.

        Returns how many characters went; 0 where nothing is left to cut.
        """
        long = [
            place
            for place, message in enumerate(self._messages)
            if message.role == "tool" and len(message.content) > 2 * KEPT_CHARACTERS
        ]
        return sum(self._cut(place) for place in long[: max(len(long) // 2, 1)])

    def _cut(self, place: int) -> int:
        content = self._messages[place].content
        cut = len(content) - KEPT_CHARACTERS
        shortened = f"{content[:KEPT_CHARACTERS]}\n[... {cut} characters cut: the conversation became too long ...]"
        self._messages[place] = msgspec.structs.replace(self._messages[place], content=shortened)
        return cut
