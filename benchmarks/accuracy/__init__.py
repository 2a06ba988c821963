"""How near results come to the truth: one table of figures, each with what it is to reach."""

from collections.abc import Iterable
from dataclasses import dataclass

from pyama_core.processing.parameters import Section

_HEAD = "| figure | value | to reach |\n|---|---|---|"


@dataclass(frozen=True)
class Figure:
    """One measured figure."""

    name: str
    value: float
    reach: str
    """What the figure is to reach, e.g. ``"<= 0.02"``."""
    unit: str = ""

    def row(self) -> str:
        """Give its row of a Markdown table."""
        return f"| {self.name} | {f'{self.value:.3g} {self.unit}'.strip()} | {self.reach} |"


def table(figures: Iterable[Figure]) -> str:
    """Give figures as a Markdown table."""
    return "\n".join([_HEAD, *(figure.row() for figure in figures)])


def named(params: Section) -> str:
    """Name the parameters that were chosen; all others are the defaults."""
    chosen = params.model_dump(exclude_defaults=True)
    return ", ".join(f"{name}={value}" for name, value in chosen.items())
