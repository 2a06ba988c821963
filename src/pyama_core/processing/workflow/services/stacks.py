"""Reading and writing the stacks that pass between steps."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pyama_core.columns import CORRECTED, REASON
from pyama_core.errors import InputError, ReadError
from pyama_core.io.atomic import write_npy_stream, write_text
from pyama_core.io.result_files import ResultsPathsPerFOV
from pyama_core.io.types import MicroscopyMetadata
from pyama_core.messages import Message
from pyama_core.npy import map_npy
from pyama_core.processing.correction import Background, load_background
from pyama_core.processing.extraction import Table
from pyama_core.processing.stack import Stack, frames_unseen
from pyama_core.processing.workflow.layout import Layout

Frame = TypeVar("Frame", bound=NDArray[Any])


def n_pixels(metadata: MicroscopyMetadata) -> int:
    """Return the pixels of one channel of one FOV over all frames."""
    return metadata.n_frames * metadata.height * metadata.width


def load_stack(path: Path | None, what: str) -> NDArray[Any]:
    """Open a stack ``(T, H, W)`` as a read-only memory map.

    Raises
    ------
    FileNotFoundError
        The step that writes it has not run.
    InputError
        The file holds something that is not a stack.
    """
    if path is None or not path.exists():
        where = f" at {path}" if path else ""
        raise FileNotFoundError(f"There is no {what}{where}: run the step that writes it first.")
    stack = _mapped(path, what)
    if stack.ndim != 3:
        raise InputError(
            f"Unexpected dimensions of the {what} in {path.name}: {stack.shape}, "
            "a stack has (frames, height, width)."
        )
    return stack


def unseen_frames(
    metadata: MicroscopyMetadata,
    paths: ResultsPathsPerFOV,
    layout: Layout,
    fov: int,
    segmented: NDArray[Any],
) -> frozenset[int]:
    """Return the frames of a FOV in which no cell can have been seen; see `frames_unseen`."""
    path = paths.pc[1] if paths.pc else layout.phase(fov)
    phase = load_stack(path, "phase-contrast stack") if path.exists() else None
    if phase is not None:
        check_same_shape(phase, segmented, "phase-contrast stack", "segmentation")
    return frames_unseen(segmented, phase, metadata.missing_frames.get(fov, ()))


def _mapped(path: Path, what: str) -> NDArray[Any]:
    try:
        return map_npy(path)
    except ValueError as error:
        raise ReadError(
            f"The {what} in {path} is damaged ({error}): remove it, and run the step that writes "
            "it again."
        ) from None


def check_same_shape(stack: Stack, other: Stack, what: str, other_what: str) -> None:
    """Raise `InputError` where two stacks do not cover the same frames and pixels."""
    if stack.shape != other.shape:
        raise InputError(
            f"Dimension mismatch: the {what} is {stack.shape} and the {other_what} is "
            f"{other.shape} (frames, height, width). Make both from the same file."
        )


def save_stack(path: Path, shape: tuple[int, ...], dtype: DTypeLike, frames: Iterable[Any]) -> None:
    """Write frames as one NPY stack that appears when it is complete."""
    with write_npy_stream(path, shape, dtype) as stream:
        for frame in frames:
            stream.write(frame)


def save_text(path: Path, lines: Iterable[str]) -> None:
    """Write lines of text as a file that appears when it is complete."""
    write_text(path, "".join(f"{line}\n" for line in lines))


def reporting(frames: Iterable[Frame], report: Callable[[int], None]) -> Iterator[Frame]:
    """Pass frames on, reporting each one by its index."""
    for t, frame in enumerate(frames):
        yield frame
        report(t)


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
