"""What becomes of a dropped file: its layers, and what else the viewer is to do."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_pyama.layers.raw import LayerTuple, raw_layers
from napari_pyama.layers.result_source import Results, ResultSource, open_traces, read_folder
from napari_pyama.layers.results import layers_of_results, read_tracks
from napari_pyama.layers.tracks import tracks_layer
from napari_pyama.session.session import ChannelChoice, likely_channels
from pyama_core.errors import InputError
from pyama_core.io import MicroscopyFile, open_microscopy
from pyama_core.processing.workflow.params import (
    WorkflowParams,
    sections_of,
    unfolded,
    workflow_params,
)


@dataclass(frozen=True)
class EarlierRun:
    """What a run was asked for whose results are opened."""

    source: MicroscopyFile
    output_dir: Path
    channels: ChannelChoice
    recipe: WorkflowParams | None
    """None where the folder has none, as PyAMA's."""


@dataclass(frozen=True)
class Opened:
    """What was found in some files.

    Attributes
    ----------
    layers
        What to show, in this order.
    warnings
        What a user should know, one sentence each.
    dock
        Name of the dock to open beside it, empty for none.
    follows_position
        Whether tracks are to be those of the FOV in view.
    runs
        Runs that are continued when the docks run again.
    """

    layers: list[LayerTuple]
    warnings: list[str] = field(default_factory=list)
    dock: str = ""
    follows_position: bool = False
    runs: list[EarlierRun] = field(default_factory=list)


def open_images(paths: Sequence[Path]) -> Opened:
    """Open ND2 files lazily, one image layer per channel."""
    sources = [open_microscopy(path) for path in paths]
    warnings = [
        f"{source.metadata.base_name}: {warning}"
        for source in sources
        for warning in source.metadata.warnings
    ]
    return Opened([layer for source in sources for layer in raw_layers(source)], warnings)


def open_folders(paths: Sequence[Path]) -> Opened:
    """Open results of any layout: the layers of the run, above the raw ones."""
    folders = [_open_folder(path) for path in paths]
    return Opened(
        [layer for layers, _, _ in folders for layer in layers],
        [warning for _, _, warnings in folders for warning in warnings],
        follows_position=True,
        runs=[run for _, run, _ in folders],
    )


def open_tables(paths: Sequence[Path]) -> Opened:
    """Open trace tables as tracks, and the dock that plots them."""
    return Opened([_tracks_of_table(path) for path in paths], dock="Traces")


def _tracks_of_table(path: Path) -> LayerTuple:
    """Make tracks that are seen from end to end in every frame: no image shows where cells are."""
    source, files, fov = open_traces(path)
    tracks = read_tracks(files(fov), source.metadata)
    data, arguments, kind = tracks_layer(source, tracks, fov, files)
    n_frames = source.metadata.n_frames
    return data, {**arguments, "tail_length": n_frames, "head_length": n_frames}, kind


def _open_folder(path: Path) -> tuple[list[LayerTuple], EarlierRun, list[str]]:
    results = read_folder(path)
    source, folder = results.source, results.index.output_dir
    copied = source.copied_channels if isinstance(source, ResultSource) else None
    layers = raw_layers(source, copied) + layers_of_results(source, results.files, 0)
    recipe, warnings = _recipe_of(results.index.params, folder.name)
    if isinstance(source, ResultSource) and results.made_from:
        warnings.append(
            f"{results.made_from}, from which {folder.name} was made, is neither where it was nor "
            f"beside {folder.name}: frames are shown as far as they were copied."
        )
    return layers, EarlierRun(source, folder, _channels_of(results), recipe), warnings


def _channels_of(results: Results) -> ChannelChoice:
    """Return the channels of a run, likely ones where the folder does not tell or has no such."""
    index, metadata = results.index, results.source.metadata
    asked = [index.channels_pc, *index.channels_fl]
    known = [c for c in asked if c is not None and 0 <= c < max(metadata.n_channels, 1)]
    if index.channels_pc is None or len(known) < len(asked):
        return likely_channels(metadata)
    return known[0], tuple(known[1:])


def _recipe_of(params: dict[str, Any], folder: str) -> tuple[WorkflowParams | None, list[str]]:
    """Return the recipe of a run, without steps that are not known here; None where it has none."""
    try:
        given = unfolded(params)
        known = {step: given[step] for step in sections_of() if step in given}
        return workflow_params(known) if known else None, []
    except InputError as error:
        return None, [f"The recipe of {folder} cannot be used here, the docks keep theirs: {error}"]
