"""The trace tables of one field of view."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from pyama_core.messages import Message

Table = dict[str, NDArray[Any]]
"""Columns of equal length by name, in the order in which they are written."""


@dataclass(frozen=True)
class Extraction(Mapping[int | None, Table]):
    """One trace table per channel; the only one has the key None where there is no image."""

    tables: dict[int | None, Table]
    messages: list[Message] = field(default_factory=list)
    """What a user should know, one sentence each."""

    def __getitem__(self, channel: int | None) -> Table:
        return self.tables[channel]

    def __iter__(self) -> Iterator[int | None]:
        return iter(self.tables)

    def __len__(self) -> int:
        return len(self.tables)
