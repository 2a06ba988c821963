"""Which files the parameters name: their content decides what comes out."""

import re
from glob import escape
from pathlib import Path

from pyama_core.processing.segmentation.label_names import label_images
from pyama_core.processing.segmentation.params import SegmentationParams


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
