"""Open a microscopy file, and read its frames by the names that PyAMA gives to these functions."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import ReadError
from pyama_core.io.types import MicroscopyFile, MicroscopyMetadata


def open_microscopy(path: Path | str, *, read_once: bool = False) -> MicroscopyFile:
    """Open a microscopy file.

    Parameters
    ----------
    path
        A Nikon ND2 file.
    read_once
        Whether no frame is read twice, so that the system need not keep what was read in memory:
        a file of terabytes would push everything else out of it.

    Raises
    ------
    FileNotFoundError
        Nothing is at `path`.
    ReadError
        The file is not one this library reads, is damaged, or holds RGB frames.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"No microscopy file at {path}: check the path.")
    if path.suffix.lower() != ".nd2":
        raise ReadError(f"{path} is not a file this library reads: it reads .nd2 files.")
    from pyama_core.io.nd2.reader import Nd2File

    return Nd2File(path, read_once=read_once)


def load_microscopy_file(file_path: Path | str) -> tuple[MicroscopyFile, MicroscopyMetadata]:
    """Open a microscopy file.

    Parameters
    ----------
    file_path
        A file as `open_microscopy` reads it.

    Returns
    -------
    image : MicroscopyFile
        Open until it is closed; `open_microscopy` closes it at the end of a ``with`` block.
    metadata : MicroscopyMetadata
        What the file says of itself.
    """
    image = open_microscopy(file_path)
    return image, image.metadata


def get_microscopy_frame(image: MicroscopyFile, f: int, c: int, t: int, z: int = 0) -> NDArray[Any]:
    """Read one plane.

    Parameters
    ----------
    image
        The open file.
    f, c, t, z
        FOV, channel, frame and plane, from 0.

    Returns
    -------
    ndarray
        ``(H, W)``, the file's dtype.
    """
    return image.read_frame(f, c, t, z)


def get_microscopy_channel_stack(image: MicroscopyFile, f: int, t: int) -> NDArray[Any]:
    """Read all channels of one frame.

    Returns
    -------
    ndarray
        ``(C, H, W)``, the file's dtype.
    """
    return image.read_channels(f, t, range(image.metadata.n_channels))


def get_microscopy_time_stack(image: MicroscopyFile, f: int, c: int) -> NDArray[Any]:
    """Read all frames of one channel; they have to fit into memory.

    Returns
    -------
    ndarray
        ``(T, H, W)``, the file's dtype.
    """
    metadata = image.metadata
    stack = np.empty((metadata.n_frames, metadata.height, metadata.width), metadata.dtype)
    for t in range(metadata.n_frames):
        stack[t] = image.read_frame(f, c, t)
    return stack
