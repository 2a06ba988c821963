"""Which files of a FOV are complete and on disk."""

from pyama_core.io.result_files import ResultsPathsPerFOV, as_files, scan_fov
from pyama_core.processing.workflow.layout import Layout


def found_paths(layout: Layout, fov: int) -> ResultsPathsPerFOV:
    """Return the record of a FOV's files that are complete and that this layout names."""
    folder = layout.folder(fov)
    found = scan_fov(folder) if folder.is_dir() else {}
    named = set(layout.files(fov))
    own = {kind: [pair for pair in pairs if pair[1] in named] for kind, pairs in found.items()}
    return as_files(own, ())
