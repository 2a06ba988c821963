"""Training a pixel classifier from brush strokes, with scikit-learn (extra ``training``).

The forest is of extremely randomized trees (Geurts, Ernst & Wehenkel 2006, "Extremely randomized
trees"), each kind of stroke weighing the same however much of it is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import InputError
from pyama_core.processing.segmentation.trained.classifier import PixelClassifier
from pyama_core.processing.segmentation.trained.features import Planes, contrast, image_planes
from pyama_core.processing.segmentation.trained.forest import Forest, rows_at
from pyama_core.processing.stack import Tick, no_tick

if TYPE_CHECKING:
    from sklearn.tree import ExtraTreeClassifier

Strokes = NDArray[np.uint8]
BACKGROUND, CELL, BORDER = 1, 2, 3
_NAMES = {BACKGROUND: "background", CELL: "cell", BORDER: "border"}


def check_strokes(
    frames: Sequence[NDArray[Any]], strokes: Sequence[NDArray[Any]], fewest: int
) -> None:
    """Make sure that a classifier can be trained on these.

    Raises
    ------
    InputError
        If not: says what to do.
    """
    if not frames or len(frames) != len(strokes):
        raise InputError(
            f"There are {len(frames)} frames and {len(strokes)} stroke images to train on; "
            "give one stroke image for each of one or more frames."
        )
    for number, (frame, drawn) in enumerate(zip(frames, strokes, strict=True)):
        _check_pair(number, frame, drawn)
    counts = np.sum([np.bincount(d.ravel(), minlength=BORDER + 1) for d in strokes], axis=0)
    for kind, name in _NAMES.items():
        if counts[kind] < fewest and (kind != BORDER or counts[kind]):
            raise InputError(
                f"{counts[kind]} pixels are drawn as {name} ({kind}); draw at least {fewest}."
            )


def _check_pair(number: int, frame: NDArray[Any], drawn: NDArray[Any]) -> None:
    if frame.ndim != 2 or min(frame.shape) < 16 or drawn.shape != frame.shape:
        raise InputError(
            f"Frame {number} to train on has shape {frame.shape}, its strokes {drawn.shape}; "
            "give both as the same (height, width), each at least 16."
        )
    if drawn.dtype.kind not in "iu" or drawn.min() < 0 or drawn.max() > BORDER:
        raise InputError(
            f"The strokes on frame {number} hold {drawn.dtype} up to {drawn.max()}; give whole "
            "numbers: 0 = not drawn on, 1 = background, 2 = cell, 3 = border."
        )


def binned_strokes(strokes: NDArray[Any], binning: int) -> Strokes:
    """Give each block the highest kind drawn in it: a thin border prevails over what it parts.

    The size is extended to whole coarse blocks, as `features.contrast` extends the frame.
    """
    padding = [(0, -size % (2 * binning)) for size in strokes.shape]
    padded = np.pad(strokes, padding)
    height, width = padded.shape
    blocks = padded.reshape(height // binning, binning, width // binning, binning)
    highest: Strokes = blocks.max(axis=(1, 3)).astype(np.uint8)
    return highest


Rows = NDArray[np.float32]
Kinds = NDArray[np.uint8]


@dataclass(frozen=True)
class TrainingOptions:
    """How a classifier is trained.

    Attributes
    ----------
    binning
        Edge of the blocks of pixels that are averaged before anything else: 2 suits cells of 30 px
        and more, 1 small ones.
    trees
        Trees of the forest.
    min_leaf
        Fewest blocks drawn on in a leaf of a tree.
    seed
        The same seed, frames and strokes give the same classifier.
    """

    binning: int = 2
    trees: int = 40
    min_leaf: int = 10
    seed: int = 0


def train_classifier(
    frames: Sequence[NDArray[Any]],
    strokes: Sequence[Strokes],
    options: TrainingOptions | None = None,
    *,
    tick: Tick = no_tick,
) -> PixelClassifier:
    """Learn from brush strokes what is a cell.

    Parameters
    ----------
    frames
        Each ``(H, W)``, any real dtype.
    strokes
        For each frame ``(H, W)`` uint8: 0 = not drawn on, 1 = background, 2 = cell and, where it
        is drawn at all, 3 = border of a cell. A few thin strokes of each, some of them close to
        outlines, teach more than thick ones.
    options
        How it is trained; the defaults where None.
    tick
        Called before each tree is grown, with its number; may raise to cancel.

    Raises
    ------
    InputError
        If frames and strokes do not go together, a kind of stroke is missing or hardly drawn, or
        scikit-learn is not installed.
    """
    options = options or TrainingOptions()
    check_strokes(frames, strokes, options.min_leaf * options.binning**2)
    images = [contrast(frame, options.binning) for frame in frames]
    planes = [image_planes(image, options.binning) for image in images]
    drawn = [binned_strokes(array, options.binning) for array in strokes]
    kinds = np.concatenate([array[array > 0] for array in drawn])
    forest = grow(_rows(planes, drawn), kinds, options, tick)
    return PixelClassifier(tuple(np.unique(kinds).tolist()), options.binning, forest)


def grow(rows: Rows, kinds: Kinds, options: TrainingOptions, tick: Tick = no_tick) -> Forest:
    """Train tree after tree and take them out of scikit-learn."""
    trees = []
    for number, tree in enumerate(_sklearn_trees(options)):
        tick("tree", number)
        trees.append(tree.fit(rows, kinds).tree_)
    return as_arrays(trees)


def as_arrays(trees: Sequence[Any]) -> Forest:
    """Put scikit-learn's trees one after the other."""
    root = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])
    leaf = np.concatenate([tree.children_left < 0 for tree in trees])
    sides = (
        np.concatenate([getattr(t, side) + r for t, r in zip(trees, root, strict=True)])
        for side in ("children_left", "children_right")
    )
    left, right = (np.where(leaf, 0, side).astype(np.int32) for side in sides)
    feature = np.where(leaf, -1, np.concatenate([tree.feature for tree in trees]))
    threshold = _rounded_down(np.concatenate([tree.threshold for tree in trees]))
    value = np.concatenate([tree.value[:, 0, :] for tree in trees])
    share = (value / value.sum(axis=1, keepdims=True)).astype(np.float32)
    return Forest(root.astype(np.int32), feature.astype(np.int32), threshold, left, right, share)


def _rounded_down(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Greatest float32 up to each value: parts float32 features as the value does."""
    nearest = values.astype(np.float32)
    return np.where(nearest > values, np.nextafter(nearest, np.float32(-np.inf)), nearest)


def _sklearn_trees(options: TrainingOptions) -> "list[ExtraTreeClassifier]":
    try:
        from sklearn.tree import ExtraTreeClassifier
    except ImportError as error:
        raise InputError(
            "Training a pixel classifier needs scikit-learn, which is not installed here: "
            "pip install 'napari-pyama[training]' (applying a trained one needs nothing)."
        ) from error
    seeds = np.random.default_rng(options.seed).integers(2**31, size=options.trees)
    return [
        ExtraTreeClassifier(
            max_features="sqrt",
            min_samples_leaf=options.min_leaf,
            class_weight="balanced",
            random_state=int(seed),
        )
        for seed in seeds
    ]


def _rows(planes: Sequence[Planes], drawn: Sequence[Strokes]) -> Rows:
    parts = [rows_at(p, *np.nonzero(d)) for p, d in zip(planes, drawn, strict=True)]
    return np.concatenate(parts)
