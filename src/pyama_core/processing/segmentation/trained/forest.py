"""A random forest as plain arrays, and the kernel that asks it about every pixel."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import InputError
from pyama_core.processing.kernels import kernel
from pyama_core.processing.segmentation.trained.features import Planes

Array = NDArray[Any]
LEAF = -1


@dataclass(frozen=True)
class Forest:
    """Decision trees, their nodes one after the other, children after their parent.

    Attributes
    ----------
    root
        ``(trees,)`` int32, the first node of each tree.
    feature
        ``(nodes,)`` int32, which feature a node asks for; -1 at a leaf.
    threshold
        ``(nodes,)`` float32; values up to it go left, greater ones right.
    left, right
        ``(nodes,)`` int32, node to go to; 0 at a leaf.
    share
        ``(nodes, classes)`` float32, shares of the classes at a leaf.
    """

    root: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    share: NDArray[np.float32]

    def probabilities(self, planes: Planes) -> NDArray[np.float32]:
        """Mean share of each class over the trees, ``(classes, h, w)``."""
        shape = planes.fine.shape[1:]
        out = np.zeros((*shape, self.share.shape[1]), np.float32)
        split = (self.feature, self.threshold, self.left, self.right)
        vote(*planes, self.root, *split, self.share, out)
        return np.ascontiguousarray(np.moveaxis(out, -1, 0))

    def check(self, n_features: int, n_classes: int) -> None:
        """Make sure that asking the forest ends, and reads nothing it does not have.

        Raises
        ------
        InputError
            If it does not: says what is wrong.
        """
        for name, (kind, ndim) in _FIELDS.items():
            array = getattr(self, name)
            _require(array.dtype == kind, f"{name} is {array.dtype}, not {np.dtype(kind)}")
            _require(array.ndim == ndim, f"{name} has {array.ndim} axes, not {ndim}")
        nodes = self.feature.size
        for name in ("threshold", "left", "right", "share"):
            size = len(getattr(self, name))
            _require(size == nodes, f"{name} has {size} nodes, feature has {nodes}")
        classes = self.share.shape[1]
        _require(classes == n_classes, f"it has {classes} classes, not {n_classes}")
        self._check_nodes(n_features)

    def _check_nodes(self, n_features: int) -> None:
        nodes = np.arange(self.feature.size)
        leaf = self.feature == LEAF
        known = leaf | ((self.feature >= 0) & (self.feature < n_features))
        _require(bool(known.all()), f"a node asks for none of the {n_features} features")
        roots = self.root
        in_order = roots.size > 0 and roots[0] == 0 and bool(np.all(np.diff(roots) > 0))
        _require(in_order and roots[-1] < nodes.size, "its trees do not follow one another")
        end = np.append(roots, nodes.size)[np.searchsorted(roots, nodes, side="right")]
        for child in (self.left, self.right):
            inside = leaf | ((child > nodes) & (child < end))
            _require(bool(inside.all()), "a node's child does not come after it in its tree")
        _require(not bool(np.isnan(self.threshold[~leaf]).any()), "a threshold is not a number")
        share = self.share[leaf]
        fair = (share >= 0).all() and bool(np.allclose(share.sum(1), 1, atol=1e-4))
        _require(bool(fair), "the shares of a leaf do not add up to 1")


_FIELDS: dict[str, tuple[type, int]] = {
    "root": (np.int32, 1),
    "feature": (np.int32, 1),
    "threshold": (np.float32, 1),
    "left": (np.int32, 1),
    "right": (np.int32, 1),
    "share": (np.float32, 2),
}


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise InputError(f"The forest is not usable: {otherwise}; train the classifier again.")


def rows_at(planes: Planes, y: Array, x: Array) -> NDArray[np.float32]:
    """Features of chosen pixels, ``(pixels, features)``, as the forest sees them."""
    rows = np.empty((y.size, planes.size), np.float32)
    gather(*planes, np.asarray(y, np.int64), np.asarray(x, np.int64), rows)
    return rows


@kernel
def gather(fine: Array, coarse: Array, ys: Array, xs: Array, rows: Array) -> None:
    """Collect the features of pixels; coarse ones are interpolated linearly."""
    n_fine, height, width = len(fine), coarse.shape[1], coarse.shape[2]
    for k in range(ys.size):
        y, x = ys[k], xs[k]
        y0, x0 = y // 2, x // 2
        y1 = min(max(y0 + 2 * (y % 2) - 1, 0), height - 1)
        x1 = min(max(x0 + 2 * (x % 2) - 1, 0), width - 1)
        for f in range(n_fine):
            rows[k, f] = fine[f, y, x]
        for g in range(len(coarse)):
            near = 0.75 * coarse[g, y0, x0] + 0.25 * coarse[g, y0, x1]
            far = 0.75 * coarse[g, y1, x0] + 0.25 * coarse[g, y1, x1]
            rows[k, n_fine + g] = np.float32(0.75 * near + 0.25 * far)


@kernel
def vote(
    fine: Array,
    coarse: Array,
    root: Array,
    feature: Array,
    threshold: Array,
    left: Array,
    right: Array,
    share: Array,
    out: Array,
) -> None:
    """Add up, row by row of the image, what every tree says of its pixels."""
    height, width, n_classes = out.shape
    xs, ys = np.arange(width), np.empty(width, np.int64)
    rows = np.empty((width, len(fine) + len(coarse)), np.float32)
    for y in range(height):
        ys[:] = y
        gather(fine, coarse, ys, xs, rows)
        for t in range(root.size):
            for x in range(width):
                node = root[t]
                while feature[node] >= 0:
                    below = rows[x, feature[node]] <= threshold[node]
                    node = left[node] if below else right[node]
                for c in range(n_classes):
                    out[y, x, c] += share[node, c]
        out[y] /= np.float32(root.size)
