"""What intensities of a channel are measured in: its corrected stack, one made again, or raw."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.columns import CORRECTED, REASON
from pyama_core.errors import ReadError
from pyama_core.io.result_files import ResultsPathsPerFOV
from pyama_core.messages import Message
from pyama_core.processing.correction import Background, load_background
from pyama_core.processing.extraction import Table
from pyama_core.processing.stack import Stack
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.services.stacks import load_stack


@dataclass(frozen=True)
class Fluorescence:
    """One channel of one FOV.

    Attributes
    ----------
    measured
        ``(T, H, W)`` what intensities are measured in.
    raw
        ``(T, H, W)`` what the camera recorded, None where that stack is gone.
    is_corrected
        Whether the background is taken out of what is measured.
    messages
        What a user should know.
    """

    measured: Stack
    raw: NDArray[Any] | None
    is_corrected: bool = True
    messages: list[Message] = field(default_factory=list)


class CorrectedFrames:
    """Corrected frames made again, one at a time, from raw ones and the background kept of them."""

    def __init__(self, raw: NDArray[Any], background: Background) -> None:
        self.shape: tuple[int, ...] = raw.shape
        self._raw, self._background = raw, background

    def __len__(self) -> int:
        return len(self._raw)

    def __getitem__(self, frame: int, /) -> NDArray[Any]:
        return self._background.correct(self._raw[frame], frame)


def fluorescence_of(
    paths: ResultsPathsPerFOV, layout: Layout, fov: int, channel: int
) -> Fluorescence:
    """Find what to measure: the corrected stack, else raw frames, corrected where that can be.

    Raises
    ------
    FileNotFoundError
        There is neither a corrected stack nor a raw one.
    """
    corrected = dict(paths.fl_corrected).get(channel, layout.corrected(fov, channel))
    raw_path = dict(paths.fl).get(channel, layout.fluorescence(fov, channel))
    what = f"fluorescence of channel {channel}"
    raw = load_stack(raw_path, what) if raw_path.exists() else None
    if corrected.exists():
        text = f"The raw stack of channel {channel} is gone: its saturated pixels are not counted."
        said = [] if raw is not None else [Message(text, "warning")]
        return Fluorescence(load_stack(corrected, what), raw, messages=said)
    raw = load_stack(raw_path, what)
    kept = dict(paths.background).get(channel, layout.background(fov, channel))
    background = _read(kept, raw.shape) if kept.exists() else None
    if background is not None:
        return Fluorescence(CorrectedFrames(raw, background), raw, messages=[_again(channel)])
    return Fluorescence(raw, raw, is_corrected=False, messages=[_uncorrected(channel)])


def marked_as_raw(table: Table) -> Table:
    """Return a trace table that says that its intensities are those of raw pixels."""
    n_rows = len(table[REASON])
    first = {name: column for name, column in table.items() if name != REASON}
    return {**first, CORRECTED: np.zeros(n_rows, bool), REASON: table[REASON]}


def _read(path: Path, shape: tuple[int, ...]) -> Background | None:
    """Read a background; None where it is damaged or of other frames."""
    try:
        background = load_background(path)
    except (OSError, ReadError):
        return None
    return background if (len(background.surfaces), *background.shape) == shape else None


def _again(channel: int) -> Message:
    return Message(
        f"The corrected stack of channel {channel} is gone: its frames were corrected again with "
        "the background that was kept."
    )


def _uncorrected(channel: int) -> Message:
    return Message(
        f"Channel {channel} was not corrected: its intensities are those of raw pixels, with the "
        "background in them. Run the correction step first.",
        "warning",
    )
