"""The overview picture of a run."""

from pathlib import Path

import matplotlib.image
import numpy as np

from pyama_core.io.tables import write_table
from pyama_core.io.types import ChannelInfo, MicroscopyMetadata
from pyama_core.overview import draw_overview
from pyama_core.processing.workflow.layout import Layout

SIZE, SPACING, RADIUS = 1500, 100, 30


def test_a_large_frame_of_many_cells_is_drawn_in_the_size_of_the_picture(tmp_path: Path) -> None:
    layout = Layout(tmp_path, "large", 0)
    layout.folder(0).mkdir()
    rows, columns = np.indices((SIZE, SIZE))
    number = 1 + rows // SPACING * (SIZE // SPACING) + columns // SPACING
    center = np.hypot(rows % SPACING - SPACING / 2, columns % SPACING - SPACING / 2)
    labels = np.where(center < RADIUS, number, 0).astype(np.uint16)
    np.save(layout.labels(0), labels[None])
    np.save(layout.phase(0), labels[None])
    cells = np.unique(labels)[1:]
    table = {"cell": cells, "time": np.zeros(len(cells)), "good": cells > 0, "area": cells}
    write_table(layout.traces(0, 0), table)
    metadata = MicroscopyMetadata(
        Path("large.nd2"), "large", 1, 1, SIZE, SIZE, channels=(ChannelInfo("Phase"),)
    )
    draw_overview(layout, metadata, 0, tmp_path / "overview.png")
    height, width, _ = matplotlib.image.imread(tmp_path / "overview.png").shape
    assert width > height > 400


def test_a_missing_frame_without_cells_is_drawn_empty(tmp_path: Path) -> None:
    layout = Layout(tmp_path, "empty", 0, (1,))
    layout.folder(0).mkdir()
    np.save(layout.labels(0), np.zeros((2, 16, 16), np.uint16))
    np.save(layout.phase(0), np.zeros((2, 16, 16), np.uint16))
    np.save(layout.corrected(0, 1), np.full((2, 16, 16), np.nan, np.float32))
    columns = ("cell", "time", "good", "intensity_total")
    write_table(layout.traces(0, 1), {name: np.zeros(0) for name in columns})
    metadata = MicroscopyMetadata(Path("empty.nd2"), "empty", 1, 2, 16, 16)
    draw_overview(layout, metadata, 0, tmp_path / "overview.png")
    assert (tmp_path / "overview.png").stat().st_size > 1000
