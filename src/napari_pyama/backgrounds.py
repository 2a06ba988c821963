"""The background that a run took out: its surfaces, its gain, and how well it fits."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pyama.layers import FilesOf, channel_name
from napari_pyama.lazy import npy_frame
from pyama_core.io import MicroscopyMetadata
from pyama_core.processing.correction import Background, load_background

Frame = NDArray[Any] | None


def background_frame(files: FilesOf, channel: int, fov: int, frame: int) -> Frame:
    """Return the background in counts, ``(H, W)``; None where there is none yet."""
    background = background_of(files, channel, fov)
    if background is not None:
        return background.surface(frame)
    return npy_frame(dict(files(fov).fl_background).get(channel), frame)


def gain_frame(files: FilesOf, channel: int, fov: int) -> Frame:
    """Return the illumination relative to its mean, ``(H, W)``; None where there is none yet."""
    background = background_of(files, channel, fov)
    return None if background is None else background.gain_image()


def background_of(files: FilesOf, channel: int, fov: int) -> Background | None:
    """Read the background of one channel of one FOV; None where there is none yet."""
    path = dict(files(fov).background).get(channel)
    if path is None or not path.exists():
        return None
    return _read(path, path.stat().st_mtime_ns)


def describe_backgrounds(files: FilesOf, metadata: MicroscopyMetadata, fov: int) -> list[str]:
    """Say for each channel of a FOV what was done about its background and how well it fits."""
    lines = []
    for channel, _ in files(fov).background:
        background = background_of(files, channel, fov)
        if background is not None:
            lines.append(f"{channel_name(metadata, channel)}: {_in_words(background)}")
    return lines


def _in_words(background: Background) -> str:
    masked = 100 * float(np.nanmean(background.masked_share))
    parts = [
        f"method {background.method} ({background.reason})",
        f"residual background {background.residual:.2f} counts",
        f"{masked:.0f} % of the pixels masked",
        *background.notes,
    ]
    return "; ".join(parts)


@lru_cache(maxsize=8)
def _read(path: Path, _changed_ns: int) -> Background:
    return load_background(path)
