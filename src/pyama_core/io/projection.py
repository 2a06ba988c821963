"""From a z stack to the one plane that is analyzed."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import InputError
from pyama_core.io.microscopy import MicroscopyFile, MicroscopyMetadata

ZRule: TypeAlias = int | Literal["middle", "max", "mean"]
"""A plane by index, the middle one, or the maximum or mean over all planes."""


def read_projected(
    source: MicroscopyFile, fov: int, frame: int, channels: Sequence[int], z_rule: ZRule
) -> NDArray[Any]:
    """Read channels of one frame as one plane each, ``(len(channels), H, W)``.

    Parameters
    ----------
    z_rule
        ``"middle"`` is plane ``n_z // 2``. ``"mean"`` is rounded to the source's dtype where
        that is an integer one.

    Raises
    ------
    InputError
        The rule is unknown or names a plane that the source does not have.
    """
    planes = _planes(source.metadata, z_rule)
    first = source.read_channels(fov, frame, channels, planes[0])
    if len(planes) == 1:
        return first
    rest = (source.read_channels(fov, frame, channels, z) for z in planes[1:])
    if z_rule == "max":
        for plane in rest:
            np.maximum(first, plane, out=first)
        return first
    total = first.astype(np.float64)
    for plane in rest:
        total += plane
    mean = total / len(planes)
    return (np.rint(mean) if first.dtype.kind in "iu" else mean).astype(first.dtype)


def z_warning(metadata: MicroscopyMetadata, z_rule: ZRule) -> str | None:
    """Say which plane is taken where nobody chose one of several; None where there is no doubt."""
    if z_rule != "middle" or metadata.n_z == 1:
        return None
    return (
        f"Of the {metadata.n_z} z planes the middle one, {metadata.n_z // 2}, is used; "
        "choose with copy.z: an index, max or mean."
    )


def _planes(metadata: MicroscopyMetadata, z_rule: ZRule) -> Sequence[int]:
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
