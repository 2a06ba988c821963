"""What a long movie and a single frame cost: the memory of 500 frames, the wait for a preview."""

import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed.measure import peak_anonymous_memory
from benchmarks.speed.steps import CHANNELS
from pyama_core.processing.correction import correct_frame, correct_stack
from pyama_core.processing.extraction import extract_stack
from pyama_core.processing.segmentation import segment_frame, segment_stack
from pyama_core.processing.stack import Stack
from pyama_core.processing.tracking import track_stack
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.params import WorkflowParams


@dataclass(frozen=True)
class Repeated:
    """A short stack played over and over."""

    stack: NDArray[Any]
    n_frames: int

    @property
    def shape(self) -> tuple[int, ...]:
        """``(T, H, W)``."""
        return (self.n_frames, *self.stack.shape[1:])

    def __len__(self) -> int:
        return self.n_frames

    def __getitem__(self, frame: int) -> NDArray[Any]:
        if frame >= self.n_frames:
            raise IndexError(frame)
        return np.asarray(self.stack[frame % len(self.stack)])


def peak_memory(layout: Layout, n_frames: int) -> dict[str, float]:
    """Peak anonymous memory of each step, its results dropped as a service writes them; MB."""
    peaks = {}
    for step, work in _streams(layout, n_frames):
        with peak_anonymous_memory() as peak:
            deque(work(), maxlen=0)
        peaks[step] = peak.megabytes
    return peaks


def preview_ms(layout: Layout, repeats: int) -> dict[str, float]:
    """Median wall time of a warm preview of one frame, by step; ms."""
    params = WorkflowParams()
    phase, fluorescence = (np.array(_load(path)[0]) for path in _raw(layout))
    mask = segment_frame(phase, params.segmentation).mask
    previews: dict[str, Callable[[], Any]] = {
        "segmentation": lambda: segment_frame(phase, params.segmentation),
        "correction": lambda: correct_frame(fluorescence, mask, params.correction),
    }
    return {step: _median_ms(preview, repeats) for step, preview in previews.items()}


def _streams(layout: Layout, n_frames: int) -> Iterator[tuple[str, Callable[[], Any]]]:
    params = WorkflowParams()
    times = np.arange(n_frames, dtype=np.float64)

    def stack(path: Any) -> Stack:
        return Repeated(_load(path), n_frames)

    phase, fluorescence = map(stack, _raw(layout))
    masks, labels = stack(layout.segmentation(0)), stack(layout.labels(0))
    yield "segmentation", lambda: segment_stack(phase, params.segmentation)
    yield "correction", lambda: correct_stack(fluorescence, masks, params.correction)
    yield "tracking", lambda: track_stack(masks, params.tracking, phase=phase)
    images = {CHANNELS.fl[0]: fluorescence}
    yield (
        "extraction",
        lambda: extract_stack(labels, images, params.extraction, times=times, fov=0),
    )


def _raw(layout: Layout) -> tuple[Any, Any]:
    return layout.phase(0), layout.fluorescence(0, CHANNELS.fl[0])


def _load(path: Any) -> NDArray[Any]:
    stack: NDArray[Any] = np.load(path, mmap_mode="r")
    return stack


def _median_ms(work: Callable[[], Any], repeats: int) -> float:
    return statistics.median(_ms_once(work) for _ in range(repeats + 1))


def _ms_once(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1e3
