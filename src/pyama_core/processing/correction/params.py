"""Parameters of the background correction step."""

from typing import Literal

from pyama_core.processing.parameters import Section, param


class CorrectionParams(Section):
    """How the fluorescence background is estimated and taken out."""

    method: Literal["auto", "tiles", "median_gain", "regression_gain"] = param(
        "auto", "How uneven illumination is estimated, or auto to let the data decide."
    )
    temporal_window: int = param(
        1,
        "Frames over which tile backgrounds are smoothed by a running median (odd); 1 is off.",
        unit="frames",
        ge=1,
        le=999,
        step=2,
    )
    spatial_window: int = param(
        256, "Edge length of a background tile.", unit="px", ge=4, le=4096, step=16
    )
