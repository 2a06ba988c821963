"""The background of one channel of one FOV over time: what it is, and how it is taken out."""

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.spline import Floats, spline_weights


@dataclass(frozen=True)
class Background:
    """Background surfaces and gain of one channel, kept as a few values per frame."""

    method: str
    """How uneven illumination was evened out: tiles, median_gain or regression_gain."""
    reason: str
    """Why this method was taken."""
    shape: tuple[int, int]
    """Height and width of a frame, px."""
    edges: str
    nodes_y: Floats
    nodes_x: Floats
    """Where the values of surface and gain lie, px."""
    medians: Floats
    """``(T, ny, nx)`` background at the nodes, counts; NaN in missing frames."""
    gain: Floats | None
    """``(ny, nx)`` illumination at the nodes relative to its mean; None where only subtracted."""
    masked_share: Floats
    """``(T,)`` share of a frame's pixels within the margin of a cell."""
    residual: float
    """Median of the corrected image over cell-free pixels and frames, counts."""
    camera_offset: float
    """Camera reading without light, as given or estimated, counts; NaN where unknown."""
    notes: list[str] = field(default_factory=list)

    def surface(self, t: int) -> NDArray[np.float32]:
        """Background of frame `t`, ``(H, W)`` float32, counts."""
        return self._at_pixels(self.medians[t]).astype(np.float32)

    def gain_image(self) -> NDArray[np.float32]:
        """Gain at every pixel, ``(H, W)`` float32, ones where there is none."""
        if self.gain is None:
            return np.ones(self.shape, dtype=np.float32)
        return self._at_pixels(self.gain).astype(np.float32)

    def correct(
        self, frame: NDArray[Any], t: int, out: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Take the background out of a frame: ``(frame - surface(t)) / gain``.

        Parameters
        ----------
        frame
            ``(H, W)`` raw pixels of frame `t`.
        t
            Index of the frame; a missing one gives NaN everywhere.
        out
            ``(H, W)`` float32 to write into; a new array without it.
        """
        if out is None:
            out = np.empty(self.shape, dtype=np.float32)
        np.subtract(frame, self._at_pixels(self.medians[t]), out=out, casting="unsafe")
        if self.gain is not None:
            out /= self.gain_image()
        return out

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything as arrays, for ``np.savez``."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: np.asarray(value) for name, value in values.items() if value is not None}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Read what `arrays` gave, as `np.load` returns it."""
        values: dict[str, Any] = {"gain": None, **{name: arrays[name] for name in arrays}}
        for name in ("method", "reason", "edges"):
            values[name] = str(values[name])
        for name in ("residual", "camera_offset"):
            values[name] = float(values[name])
        values["shape"] = tuple(int(size) for size in values["shape"])
        values["notes"] = [str(note) for note in values["notes"]]
        return cls(**values)

    def _at_pixels(self, values: Floats) -> Floats:
        weights_y, weights_x = self._weights
        return np.asarray(weights_y @ values @ weights_x.T)

    @cached_property
    def _weights(self) -> tuple[Floats, Floats]:
        return (
            spline_weights(self.nodes_y, self._positions(self.nodes_y, self.shape[0])),
            spline_weights(self.nodes_x, self._positions(self.nodes_x, self.shape[1])),
        )

    def _positions(self, nodes: Floats, size: int) -> Floats:
        pixels = np.arange(size, dtype=np.float64)
        return np.clip(pixels, nodes[0], nodes[-1]) if self.edges == "hold" else pixels
