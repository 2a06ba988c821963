"""The overview picture of a run."""

from pathlib import Path

import matplotlib.image
import numpy as np

from pyama_core.io.microscopy import ChannelInfo, MicroscopyMetadata
from pyama_core.io.tables import write_table
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
