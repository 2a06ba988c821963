"""The background of one channel of one FOV over time: what it is, and how it is taken out."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import InputError
from pyama_core.processing.correction.spline import (
    LEAST_GAIN,
    Floats,
    Image,
    SplineAxis,
    SplineSurface,
)
from pyama_core.processing.stack import read_only


@dataclass(frozen=True)
class Background:
    """Background surfaces and gain of one channel, kept as a few values per frame."""

    method: str
    """How uneven illumination is evened out: ``tiles``, ``median_gain`` or ``regression_gain``."""
    reason: str
    """Why this method was taken."""
    shape: tuple[int, int]
    """Height and width of a frame, px."""
    hold: bool
    """Whether surfaces stay level beyond their outermost nodes."""
    nodes_y: Floats
    nodes_x: Floats
    """Where the values of surfaces and gain lie, px."""
    surfaces: Floats
    """``(T, len(nodes_y), len(nodes_x))`` background at the nodes, counts; NaN if missing."""
    gain: Floats | None
    """``(len(nodes_y), len(nodes_x))`` relative illumination; None where only subtracted."""
    medians: Floats
    """``(T, ny, nx)`` tile medians as measured, counts; NaN where all is cells or missing."""
    masked_share: Floats
    """``(T,)`` share of a frame's pixels on a cell or within its margin; NaN if missing."""
    residual: float
    """Median corrected value of cell-free pixels over all frames (a sample of them), counts."""
    camera_offset: float
    """What the camera reads without light, given or estimated, counts; NaN where unknown."""
    notes: list[str]
    """What a user should know, one sentence each."""

    @cached_property
    def spline(self) -> SplineSurface:
        """Evaluates values at the nodes anywhere in the frame."""
        return SplineSurface(
            SplineAxis(self.nodes_y, self.shape[0], self.hold),
            SplineAxis(self.nodes_x, self.shape[1], self.hold),
        )

    def surface(self, t: int) -> Image:
        """Background of frame `t`, ``(H, W)`` float32, counts."""
        return self.spline.at_pixels(self.surfaces[t])

    def gain_image(self) -> Image:
        """Illumination relative to its mean, ``(H, W)`` float32; ones if only subtracted."""
        if self.gain is None:
            return np.ones(self.shape, dtype=np.float32)
        gain = self.spline.at_pixels(self.gain)
        return np.maximum(gain, LEAST_GAIN, out=gain)

    def correct(self, frame: NDArray[Any], t: int, out: Image | None = None) -> Image:
        """Take the background out of a frame: ``(frame - surface) / gain``.

        Parameters
        ----------
        frame
            ``(H, W)`` raw pixels of frame `t`.
        t
            Index of the frame; a missing one gives NaN everywhere.
        out
            ``(H, W)`` float32, C-contiguous, to write into; a new array without it.

        Raises
        ------
        InputError
            The frame has another shape than the background.
        """
        if frame.shape != self.shape:
            raise InputError(
                f"The frame has {frame.shape} pixels, its background {self.shape}: "
                "correct frames of the channel the background was estimated from."
            )
        corrected = np.empty(self.shape, dtype=np.float32) if out is None else out
        if np.isnan(self.surfaces[t]).any():
            corrected[:] = np.nan
        else:
            self.spline.correct(read_only(frame), self.surfaces[t], self._gain_pieces, corrected)
        return corrected

    def arrays(self) -> dict[str, Any]:
        """Everything as arrays, for ``np.savez``."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: np.asarray(value) for name, value in values.items() if value is not None}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the background that `arrays` gave; see `storage` for what comes from a file."""
        values: dict[str, Any] = {"gain": None, **arrays}
        for name in ("method", "reason", "hold", "residual", "camera_offset"):
            values[name] = values[name].item()
        values["shape"] = tuple(values["shape"].tolist())
        values["notes"] = values["notes"].tolist()
        return cls(**values)

    @cached_property
    def _gain_pieces(self) -> Image:
        even = np.ones_like(self.surfaces[0])
        return self.spline.pieces(even if self.gain is None else self.gain)
