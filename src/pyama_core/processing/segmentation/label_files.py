"""The method ``labels``: cells that someone, or another program, has drawn already.

`SegmentationParams.labels_path` names a stack ``(T, H, W)`` or one image ``(H, W)`` for all frames
(.npy, .tif), or a folder with one image per frame, in the order of their names (.npy, .tif, .png).
``{fov}`` in it stands for the number of the FOV, ``{fov:03d}`` for three digits of it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import InputError
from pyama_core.processing.segmentation.params import SegmentationParams
from pyama_core.processing.segmentation.types import FrameSegmenter, SegmentedFrame

_TIFF = (".tif", ".tiff")
_IMAGES = (".npy", *_TIFF, ".png")


class LabelFiles:
    """Reads masks (bool) or instances (integers, 0 = background)."""

    def check(self, params: SegmentationParams, fovs: Sequence[int]) -> None:
        """See that there is something for every FOV.

        Raises
        ------
        InputError
            As in `labels_path`.
        """
        for fov in fovs:
            labels_path(params.labels_path, fov)

    def open_fov(self, params: SegmentationParams, fov: int) -> FrameSegmenter:
        """Find the labels of one FOV.

        Raises
        ------
        InputError
            If no path is given, or nothing readable is there.
        """
        path = labels_path(params.labels_path, fov)
        images = _Folder(path) if path.is_dir() else _Stack(path)

        def segment(frame: NDArray[Any], t: int) -> SegmentedFrame:
            return _as_segmented(images.read(t), frame.shape, f"{path}, frame {t}")

        return segment


def labels_path(pattern: str | None, fov: int) -> Path:
    """Fill in the FOV.

    Raises
    ------
    InputError
        If the pattern is empty or no pattern, or nothing is there.
    """
    if not pattern:
        raise InputError(
            "segmentation.labels_path is empty: the method labels needs the file or folder of the "
            "label images, with {fov} for the FOV's number."
        )
    try:
        path = Path(pattern.format(fov=fov)).expanduser()
    except (KeyError, IndexError, ValueError) as error:
        raise InputError(
            f"segmentation.labels_path is {pattern!r}, where {error} is not understood: only "
            "{fov} and forms of it such as {fov:03d} can be filled in."
        ) from error
    if not path.exists():
        raise InputError(f"segmentation.labels_path: there is no {path} for FOV {fov}.")
    return path


class _Stack:
    """One file for all frames."""

    def __init__(self, path: Path) -> None:
        self.images, self.path = read_image(path), path

    def read(self, t: int) -> NDArray[Any]:
        if self.images.ndim == 2:
            return self.images
        if t >= len(self.images):
            raise InputError(f"{self.path} has {len(self.images)} frames: frame {t} is not there.")
        image: NDArray[Any] = self.images[t]
        return image


class _Folder:
    """One file per frame."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = sorted(file for file in path.iterdir() if file.suffix.lower() in _IMAGES)

    def read(self, t: int) -> NDArray[Any]:
        if t >= len(self.files):
            raise InputError(
                f"{self.path} holds {len(self.files)} images ({', '.join(_IMAGES)}): "
                f"none for frame {t}."
            )
        return read_image(self.files[t])


def read_image(path: Path) -> NDArray[Any]:
    """Read a label image or stack; NPY files are mapped, not read.

    Raises
    ------
    InputError
        If the file is none of .npy, .tif and .png, or damaged.
    """
    suffix = path.suffix.lower()
    if suffix not in _IMAGES:
        raise InputError(f"{path} cannot be read as labels: give {', '.join(_IMAGES)} or a folder.")
    try:
        if suffix == ".npy":
            mapped: NDArray[Any] = np.load(path, mmap_mode="r")
            return mapped
        return _read_tiff(path) if suffix in _TIFF else _read_png(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as labels: {error}.") from error


def _read_tiff(path: Path) -> NDArray[Any]:
    import tifffile

    image: NDArray[Any] = tifffile.imread(path)
    return image


def _read_png(path: Path) -> NDArray[Any]:
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image)


def _as_segmented(labels: NDArray[Any], shape: tuple[int, ...], place: str) -> SegmentedFrame:
    if labels.shape != shape:
        raise InputError(f"{place}: the labels have shape {labels.shape}, the image has {shape}.")
    if labels.dtype.kind == "b":
        return SegmentedFrame(np.array(labels))
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() > np.iinfo(np.uint32).max:
        raise InputError(
            f"{place}: labels are {labels.dtype} from {labels.min()} to {labels.max()}; give bool, "
            "or integers from 0 (background)."
        )
    wide = labels.max() > np.iinfo(np.uint16).max
    return SegmentedFrame(labels > 0, labels.astype(np.uint32 if wide else np.uint16))
