"""Plain statements of what extraction computes: slow, obvious, with masks of whole frames."""

from itertools import groupby

import numpy as np
from skimage.measure import regionprops


def plain_runs(labels):
    """Runs (row, start, stop, label) by walking along every row."""
    runs = []
    for y, row in enumerate(labels):
        for label, group in groupby(enumerate(row.tolist()), key=lambda item: item[1]):
            columns = [x for x, _ in group]
            if label:
                runs.append((y, columns[0], columns[-1] + 1, label))
    return runs


def plain_totals(labels, images):
    """Total intensity of each cell in each frame, sorted by cell, then frame."""
    return [
        np.nansum(images[t][labels[t] == cell], dtype=np.float64)
        for cell in np.unique(labels[labels > 0])
        for t in range(len(labels))
        if (labels[t] == cell).any()
    ]


def plain_feature(name, labels, image):
    """One column per cell by scikit-image and NumPy; pixels that are not finite do not count."""
    regions = regionprops(labels.astype(np.int64), image)
    with np.errstate(invalid="ignore"):  # scikit-image multiplies infinite pixels with the mask
        return np.array([_measured(name, region) for region in regions], dtype=np.float64)


def _measured(name, region):
    pixels = region.image_intensity[region.image].astype(np.float64)
    pixels = pixels[np.isfinite(pixels)]
    if name.startswith("intensity") and not pixels.size:
        return np.nan
    y0, x0, y1, x1 = region.bbox
    own = {
        "position_x": lambda: region.centroid[1],
        "position_y": lambda: region.centroid[0],
        "bbox_x0": lambda: x0,
        "bbox_y0": lambda: y0,
        "bbox_x1": lambda: x1,
        "bbox_y1": lambda: y1,
        "intensity_total": lambda: pixels.sum(),
        "intensity_mean": lambda: pixels.mean(),
        "intensity_median": lambda: np.median(pixels),
        "intensity_std": lambda: pixels.std(),
        "intensity_min": lambda: pixels.min(),
        "intensity_max": lambda: pixels.max(),
        "circularity": lambda: _circularity(region),
    }
    return own[name]() if name in own else region[name]


def _circularity(region):
    return 4 * np.pi * region.area / region.perimeter**2 if region.perimeter else 0.0
