"""How near results come to the truth: one table of figures, each with what it is to reach."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured figure."""

    name: str
    value: float
    reach: str
    """What the figure is to reach, e.g. ``"<= 0.02"``."""
    unit: str = ""
