"""Training a pixel classifier from brush strokes, with scikit-learn (extra ``training``).

Both forests are of extremely randomized trees (Geurts, Ernst & Wehenkel 2006). The second learns
from the answers of forests that did not see the stroke in question: a forest is too sure of what
it was trained on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import InputError
from pyama_core.processing.segmentation.trained.classifier import PixelClassifier
from pyama_core.processing.segmentation.trained.features import (
    Planes,
    context_planes,
    contrast,
    image_planes,
)
from pyama_core.processing.segmentation.trained.forest import Forest, rows_at
from pyama_core.processing.segmentation.trained.strokes import (
    Strokes,
    binned_strokes,
    check_strokes,
    divide_strokes,
)
from pyama_core.processing.stack import Tick, no_tick

if TYPE_CHECKING:
    from sklearn.ensemble import ExtraTreesClassifier


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
        Trees of each of the two forests.
    min_leaf
        Fewest blocks drawn on in a leaf of a tree.
    folds
        Parts into which the strokes are divided to train the second forest.
    seed
        The same seed, frames and strokes give the same classifier.
    """

    binning: int = 2
    trees: int = 40
    min_leaf: int = 10
    folds: int = 4
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
        is drawn at all, 3 = border of a cell. A few strokes of each, some of them close to
        outlines, are enough.
    options
        How it is trained; the defaults where None.
    tick
        Called before each forest is grown, with its number; may raise to cancel.

    Raises
    ------
    InputError
        If frames and strokes do not go together, a kind of stroke is missing or hardly drawn, or
        scikit-learn is not installed.
    """
    options = options or TrainingOptions()
    check_strokes(frames, strokes, options.folds * options.binning**2)
    images = [contrast(frame, options.binning) for frame in frames]
    planes = [image_planes(image, options.binning) for image in images]
    drawn = [binned_strokes(array, options.binning) for array in strokes]
    kinds = np.concatenate([array[array > 0] for array in drawn])
    tick("pixels", 0)
    first = grow(_rows(planes, drawn), kinds, options)
    rows = _rows_in_context(planes, drawn, kinds, options, tick)
    tick("pixels in context", options.folds + 1)
    second = grow(rows, kinds, options)
    classes = tuple(np.unique(kinds).tolist())
    return PixelClassifier(classes, options.binning, (first, second))


def grow(rows: Rows, kinds: Kinds, options: TrainingOptions) -> Forest:
    """Train a forest and take its trees out of scikit-learn."""
    forest = _sklearn_forest(options).fit(rows, kinds)
    return as_arrays([tree.tree_ for tree in forest.estimators_])


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


def _sklearn_forest(options: TrainingOptions) -> "ExtraTreesClassifier":
    try:
        from sklearn.ensemble import ExtraTreesClassifier
    except ImportError as error:
        raise InputError(
            "Training a pixel classifier needs scikit-learn, which is not installed here: "
            "pip install 'napari-pyama[training]' (applying a trained one needs nothing)."
        ) from error
    return ExtraTreesClassifier(
        options.trees,
        min_samples_leaf=options.min_leaf,
        class_weight="balanced",
        random_state=options.seed,
        n_jobs=1,
    )


def _rows(planes: Sequence[Planes], drawn: Sequence[Strokes]) -> Rows:
    parts = [rows_at(p, *np.nonzero(d)) for p, d in zip(planes, drawn, strict=True)]
    return np.concatenate(parts)


def _rows_in_context(
    planes: Sequence[Planes],
    drawn: Sequence[Strokes],
    kinds: Kinds,
    options: TrainingOptions,
    tick: Tick,
) -> Rows:
    """Features of the blocks drawn on, with answers of forests that did not see their stroke."""
    rows = _rows(planes, drawn)
    context: Rows | None = None
    fold = divide_strokes(drawn, options.folds, options.seed)
    for k in range(options.folds):
        tick("pixels by strokes elsewhere", k + 1)
        forest = grow(rows[fold != k], kinds[fold != k], options)
        answers = _rows(list(_contexts(forest, planes)), drawn)
        context = answers if context is None else np.where((fold == k)[:, None], answers, context)
    assert context is not None
    return context


def _contexts(forest: Forest, planes: Sequence[Planes]) -> Iterator[Planes]:
    for plane in planes:
        yield plane.joined(context_planes(forest.probabilities(plane)))
