"""A pixel classifier that a user trained: what each pixel of a frame is, and how sure."""

from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import InputError
from pyama_core.npy import read_npz
from pyama_core.processing.segmentation.trained.features import (
    REACH,
    contrast,
    enlarged,
    image_planes,
)
from pyama_core.processing.segmentation.trained.forest import Forest

FORMAT = 2
"""Raised whenever the features, or the way they are asked, change."""
_LARGEST = 2**29
_HEADER = ("format", "classes", "binning")
_ALLOWED_CLASSES = ((1, 2), (1, 2, 3))
_ADVICE = "train a classifier and save it there"
Contents = tuple[tuple[int, ...], int, Forest]
Arrays = dict[str, NDArray[Any]]


def save(path: str | PathLike[str], classes: tuple[int, ...], binning: int, forest: Forest) -> None:
    """Write a classifier; the file appears whole or not at all."""
    header = zip(_HEADER, (FORMAT, classes, binning), strict=True)
    arrays: dict[str, Any] = {name: np.array(value) for name, value in header} | vars(forest)
    target = Path(path)
    partial = target.with_name(f".{target.name}.partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, **arrays)
    partial.replace(target)


def load(path: str | PathLike[str]) -> Contents:
    """Read a classifier and check all of it.

    Raises
    ------
    InputError
        If the file is absent, or is not such a file: says what is wrong.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"There is no pixel classifier {path}: {_ADVICE}.")
    arrays = read_npz(path, what="a saved pixel classifier", most_bytes=_LARGEST, advice=_ADVICE)
    try:
        return _contents(arrays)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _contents(arrays: Arrays) -> Contents:
    version = _integer(arrays, "format")
    _require(version == FORMAT, f"format {version} is not {FORMAT}, which this version reads")
    binning = _integer(arrays, "binning")
    classes = tuple(arrays["classes"].tolist()) if "classes" in arrays else ()
    _require(classes in _ALLOWED_CLASSES, f"classes {classes} are none of {_ALLOWED_CLASSES}")
    _require(1 <= binning <= 16, f"binning {binning} is not in 1 to 16")
    names = tuple(Forest.__dataclass_fields__)
    differing = set(arrays) ^ {*_HEADER, *names}
    _require(not differing, f"arrays differ: {sorted(differing)[:4]}")
    forest = Forest(*(arrays[name] for name in names))
    forest.check(image_planes(contrast(np.ones((8, 8)), 1), 1).size, len(classes))
    return classes, binning, forest


def _integer(arrays: Arrays, name: str) -> int:
    array = arrays.get(name, np.array(0.0))
    _require(array.shape == () and array.dtype.kind in "iu", f"{name} is missing or no integer")
    return int(array)


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise InputError(f"it is not a usable pixel classifier: {otherwise}; train it again.")


_STRIP = 512


@dataclass(frozen=True)
class PixelClassifier:
    """A forest that tells background, cell and border apart.

    Attributes
    ----------
    classes
        What it tells apart, ascending: 1 = background, 2 = cell, and 3 = border if it was trained
        on any.
    binning
        Edge of the blocks of pixels that are averaged before anything else.
    forest
        What it asks about the features of each block.
    """

    classes: tuple[int, ...]
    binning: int
    forest: Forest

    def probabilities(self, frame: NDArray[Any]) -> NDArray[np.float32]:
        """Find the probability of each class in each pixel.

        Parameters
        ----------
        frame
            ``(H, W)``, any real dtype.

        Returns
        -------
        ndarray
            ``(classes, H, W)`` float32, adding up to 1.
        """
        coarse = self.binned_probabilities(frame)
        return np.stack([enlarged(plane, self.binning, frame.shape) for plane in coarse])

    def binned_probabilities(self, frame: NDArray[Any]) -> NDArray[np.float32]:
        """Find the probabilities per block of `binning` pixels, ``(classes, h, w)``.

        Strip by strip, so that memory does not grow with the height of the frame.
        """
        image, parts = contrast(frame, self.binning), []
        for above, start, stop, below in _strips(image.shape[0] // self.binning):
            strip = image[above * self.binning : below * self.binning]
            found = self.forest.probabilities(image_planes(strip, self.binning))
            parts.append(found[:, start - above : stop - above])
        return np.concatenate(parts, axis=1)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the classifier to one file of plain arrays, ``.npz``; see `storage`."""
        save(path, self.classes, self.binning, self.forest)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "PixelClassifier":
        """Read what `save` wrote; nothing in the file can run.

        Raises
        ------
        InputError
            If it is not there, or not such a file: says what is wrong with it.
        """
        return cls(*load(path))


def _strips(height: int) -> Iterator[tuple[int, int, int, int]]:
    """Cut rows into strips: each with the first and last row that its features see."""
    for start in range(0, height, _STRIP):
        stop = min(start + _STRIP, height)
        yield max(start - REACH, 0), start, stop, min(stop + REACH, height)
