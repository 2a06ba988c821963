"""How well cells are found: instances matched at IoU 0.5, and all cell pixels together.

The trained method learns from simulated brush strokes (see `strokes`) on at most 2 % of the pixels
of two hand-labeled frames and is measured on the other eight, for several pairs of frames.
"""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy import Figure
from benchmarks.accuracy.scores import foreground_iou, instance_f1
from benchmarks.accuracy.strokes import draw_strokes
from pyama_core.io import open_microscopy
from pyama_core.processing.segmentation import SegmentationParams, SegmentedFrame, segment_frame
from pyama_core.processing.segmentation.trained import train_classifier
from pyama_core.sample import make_sample

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "phase_instances"
PAIRS = ((1, 5), (2, 7), (3, 9), (4, 8), (6, 10))
SHARE = 0.02
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
        figures += trained_figures([score_pair(frames, pair) for pair in PAIRS])
        scores = [score_log_std(labeled) for labeled in frames.values()]
        figures.append(Figure("LOG-STD, phase_instances: F1 at IoU 0.5", mean_f1(scores), "none"))
    with tempfile.TemporaryDirectory() as folder:
        scores = [score_log_std(labeled) for labeled in sample_frames(Path(folder))]
    figures.append(Figure("LOG-STD split, sample: F1 at IoU 0.5", mean_f1(scores), ">= 0.9"))
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


def score_pair(frames: dict[int, Labeled], pair: tuple[int, ...]) -> list[Score]:
    """Train on strokes of some frames, measure on all others."""
    drawn = [draw_strokes(frames[n].instances, share=SHARE, seed=n) for n in pair]
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


def trained_figures(pairs: list[list[Score]]) -> list[Figure]:
    """Mean over pairs of training frames, and the worst pair."""
    f1s = [mean_f1(scores) for scores in pairs]
    ious = [float(np.mean([score.iou for score in scores])) for scores in pairs]
    name = f"trained, {len(pairs)} pairs of frames"
    return [
        Figure(f"{name}, mean: F1 at IoU 0.5", float(np.mean(f1s)), ">= 0.55"),
        Figure(f"{name}, worst: F1 at IoU 0.5", min(f1s), ">= 0.55"),
        Figure(f"{name}, mean: foreground IoU", float(np.mean(ious)), ">= 0.65"),
        Figure(f"{name}, worst: foreground IoU", min(ious), ">= 0.65"),
    ]


def mean_f1(scores: Iterable[Score]) -> float:
    """Mean over frames."""
    return float(np.mean([score.f1 for score in scores]))
