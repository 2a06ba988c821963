"""From a z stack to the one plane that is analyzed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import InputError
from pyama_core.io.types import MicroscopyFile, MicroscopyMetadata
from pyama_core.planes import is_recorded, nothing_recorded

ZRule: TypeAlias = int | Literal["middle", "max", "mean"]
"""A plane by index, the middle one, or the maximum or mean over all planes."""


@dataclass(frozen=True)
class Projected:
    """Channels of one frame as one plane each.

    Attributes
    ----------
    planes
        ``(len(channels), H, W)``; without data (see `pyama_core.planes`) where none of the z
        planes that the rule names was recorded.
    n_recorded
        How many of these z planes were recorded, by channel.
    """

    planes: NDArray[Any]
    n_recorded: NDArray[np.int64]


def read_projected(
    source: MicroscopyFile, fov: int, frame: int, channels: Sequence[int], z_rule: ZRule
) -> NDArray[Any]:
    """Read channels of one frame as one plane each, ``(len(channels), H, W)``.

    Parameters
    ----------
    z_rule
        ``"middle"`` is plane ``n_z // 2``. ``"max"`` and ``"mean"`` are over the planes that were
        recorded; ``"mean"`` is rounded to the source's dtype where that is an integer one.

    Raises
    ------
    InputError
        The rule is unknown or names a plane that the source does not have.
    """
    return project(source, fov, frame, channels, z_rule).planes


def project(
    source: MicroscopyFile, fov: int, frame: int, channels: Sequence[int], z_rule: ZRule
) -> Projected:
    """Read as `read_projected`, and say from how many planes each one comes."""
    planes = planes_of(source.metadata, z_rule)
    stack = (source.read_channels(fov, frame, channels, z) for z in planes)
    if len(planes) == 1:
        only = next(stack)
        return Projected(only, np.array([is_recorded(plane) for plane in only], np.int64))
    return _reduced(stack, len(channels), mean=z_rule == "mean")


def _reduced(stack: Iterable[NDArray[Any]], n_channels: int, mean: bool) -> Projected:
    """Reduce those planes of each channel that were recorded to their mean or maximum."""
    reduced: list[NDArray[Any] | None] = [None] * n_channels
    n_recorded = np.zeros(n_channels, np.int64)
    for planes in stack:
        for c, plane in enumerate(planes):
            if is_recorded(plane):
                reduced[c] = _joined(reduced[c], plane, mean)
                n_recorded[c] += 1
    projected = nothing_recorded(planes.shape, planes.dtype)
    for c, joined in enumerate(reduced):
        if joined is not None:
            projected[c] = _rounded(joined / n_recorded[c], planes.dtype) if mean else joined
    return Projected(projected, n_recorded)


def _joined(before: NDArray[Any] | None, plane: NDArray[Any], mean: bool) -> NDArray[Any]:
    if before is None:
        return plane.astype(np.float64) if mean else plane
    joined: NDArray[Any] = (np.add if mean else np.maximum)(before, plane, out=before)
    return joined


def _rounded(values: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[np.float64]:
    return values if dtype.kind == "f" else np.rint(values)


def z_warning(metadata: MicroscopyMetadata, z_rule: ZRule) -> str | None:
    """Say which plane is taken where nobody chose one of several; None where there is no doubt."""
    if z_rule != "middle" or metadata.n_z == 1:
        return None
    return (
        f"Of the {metadata.n_z} z planes the middle one, {metadata.n_z // 2}, is used; "
        "choose with copy.z: an index, max or mean."
    )


def planes_of(metadata: MicroscopyMetadata, z_rule: ZRule) -> Sequence[int]:
    """Return the indices of the z planes that a rule names.

    Raises
    ------
    InputError
        The rule is unknown or names a plane that the source does not have.
    """
    n_z = metadata.n_z
    if z_rule in ("max", "mean"):
        return range(n_z)
    if z_rule == "middle":
        return [n_z // 2]
    if isinstance(z_rule, int) and 0 <= z_rule < n_z:
        return [z_rule]
    raise InputError(
        f"z is {z_rule!r}: {metadata.file_path.name} has planes 0 to {n_z - 1}; "
        "give one of them, or middle, max or mean."
    )
