"""What a feature is: a name, its unit and definition, and how it is computed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from pyama_core.processing.extraction.regions import Regions
from pyama_core.processing.extraction.signal import Signal

ShapeFunction = Callable[[Regions], NDArray[Any]]
SignalFunction = Callable[[Signal], NDArray[Any]]


@dataclass(frozen=True)
class Feature:
    """Something measured of every cell in every frame.

    A package offers its own under the entry-point group ``pyama_core.features``.
    """

    name: str
    """What recipes call it, and the column it fills."""
    kind: Literal["shape", "intensity"]
    """Whether it needs only the cell's pixels, or what an image shows there."""
    unit: str
    help: str
    """One sentence a biologist understands."""
    formula: str
    compute: ShapeFunction | SignalFunction
    """From the `Regions` (shape) or the `Signal` (intensity) of a frame to ``(n_cells,)``, or
    ``(n_cells, n_columns)`` where there are several columns."""
    columns: tuple[str, ...] = ()
    """Names of its columns where they are not just its own name."""

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns it fills."""
        return self.columns or (self.name,)
