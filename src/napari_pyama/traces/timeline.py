"""Frames and their true times."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Timeline:
    """The frames that were measured, ascending, and their minutes."""

    frames: NDArray[np.int64]
    minutes: NDArray[np.float64]

    def minutes_of(self, frame: int) -> float:
        """Return the minutes of a frame; where it was not measured, as the mean interval tells."""
        frames, minutes = self.frames, self.minutes
        if not len(frames):
            return float(frame)
        if frames[0] <= frame <= frames[-1]:
            return float(np.interp(frame, frames, minutes))
        edge = 0 if frame < frames[0] else -1
        return float(minutes[edge] + (frame - frames[edge]) * self._interval)

    def frame_at(self, minutes: float, n_frames: int) -> int:
        """Return which of the frames 0 to ``n_frames - 1`` is nearest to a time."""
        times = np.array([self.minutes_of(frame) for frame in range(n_frames)])
        return int(np.argmin(np.abs(times - minutes)))

    @property
    def _interval(self) -> float:
        n = int(self.frames[-1] - self.frames[0])
        return float(self.minutes[-1] - self.minutes[0]) / n if n else 1.0
