"""The method ``labels``: cells that someone, or another program, has drawn already.

`SegmentationParams.labels_path` names a stack ``(T, H, W)`` or one image ``(H, W)`` for all frames
(.npy, .tif), or a folder with one image per frame (.npy, .tif, .png), numbered from 0 or from 1 by
the number that differs between their names. ``{fov}`` in it stands for the number of the FOV,
``{fov:03d}`` for three digits of it.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import InputError
from pyama_core.npy import map_npy
from pyama_core.processing.raster.runs import checked_labels
from pyama_core.processing.segmentation.params import SegmentationParams
from pyama_core.processing.segmentation.types import FrameSegmenter, SegmentedFrame

SUFFIXES = (".npy", ".tif", ".tiff", ".png")
"""Kinds of files that label images may be, in lower case."""
_NUMBER = re.compile(r"[0-9]+")
_ONE_EACH = "give each frame one label image, numbered from 0 or from 1."


def label_images(folder: Path) -> list[Path]:
    """List the images in a folder; not the hidden files that systems leave beside them."""
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()
    )


def images_by_frame(
    folder: Path, n_frames: int | None = None, missing: Collection[int] = ()
) -> dict[int, Path]:
    """Find the image of each frame, by the number that differs between the names.

    Parameters
    ----------
    folder
        Holds one image per frame, numbered from 0 or from 1.
    n_frames
        Frames that there are; None where that is not known.
    missing
        Frames that need no image.

    Raises
    ------
    InputError
        The names tell no frame, or their numbers do not fit the frames.
    """
    files = label_images(folder)
    if not files:
        raise InputError(f"{folder} holds no label images ({', '.join(SUFFIXES)}): {_ONE_EACH}")
    _check_one_kind(folder, files)
    columns = list(zip(*map(_numbers, files), strict=True))
    numbered = [column for column in columns if len(set(column)) == len(files)]
    if len(files) == 1 and (n_frames == 1 or not columns):
        numbered = [(0,)]
    if not numbered:
        raise InputError(_several_for_one(folder, files, columns))
    found = [
        {number - start: file for number, file in zip(column, files, strict=True)}
        for column in numbered
        for start in _starts(column, n_frames, missing)
    ]
    if n_frames is None:
        # A time may count up beside the frame, with gaps.
        found = [frames for frames in found if max(frames) == min(map(max, found))]
    if not found:
        raise InputError(_no_fit(folder, numbered[-1], n_frames, missing))
    if any(other != found[0] for other in found):
        raise InputError(
            f"The names in {folder}, such as {files[0].name}, can be numbered in several ways: "
            f"{_ONE_EACH}"
        )
    return found[0]


def _starts(
    numbers: Collection[int], n_frames: int | None, missing: Collection[int]
) -> Iterator[int]:
    """Yield each number, 0 or 1, from which these count the frames."""
    if n_frames is None:
        yield from {0, 1} & {min(numbers)}
        return
    for start in (0, 1):
        frames = {number - start for number in numbers}
        if set(range(n_frames)) - set(missing) <= frames <= set(range(n_frames)):
            yield start


def _check_one_kind(folder: Path, files: list[Path]) -> None:
    """See that the names are alike but for their numbers."""
    kinds = {_NUMBER.sub("0", file.stem.casefold()): file.name for file in files}
    if len(kinds) > 1:
        first, second = list(kinds.values())[:2]
        raise InputError(
            f"{folder} holds images of {len(kinds)} kinds, such as {first} and {second}: leave "
            "only the label images there, with names that differ by the number of the frame."
        )


def _numbers(file: Path) -> list[int]:
    return [int(digits) for digits in _NUMBER.findall(file.stem)]


def _several_for_one(folder: Path, files: list[Path], columns: list[tuple[int, ...]]) -> str:
    """Say that two images have the number that differs most, if any, in common."""
    if not columns:
        both = f"{files[0].name} and {files[1].name}"
        return f"{folder} holds {both}, whose names have no number: {_ONE_EACH}"
    numbers = max(columns, key=lambda column: len(set(column)))
    twice = next(number for number in numbers if numbers.count(number) > 1)
    same = [file.name for file, number in zip(files, numbers, strict=True) if number == twice]
    both = f"{same[0]} and {same[1]}"
    return f"{folder} holds more than one image numbered {twice}, {both}: {_ONE_EACH}"


def _no_fit(
    folder: Path, numbers: Iterable[int], n_frames: int | None, missing: Collection[int]
) -> str:
    """Say how the images are numbered and how many frames there are."""
    counted = sorted(numbers)
    lacking = sorted(set(range(counted[0], counted[-1] + 1)) - set(counted))
    there = f"{folder} holds {len(counted)} label images, numbered {counted[0]} to {counted[-1]}"
    if lacking:
        there += f" without {lacking[0]}"
    if n_frames is None:
        return f"{there}: {_ONE_EACH}"
    without = f", {len(missing)} of them missing in the file" if missing else ""
    return f"{there}, but there are {n_frames} frames{without}: {_ONE_EACH}"


_TIFF = (".tif", ".tiff")
_AXES_OF_AN_IMAGE = 2


class LabelFiles:
    """Reads masks (bool) or instances (integers, 0 = background)."""

    def check(self, params: SegmentationParams, fovs: Sequence[int]) -> None:
        """See that there is something for every FOV, and not the same for two.

        Raises
        ------
        InputError
            As in `labels_path`, or where FOVs would share the images of frames.
        """
        paths = [labels_path(params.labels_path, fov) for fov in fovs]
        shared = len(set(paths)) < len(paths)
        if shared and (paths[0].is_dir() or len(shape_of(paths[0])) > _AXES_OF_AN_IMAGE):
            raise InputError(
                f"segmentation.labels_path is {paths[0]} for each of {len(paths)} FOVs: put "
                "{fov} where the FOV's number stands in the names."
            )

    def check_stack(
        self, params: SegmentationParams, fov: int, n_frames: int, missing: Collection[int]
    ) -> None:
        """See that there is a label image for each frame of a FOV.

        Raises
        ------
        InputError
            As in `images_by_frame`, or a stack has more or fewer images than there are frames.
        """
        path = labels_path(params.labels_path, fov)
        if path.is_dir():
            images_by_frame(path, n_frames, missing)
        else:
            _check_stack(path, n_frames, missing)

    def open_fov(self, params: SegmentationParams, fov: int) -> FrameSegmenter:
        """Find the labels of one FOV.

        Raises
        ------
        InputError
            If no path is given, or nothing readable is there.
        """
        path = labels_path(params.labels_path, fov)
        return _segmenter(path, _Folder(path) if path.is_dir() else _Stack(path))

    def open_stack(
        self, params: SegmentationParams, fov: int, n_frames: int, missing: Collection[int]
    ) -> FrameSegmenter:
        """Find the labels of one FOV whose frames are known.

        Raises
        ------
        InputError
            As in `check_stack`.
        """
        path = labels_path(params.labels_path, fov)
        if path.is_dir():
            return _segmenter(path, _Folder(path, n_frames, missing))
        _check_stack(path, n_frames, missing)
        return _segmenter(path, _Stack(path))


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
        if self.images.ndim == _AXES_OF_AN_IMAGE:
            return self.images
        if t >= len(self.images):
            raise InputError(f"{self.path} has {len(self.images)} frames: frame {t} is not there.")
        image: NDArray[Any] = self.images[t]
        return image


class _Folder:
    """One file per frame."""

    def __init__(
        self, path: Path, n_frames: int | None = None, missing: Collection[int] = ()
    ) -> None:
        self.path, self.images = path, images_by_frame(path, n_frames, missing)

    def read(self, t: int) -> NDArray[Any]:
        if t not in self.images:
            raise InputError(
                f"{self.path} holds label images for frames {min(self.images)} to "
                f"{max(self.images)}: none for frame {t}."
            )
        return read_image(self.images[t])


def _segmenter(path: Path, images: _Folder | _Stack) -> FrameSegmenter:
    def segment(frame: NDArray[Any], t: int) -> SegmentedFrame:
        return _as_segmented(images.read(t), frame.shape, f"{path}, frame {t}")

    return segment


def _check_stack(path: Path, n_frames: int, missing: Collection[int]) -> None:
    """See that one file holds an image for all frames, or as many as there are frames.

    Frames missing at the end, as of a recording that was stopped, may be left out.
    """
    shape = shape_of(path)
    needed = 1 + max(set(range(n_frames)) - set(missing), default=-1)
    if len(shape) > _AXES_OF_AN_IMAGE and shape[0] not in (needed, n_frames):
        raise InputError(
            f"{path} holds {shape[0]} label images, but there are {n_frames} frames: give one "
            "for each frame, or a single one (height, width) for all."
        )


def shape_of(path: Path) -> tuple[int, ...]:
    """Return the shape of a label image or stack without reading its pixels, where that can be.

    Raises
    ------
    InputError
        As in `read_image`.
    """
    if path.suffix.lower() not in _TIFF:
        return read_image(path).shape
    import tifffile

    with _readable(path), tifffile.TiffFile(path) as file:
        return tuple(file.series[0].shape)


def read_image(path: Path) -> NDArray[Any]:
    """Read a label image or stack; NPY files are mapped, not read.

    Raises
    ------
    InputError
        If the file is none of .npy, .tif and .png, or damaged.
    """
    suffix = path.suffix.lower()
    with _readable(path):
        if suffix == ".npy":
            return map_npy(path)
        return _read_tiff(path) if suffix in _TIFF else _read_png(path)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say of a file that cannot be read which one it is, and why."""
    if path.suffix.lower() not in SUFFIXES:
        kinds = ", ".join(SUFFIXES)
        raise InputError(f"{path} cannot be read as labels: give {kinds} or a folder.")
    from tifffile import TiffFileError

    try:
        yield
    except (OSError, ValueError, IndexError, TiffFileError) as error:
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
    labels = checked_labels(labels, place)
    wide = labels.max() > np.iinfo(np.uint16).max
    return SegmentedFrame(labels > 0, labels.astype(np.uint32 if wide else np.uint16))
