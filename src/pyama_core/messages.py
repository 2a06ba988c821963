"""What a user should know of a result: one sentence each, with a weight."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

Weight = Literal["info", "warning", "error"]

_HEAVIEST_FIRST: Final[tuple[Weight, ...]] = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Message:
    """One sentence for the user.

    Attributes
    ----------
    text
        The sentence.
    weight
        ``"info"``: how something was done. ``"warning"``: a result that may not be what was
        meant, or numbers that are left out. ``"error"``: something could not be done.
    """

    text: str
    weight: Weight = "info"

    def __str__(self) -> str:
        return self.text


def warnings_of(texts: Iterable[str]) -> list[Message]:
    """Return sentences as warnings."""
    return [Message(text, "warning") for text in texts]


def rank(message: Message) -> int:
    """Return 0 for the heaviest messages, for sorting."""
    return _HEAVIEST_FIRST.index(message.weight)
