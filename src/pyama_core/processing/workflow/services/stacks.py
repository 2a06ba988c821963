"""Reading and writing the stacks that pass between steps."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import DTypeLike, NDArray

from pyama_core.errors import InputError, ReadError
from pyama_core.io.atomic import write_npy_stream, write_text
from pyama_core.io.microscopy import MicroscopyMetadata
from pyama_core.io.result_files import ResultsPathsPerFOV
from pyama_core.npy import map_npy
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
