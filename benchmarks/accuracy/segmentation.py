"""How well cells are found: instances matched at IoU 0.5, and all cell pixels together.

The trained method learns from simulated brush strokes (see `strokes`) on at most 2 % of the pixels
of two hand-labeled frames and is measured on the other eight, for several pairs of frames;
``python -m benchmarks.accuracy.segmentation`` does so for all pairs, which takes a while.
"""

import tempfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy import Figure, named, table
from benchmarks.accuracy.scores import foreground_iou, instance_f1
from benchmarks.accuracy.strokes import draw_strokes
from pyama_core.io import open_microscopy
from pyama_core.processing.segmentation import SegmentationParams, SegmentedFrame, segment_frame
from pyama_core.processing.segmentation.trained import train_classifier
from pyama_core.sample import make_sample

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "phase_instances"
PAIRS = ((1, 5), (2, 7), (3, 9), (4, 8), (6, 10))
SHARE = 0.02
THIN, THICK = (2.0, 4.0), (3.0, 7.0)
TRAINED = SegmentationParams(method="trained", min_size=500)
SPLIT = SegmentationParams(split="distance", min_size=50)


@dataclass(frozen=True)
class Labeled:
    """A phase-contrast frame and its true instances."""

    frame: NDArray[Any]
    instances: NDArray[Any]


@dataclass(frozen=True)
class Score:
    """How one frame came out."""

    f1: float
    iou: float


def segmentation_accuracy() -> list[Figure]:
    """Measure the trained method and LOG-STD on real frames, and LOG-STD on the sample."""
    figures = []
    if SHARED.is_dir():
        frames = hand_labeled()
        figures += trained_figures(frames, PAIRS, THIN)
        figures += trained_figures(frames, PAIRS, THICK)
        scores = [score_log_std(labeled) for labeled in frames.values()]
        figures.append(log_std_figure("phase_instances", scores, ""))
    with tempfile.TemporaryDirectory() as folder:
        scores = [score_log_std(labeled) for labeled in sample_frames(Path(folder))]
    figures.append(log_std_figure("sample", scores, ">= 0.9"))
    return figures


def hand_labeled(folder: Path = SHARED) -> dict[int, Labeled]:
    """Read the ten frames by their numbers."""
    import tifffile
    from skimage.io import imread

    sets = {number: folder / f"set{number}" for number in range(1, 11)}
    return {
        number: Labeled(tifffile.imread(one / "raw.tif"), imread(one / "instances_ids.png"))
        for number, one in sets.items()
    }


def sample_frames(folder: Path) -> Iterator[Labeled]:
    """Give every fourth phase frame of the default sample."""
    truth = make_sample(folder / "sample.nd2")
    with open_microscopy(folder / "sample.nd2") as file:
        for t in range(0, len(truth.ids), 4):
            for fov, ids in enumerate(truth.ids[t]):
                (phase,) = file.read_channels(fov, t, [0])
                yield Labeled(phase, ids)


def score_pair(
    frames: dict[int, Labeled], pair: tuple[int, ...], widths: tuple[float, float] = THIN
) -> list[Score]:
    """Train on strokes of some frames, measure on all others."""
    drawn = [draw_strokes(frames[n].instances, share=SHARE, widths=widths, seed=n) for n in pair]
    classifier = train_classifier([frames[n].frame for n in pair], drawn)
    others = [labeled for number, labeled in frames.items() if number not in pair]
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "cells.npz"
        classifier.save(model)
        params = TRAINED.model_copy(update={"model": str(model)})
        return [compare(labeled, segment_frame(labeled.frame, params)) for labeled in others]


def score_log_std(labeled: Labeled) -> Score:
    """Measure LOG-STD with touching cells split."""
    return compare(labeled, segment_frame(labeled.frame, SPLIT))


def compare(labeled: Labeled, found: SegmentedFrame) -> Score:
    """Compare a segmented frame with its truth."""
    assert found.instances is not None
    truth, instances = labeled.instances, found.instances
    return Score(instance_f1(truth, instances), foreground_iou(truth, instances))


def trained_figures(
    frames: dict[int, Labeled], pairs: Collection[tuple[int, ...]], widths: tuple[float, float]
) -> list[Figure]:
    """Mean over pairs of training frames, and the worst pair."""
    scores = [score_pair(frames, pair, widths) for pair in pairs]
    f1s = [mean_f1(pair) for pair in scores]
    ious = [float(np.mean([score.iou for score in pair])) for pair in scores]
    brush = f"brush of {widths[0]:g} to {widths[1]:g} px"
    name = f"trained ({named(TRAINED)}), {brush}, {len(pairs)} pairs of frames"
    f1_reach, iou_reach = (">= 0.55", ">= 0.65") if widths == THIN else ("", "")
    return [
        Figure(f"{name}, mean: F1 at IoU 0.5", float(np.mean(f1s)), f1_reach),
        Figure(f"{name}, worst: F1 at IoU 0.5", min(f1s), f1_reach),
        Figure(f"{name}, mean: foreground IoU", float(np.mean(ious)), iou_reach),
        Figure(f"{name}, worst: foreground IoU", min(ious), iou_reach),
    ]


def log_std_figure(where: str, scores: Iterable[Score], reach: str) -> Figure:
    """Mean over the frames of LOG-STD with touching cells split."""
    return Figure(f"LOG-STD ({named(SPLIT)}), {where}: F1 at IoU 0.5", mean_f1(scores), reach)


def mean_f1(scores: Iterable[Score]) -> float:
    """Mean over frames."""
    return float(np.mean([score.f1 for score in scores]))


if __name__ == "__main__":
    every_pair = list(combinations(range(1, 11), 2))
    print(table(trained_figures(hand_labeled(), every_pair, THIN)))
