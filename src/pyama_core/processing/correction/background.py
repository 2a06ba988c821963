"""The background of one channel of one FOV over time: what it is, and how it is taken out."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import InputError, ReadError
from pyama_core.npy import read_npz
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


_LARGEST: Final = 2**30
"""Bytes of all arrays; those of 10 000 frames of 2048 x 2048 take about 50 MB."""
_ADVICE: Final = "remove it, and the next run makes it again"
_FORMS: Final = {
    "method": ("U", 0),
    "reason": ("U", 0),
    "shape": ("iu", 1),
    "hold": ("b", 0),
    "nodes_y": ("f", 1),
    "nodes_x": ("f", 1),
    "surfaces": ("f", 3),
    "gain": ("f", 2),
    "medians": ("f", 3),
    "masked_share": ("f", 1),
    "residual": ("f", 0),
    "camera_offset": ("f", 0),
}
"""Kind of values and number of axes of each array."""
_MOST_PIXELS: Final = 2**32
"""Of a frame; no camera has as many."""

Arrays = Mapping[str, NDArray[Any]]


def load_background(path: Path) -> Background:
    """Read the background that a run took out of one channel of one FOV.

    Raises
    ------
    FileNotFoundError
        Nothing is at `path`.
    ReadError
        It is no such file, or damaged.
    """
    what = "a background of this library"
    arrays = read_npz(path, what=what, most_bytes=_LARGEST, advice=_ADVICE)
    if wrong := next(iter(_faults(arrays)), ""):
        raise ReadError(f"{path} is not {what}, or damaged ({wrong}): {_ADVICE}.")
    return Background.from_arrays(arrays)


def _faults(arrays: Arrays) -> list[str]:
    """Say what keeps the arrays from being a background."""
    known = {item.name for item in fields(Background)}
    gone = sorted(known - {"gain"} - set(arrays))
    more = sorted(set(arrays) - known)
    if gone or more:
        return [f"{name} is missing" for name in gone] + [f"{name} is unknown" for name in more]
    other = [f"{name} has another form" for name in arrays if not _fits(name, arrays[name])]
    return other or _mismatches(arrays)


def _fits(name: str, array: NDArray[Any]) -> bool:
    kinds, ndim = _FORMS.get(name, (array.dtype.kind, array.ndim))
    return array.dtype.kind in kinds and array.ndim == ndim


def _mismatches(arrays: Arrays) -> list[str]:
    """Say which arrays do not go together."""
    nodes = (arrays["nodes_y"], arrays["nodes_x"])
    grid = tuple(len(each) for each in nodes)
    n_frames = len(arrays["surfaces"])
    shape = arrays["shape"]
    gain = arrays.get("gain")
    checks = {
        "shape is not that of a frame": len(shape) == 2
        and bool((shape > 0).all())
        and int(shape[0]) * int(shape[1]) <= _MOST_PIXELS,
        "nodes do not ascend": all(each.size > 0 and _ascend(each) for each in nodes),
        "surfaces do not fit the nodes": arrays["surfaces"].shape[1:] == grid,
        "gain does not fit the nodes": gain is None or gain.shape == grid,
        "medians are not of as many frames": len(arrays["medians"]) == n_frames,
        "masked_share is not of as many frames": len(arrays["masked_share"]) == n_frames,
    }
    return [sentence for sentence, holds in checks.items() if not holds]


def _ascend(nodes: NDArray[Any]) -> bool:
    return bool(np.isfinite(nodes).all() and (np.diff(nodes) > 0).all())
