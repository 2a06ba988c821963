"""The one definition of every column name of the tables this project writes."""

from typing import Final

FOV: Final = "fov"
CELL: Final = "cell"
FRAME: Final = "frame"
TIME: Final = "time"
GOOD: Final = "good"
REASON: Final = "reason"
POSITION_X: Final = "position_x"
POSITION_Y: Final = "position_y"
INTENSITY_TOTAL: Final = "intensity_total"
AREA: Final = "area"
SATURATED_PIXELS: Final = "saturated_pixels"
CORRECTED: Final = "corrected"
"""False where intensities are those of raw pixels; tables of corrected ones have no such column."""

TRACE_COLUMNS: Final = (
    FOV,
    CELL,
    FRAME,
    TIME,
    GOOD,
    POSITION_X,
    POSITION_Y,
    INTENSITY_TOTAL,
    AREA,
)
"""The columns every trace table starts with, in this order."""

PARENT: Final = "parent"
FIRST_FRAME: Final = "first_frame"
LAST_FRAME: Final = "last_frame"
BEGAN: Final = "began"
ENDED: Final = "ended"

LINEAGE_COLUMNS: Final = (CELL, PARENT, FIRST_FRAME, LAST_FRAME, BEGAN, ENDED)
"""The columns of a lineage table, in this order."""

BBOX: Final = ("bbox_x0", "bbox_y0", "bbox_x1", "bbox_y1")
"""The columns of a bounding box in pixels; the last two are exclusive."""

POSITION_NAME: Final = "position_name"
CHANNEL: Final = "channel"
CHANNEL_NAME: Final = "channel_name"
PIXEL_SIZE: Final = "pixel_size_um"
"""The columns that only the table of the whole experiment has."""

TEXT_COLUMNS: Final = (REASON, BEGAN, ENDED, POSITION_NAME, CHANNEL_NAME)
"""The columns that hold text, and so are no missing numbers where they are empty."""
