"""How near background-corrected traces come to the true ones.

The error of a cell in a frame is ``|estimate - truth|`` over that cell's largest truth; the
estimate is the sum of corrected pixels over its true mask, the truth the sum of its blurred
signal there times the mean illumination of the field. The spread is the variation over cells of
all estimates over all truth, without cells that give less than 1 % of a typical cell's light: seen
for a frame at the border, they spread by 5 % through photon noise even under the true background.
The residual is the median of corrected pixels away from cells.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nd2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.accuracy import Figure
from pyama_core.io import open_microscopy
from pyama_core.processing.correction import Background, CorrectionParams, estimate_background
from pyama_core.processing.segmentation import SegmentationParams, segment_stack
from pyama_core.sample import make_sample

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "nd2"
BLUR = 1.2
FAR = 21
"""Pixels further than this square from a true cell are free of its light."""
FAINT = 0.01
"""Cells with less than this share of the median cell's light do not count for the spread."""


@dataclass(frozen=True)
class Case:
    """A fluorescence movie whose truth is known."""

    name: str
    frames: NDArray[np.uint16]
    masks: NDArray[np.bool_]
    """Cells as the correction is told of them."""
    ids: NDArray[np.uint16]
    truth: NDArray[np.float64]
    """``(T, N + 1)`` true total of each cell, counts."""


@dataclass(frozen=True)
class Score:
    """How one movie came out."""

    errors: NDArray[np.float64]
    """Relative error of every cell in every frame."""
    spread: float
    residual: float


def t98g_cases(folder: Path = SHARED) -> Iterator[Case]:
    """Give both FOVs of the real movie, with the true cells as segmentation."""
    with nd2.ND2File(folder / "t98g_t37p2c2.nd2") as file:
        movie = file.asarray()
    with np.load(folder / "t98g_t37p2c2_truth.npz") as truth:
        for fov in range(truth["ids"].shape[1]):
            ids = truth["ids"][:, fov]
            level = 1 - np.exp(-np.arange(len(ids)) / truth["rise_frames"])
            light = np.where(ids > 0, truth["amplitude"][ids], 0) * level[:, None, None]
            blurred = ndimage.gaussian_filter(light, (0, BLUR, BLUR))
            signal = totals(blurred * truth["illumination"][fov].mean(), ids)
            yield Case(f"t98g FOV {fov}", movie[:, fov, 1], ids > 0, ids, signal)


def sample_cases(folder: Path, **plan: Any) -> Iterator[Case]:
    """Give the fluorescence channels of the embedded sample, segmented from its phase images."""
    path = folder / "sample.nd2"
    truth = make_sample(path, **plan)
    for fov, ids in enumerate(truth.ids.swapaxes(0, 1)):
        phase, *light = channels_of(path, fov, len(ids))
        masks = np.stack([found.mask for found in segment_stack(phase, SegmentationParams())])
        for channel, frames in enumerate(light):
            signal = truth.signal[fov, : int(ids.max()) + 1, :, channel].T
            name = f"sample FOV {fov} channel {channel + 1}"
            yield Case(name, frames, masks, ids, signal)


def channels_of(path: Path, fov: int, n_frames: int) -> NDArray[np.uint16]:
    """Read all channels of one FOV, ``(C, T, Y, X)``."""
    with open_microscopy(path) as file:
        channels = range(file.metadata.n_channels)
        return np.stack([file.read_channels(fov, t, channels) for t in range(n_frames)], axis=1)


def score(case: Case, params: CorrectionParams) -> tuple[Score, Background]:
    """Correct a movie and compare it with its truth."""
    background = estimate_background(case.frames, case.masks, params)
    corrected = np.stack([background.correct(frame, t) for t, frame in enumerate(case.frames)])
    estimate, truth = totals(corrected, case.ids)[:, 1:], case.truth[:, 1:]
    seen = totals(np.ones_like(corrected), case.ids)[:, 1:] > 0
    largest = np.where(truth.max(axis=0) > 0, truth.max(axis=0), np.nan)
    errors = (np.abs(estimate - truth) / largest)[seen]
    light = truth.sum(axis=0)
    bright = light > FAINT * np.median(light[light > 0])
    ratio = estimate.sum(axis=0)[bright] / light[bright]
    free = ndimage.maximum_filter(case.ids, (1, FAR, FAR)) == 0
    residual = float(np.median(corrected[free]))
    return Score(
        errors[np.isfinite(errors)], float(ratio.std() / ratio.mean()), residual
    ), background


def totals(images: NDArray[Any], ids: NDArray[np.uint16]) -> NDArray[np.float64]:
    """Sum pixels by id in each frame, ``(T, N + 1)``."""
    n = int(ids.max()) + 1
    pairs = zip(images, ids, strict=True)
    return np.stack([np.bincount(i.ravel(), image.ravel(), n) for image, i in pairs])


def figures(name: str, scores: list[Score]) -> list[Figure]:
    """Sum up several movies: errors of all cells together, else the worst movie."""
    errors = np.concatenate([one.errors for one in scores])
    return [
        Figure(f"{name}: median error", float(np.median(errors)), "<= 0.02"),
        Figure(f"{name}: 95th percentile of errors", float(np.percentile(errors, 95)), "<= 0.10"),
        Figure(f"{name}: spread over cells", max(one.spread for one in scores), "<= 0.03"),
        Figure(
            f"{name}: residual background",
            max((one.residual for one in scores), key=abs),
            "within 1",
            "counts",
        ),
    ]


def background_accuracy() -> list[Figure]:
    """Measure the figures of `auto`, and of plain subtraction for comparison."""
    auto, plain = (
        CorrectionParams(),
        CorrectionParams(method="tiles", fill="frame_median", edges="hold"),
    )
    rows: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        movies = {"sample": list(sample_cases(Path(folder)))}
    if SHARED.is_dir():
        movies["t98g"] = list(t98g_cases())
    for name, cases in movies.items():
        for method, params in (("auto", auto), ("plain tiles, for comparison", plain)):
            rows += figures(f"{name}, {method}", [score(case, params)[0] for case in cases])
    return rows
