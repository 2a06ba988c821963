"""A pixel classifier that a user trained: what each pixel of a frame is, and how sure."""

from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.segmentation.trained import storage
from pyama_core.processing.segmentation.trained.enlarge import enlarged
from pyama_core.processing.segmentation.trained.features import REACH, contrast, image_planes
from pyama_core.processing.segmentation.trained.forest import Forest

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
        storage.save(path, self.classes, self.binning, self.forest)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "PixelClassifier":
        """Read what `save` wrote; nothing in the file can run.

        Raises
        ------
        InputError
            If it is not there, or not such a file: says what is wrong with it.
        """
        return cls(*storage.load(path))


def _strips(height: int) -> Iterator[tuple[int, int, int, int]]:
    """Cut rows into strips: each with the first and last row that its features see."""
    for start in range(0, height, _STRIP):
        stop = min(start + _STRIP, height)
        yield max(start - REACH, 0), start, stop, min(stop + REACH, height)
