"""The steps as plain functions of arrays or layers, named like the plugin's commands."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import InputError
from pyama_core.fov_ranges import parse_fovs
from pyama_core.io import ArraySource, MicroscopyFile, open_microscopy, read_projected
from pyama_core.messages import Message
from pyama_core.planes import is_recorded, missing_message
from pyama_core.processing.correction import CorrectionParams, correct_stack
from pyama_core.processing.extraction import Extraction, ExtractionParams, extract_stack
from pyama_core.processing.segmentation import SegmentationParams, segment_stack
from pyama_core.processing.tracking import TrackingParams, track_stack
from pyama_core.processing.workflow import pipeline
from pyama_core.processing.workflow.params import CopyParams, WorkflowParams
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext

Table = dict[str, NDArray[Any]]


def copy(
    source: Any, fov: int = 0, channel: int = 0, params: CopyParams | None = None
) -> NDArray[Any]:
    """Read one channel of one FOV, one plane per frame.

    Parameters
    ----------
    source
        Path of a microscopy file, a `MicroscopyFile`, or an image array or layer
        ``(Y, X)``, ``(T, Y, X)``, ``(P, T, Y, X)`` or ``(P, T, Z, Y, X)``.
    fov, channel
        Which.
    params
        Which plane of a z stack.

    Returns
    -------
    ndarray
        ``(T, H, W)``, the source's dtype.
    """
    opened = _opened(source)
    rule = (params or CopyParams()).z_of(channel, opened.metadata.channel_names)
    frames = range(opened.metadata.n_frames)
    return np.stack([read_projected(opened, fov, t, [channel], rule)[0] for t in frames])


def segment(phase: Any, params: SegmentationParams | None = None, fov: int = 0) -> NDArray[Any]:
    """Find cells.

    Parameters
    ----------
    phase
        Array or layer, ``(H, W)``, ``(T, H, W)`` or ``(P, T, H, W)``.
    params
        Parameters of the step.
    fov
        Which FOV of a four-dimensional one.

    Returns
    -------
    ndarray
        ``(T, H, W)``: bool, True = cell; or untracked instances, unsigned integers, where the
        method tells cells apart. ``(H, W)`` for a single image.
    """
    stack = _stack(phase, fov)
    frames = list(segment_stack(stack, params or SegmentationParams(), fov=fov))
    parts = [frame.mask if frame.instances is None else frame.instances for frame in frames]
    return _like(phase, np.stack(parts))


def correct_background(
    fluorescence: Any, segmentation: Any, params: CorrectionParams | None = None, fov: int = 0
) -> NDArray[np.float32]:
    """Take the background out of fluorescence.

    Parameters
    ----------
    fluorescence, segmentation
        Arrays or layers of one shape, ``(H, W)``, ``(T, H, W)`` or ``(P, T, H, W)``; the
        segmentation is a mask or has cells' numbers, 0 = background.
    params
        Parameters of the step.
    fov
        Which FOV of four-dimensional ones.

    Returns
    -------
    ndarray
        Float32, counts above background, shaped as `segment` gives it.
    """
    images, masks = _stack(fluorescence, fov), _stack(segmentation, fov)
    _check_alike(images, masks)
    corrected = np.stack(list(correct_stack(images, masks, params or CorrectionParams())))
    return _like(fluorescence, corrected)


def track(
    segmentation: Any, params: TrackingParams | None = None, phase: Any = None, fov: int = 0
) -> tuple[NDArray[Any], Table]:
    """Follow cells over time.

    Parameters
    ----------
    segmentation
        Array or layer, bool or instances, ``(T, H, W)`` or ``(P, T, H, W)``.
    params
        Parameters of the step.
    phase
        Images of the same shape, from which drift of the stage is estimated.
    fov
        Which FOV of four-dimensional ones.

    Returns
    -------
    labels : ndarray
        ``(T, H, W)`` cell ids from 1, 0 = background.
    lineage : dict
        Columns cell, parent, first_frame, last_frame, began, ended.
    """
    stack = _stack(segmentation, fov)
    images = None if phase is None else _stack(phase, fov)
    if images is not None:
        _check_alike(images, stack)
    tracking = track_stack(stack, params or TrackingParams(), phase=images)
    return np.stack(list(tracking)), tracking.lineage.table()


def extract_traces(
    labels: Any,
    images: Mapping[int, Any],
    params: ExtractionParams | None = None,
    times: NDArray[np.float64] | None = None,
    fov: int = 0,
    raw: Mapping[int, Any] | None = None,
) -> Extraction:
    """Measure every cell in every frame.

    Parameters
    ----------
    labels
        Tracked cell ids, array or layer, ``(T, H, W)`` or ``(P, T, H, W)``.
    images
        Fluorescence by channel, of the same shape; without any only shapes are measured.
    params
        Features and filters.
    times
        Minutes of each frame; frame numbers without it.
    fov
        Which FOV; also what the table says.
    raw
        Raw images by channel, of the same shape, in which saturated pixels are counted. Without it
        these are the images where they hold whole numbers; else the count is unknown, NaN.

    Returns
    -------
    Extraction
        A mapping with a table (columns by name) per channel, under None where there are no
        images; its `messages` are what a user should know.
    """
    stack = _stack(labels, fov)
    stacks = {channel: _stack(image, fov) for channel, image in images.items()}
    recorded = None if raw is None else {c: _stack(image, fov) for c, image in raw.items()}
    for image in (*stacks.values(), *(recorded or {}).values()):
        _check_alike(image, stack)
    minutes = np.arange(len(stack), dtype=np.float64) if times is None else np.asarray(times)
    extraction = extract_stack(
        stack, stacks, params or ExtractionParams(), times=minutes, fov=fov, raw=recorded
    )
    extraction.messages.extend(_missing_planes(stacks))
    return extraction


def _missing_planes(stacks: Mapping[int, NDArray[Any]]) -> Iterator[Message]:
    for c, stack in stacks.items():
        missing = [t for t, plane in enumerate(stack) if not is_recorded(plane)]
        message = missing_message(f"channel {c}", missing, len(stack), "intensities are empty")
        yield from [message] if message else []


def run_complete_workflow(
    source: Any,
    output_dir: Path | str,
    pc: int | str = 0,
    fl: Sequence[int | str] = (),
    fovs: str = "all",
    params: WorkflowParams | None = None,
    n_workers: int = 2,
    batch_size: int = 2,
) -> bool:
    """Copy, segment, correct, track and extract.

    Parameters
    ----------
    source
        As for `copy`; or a list of arrays or layers, one per channel.
    output_dir
        Where results go; what is there already is not done again.
    pc, fl
        Segmented and measured channels, by index or name.
    fovs
        ``"all"`` or a choice like ``"0-4, 7"``.
    params
        Parameters of all steps.
    n_workers, batch_size
        Processes, and FOVs copied ahead of them.

    Returns
    -------
    bool
        False where a FOV failed.
    """
    opened = _opened(source)
    metadata = opened.metadata
    context = ProcessingContext(
        output_dir=Path(output_dir),
        channels=Channels(pc, list(fl)),
        params=(params or WorkflowParams()).model_dump(),
    )
    return pipeline.run_complete_workflow(
        metadata,
        context,
        fovs=parse_fovs(fovs, metadata.n_fovs),
        n_workers=n_workers,
        batch_size=batch_size,
        source=None if metadata.file_path.is_file() else opened,
    )


def _opened(source: Any) -> MicroscopyFile:
    if isinstance(source, str | Path):
        return open_microscopy(source)
    if hasattr(source, "read_frame"):
        opened: MicroscopyFile = source
        return opened
    several = source if isinstance(source, list | tuple) else [source]
    arrays = [_array(one) for one in several]
    axes = {2: "YX", 3: "TYX", 4: "PTYX", 5: "PTZYX"}.get(arrays[0].ndim)
    names = [str(getattr(one, "name", f"Channel {c}")) for c, one in enumerate(several)]
    return ArraySource(arrays, axes, name=names[0], channels=names)


def _array(image: Any) -> Any:
    """Return a layer's data, or the array itself; nothing is read yet."""
    array = getattr(image, "data", image) if hasattr(image, "events") else image
    return array if hasattr(array, "ndim") else np.asarray(array)


def _stack(image: Any, fov: int) -> NDArray[Any]:
    array = _array(image)
    if array.ndim not in (2, 3, 4):
        raise InputError(
            f"An image of shape {tuple(array.shape)} cannot be used: give (Y, X), (T, Y, X) or "
            "(positions, T, Y, X)."
        )
    stack = np.asarray(array[fov] if array.ndim == 4 else array)
    return stack[None] if stack.ndim == 2 else stack


def _like(image: Any, stack: NDArray[Any]) -> NDArray[Any]:
    return stack[0] if _array(image).ndim == 2 else stack


def _check_alike(images: NDArray[Any], others: NDArray[Any]) -> None:
    if images.shape != others.shape:
        raise InputError(
            f"Images of shape {images.shape} and {others.shape} do not belong together: both "
            "need the same frames, height and width."
        )
