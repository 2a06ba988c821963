"""Segmentation methods by name."""

import re
from collections.abc import Collection, Mapping, Sequence
from glob import escape
from pathlib import Path
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from pyama_core.processing.registry import load_plugin, plugins
from pyama_core.processing.segmentation.label_files import label_images
from pyama_core.processing.segmentation.params import SegmentationParams
from pyama_core.processing.segmentation.types import (
    CheckedMethod,
    FovMethod,
    FrameMethod,
    FrameSegmenter,
    SegmentedFrame,
    StackMethod,
)

GROUP = "pyama_core.segmentation"
_HOME = "pyama_core.processing.segmentation"
BUILTIN = {
    "cellpose": f"{_HOME}.cellpose_model:Cellpose",
    "labels": f"{_HOME}.label_files:LabelFiles",
    "log_std": f"{_HOME}.log_std:LogStd",
    "trained": f"{_HOME}.trained.segment:Trained",
}


def method_names() -> list[str]:
    """Names that `SegmentationParams.method` may have here."""
    return list(plugins(GROUP, BUILTIN))


def open_method(params: SegmentationParams, fov: int) -> FrameSegmenter:
    """Prepare the method of `params` for single frames of one FOV.

    Raises
    ------
    InputError
        If no method has that name, or it lacks something it needs.
    """
    method = _method(params)
    return method.open_fov(params, fov) if isinstance(method, FovMethod) else _plain(method, params)


def open_for_stack(
    params: SegmentationParams, fov: int, n_frames: int, missing: Collection[int]
) -> FrameSegmenter:
    """Prepare the method of `params` for all frames of one FOV.

    Raises
    ------
    InputError
        As in `open_method`, or what it needs does not fit the frames.
    """
    method = _method(params)
    if isinstance(method, StackMethod):
        return method.open_stack(params, fov, n_frames, missing)
    return open_method(params, fov)


def check_method(
    params: SegmentationParams,
    fovs: Sequence[int],
    n_frames: int | None = None,
    missing: Mapping[int, Sequence[int]] = MappingProxyType({}),
) -> None:
    """Find out, before any work, whether the method of `params` can be used for these FOVs.

    Parameters
    ----------
    n_frames
        Frames of each FOV; None where that is not known.
    missing
        Frames that a FOV lacks, by FOV.

    Raises
    ------
    InputError
        If no method has that name, or it lacks something it needs: a package, a file.
    """
    method = _method(params)
    if isinstance(method, CheckedMethod):
        method.check(params, fovs)
    if isinstance(method, StackMethod) and n_frames is not None:
        for fov in fovs:
            method.check_stack(params, fov, n_frames, missing.get(fov, ()))


def _method(params: SegmentationParams) -> FrameMethod | FovMethod:
    loaded: Any = load_plugin(GROUP, params.method, BUILTIN)
    method: FrameMethod | FovMethod = loaded() if isinstance(loaded, type) else loaded
    return method


def _plain(method: FrameMethod, params: SegmentationParams) -> FrameSegmenter:
    def segment(frame: NDArray[Any], t: int) -> SegmentedFrame:
        return method(frame, params)

    return segment


def files_named(params: SegmentationParams) -> dict[str, list[Path]]:
    """List the files that the method reads beside the frames, by parameter; those that exist.

    Label images are listed for all FOVs.
    """
    named: dict[str, dict[str, str | None]] = {
        "trained": {"model": params.model},
        "cellpose": {"cellpose_model": params.cellpose_model},
        "labels": {"labels_path": params.labels_path},
    }
    chosen = named.get(params.method, {})
    return {name: _files(pattern) for name, pattern in chosen.items() if pattern}


def _files(pattern: str) -> list[Path]:
    """List what a path, or a pattern with ``{fov}``, stands for; of a folder, its images."""
    parts = re.split(r"\{fov[^}]*\}", str(Path(pattern).expanduser()))
    anywhere = Path("*".join(map(escape, parts)))
    start = Path(anywhere.anchor)
    paths = sorted(start.glob(str(anywhere.relative_to(start))))
    return [file for path in paths for file in (label_images(path) if path.is_dir() else [path])]
