"""Which files of a FOV are on disk."""

from collections.abc import Iterable
from pathlib import Path

from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.services.types import ChannelPath, ResultsPathsPerFOV


def found_paths(layout: Layout, fov: int) -> ResultsPathsPerFOV:
    """Return the record of a FOV's files that exist under their names."""
    pc = layout.pc
    return ResultsPathsPerFOV(
        pc=_found(pc, layout.phase(fov)),
        fl=_all_found((c, layout.fluorescence(fov, c)) for c in layout.fl),
        seg=_found(pc, layout.segmentation(fov)),
        seg_labeled=_found(pc, layout.labels(fov)),
        fl_corrected=_all_found((c, layout.corrected(fov, c)) for c in layout.fl),
        traces_csv=_all_found((c, layout.traces(fov, c)) for c in layout.trace_channels()),
        seg_instances=_found(pc, layout.instances(fov)),
        lineage=_found(pc, layout.lineage(fov)),
        background=_all_found((c, layout.background(fov, c)) for c in layout.fl),
    )


def _found(channel: int, path: Path) -> ChannelPath | None:
    return (channel, path) if path.exists() else None


def _all_found(paths: Iterable[ChannelPath]) -> list[ChannelPath]:
    return [(channel, path) for channel, path in paths if path.exists()]
