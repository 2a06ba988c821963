"""Parameters of the background correction step."""

from typing import Literal, Self

from pydantic import model_validator

from pyama_core.errors import InputError
from pyama_core.processing.parameters import Section, param


class CorrectionParams(Section):
    """How the fluorescence background is estimated and taken out."""

    method: Literal["auto", "tiles", "median_gain", "regression_gain"] = param(
        "auto",
        "How uneven illumination is evened out: tiles only subtracts the background, median_gain "
        "and regression_gain also divide by the illumination, auto lets the data decide.",
    )
    temporal_window: int = param(
        1,
        "Frames over which the shape of the background is smoothed by a running median (odd); "
        "1 is off. A flash keeps its own background.",
        unit="frames",
        ge=1,
        le=999,
        step=2,
    )
    spatial_window: int = param(
        256, "Edge length of a background tile.", unit="px", ge=8, le=4096, step=8
    )
    mask_margin: int = param(
        10,
        "Pixels this near to a cell are not taken for background (10 is a 21x21 square).",
        unit="px",
        ge=0,
        le=200,
        step=1,
    )
    camera_offset: float | None = param(
        None,
        "What the camera reads without any light.",
        unit="counts",
        ge=0.0,
        le=65535.0,
        step=1.0,
        auto="estimated where the background varies over time, else 0",
    )
    fill: Literal["neighbors", "frame_median"] = param(
        "neighbors",
        "What stands in for a tile that is all cells, where only tiles are subtracted: its "
        "neighbors or the median of the frame.",
    )
    edges: Literal["extrapolate", "hold"] = param(
        "extrapolate",
        "Whether the background goes on beyond the outermost tile centers or holds its value.",
    )
    least_drift: float = param(
        0.02,
        "Change of the background over time, relative to its mean, from which auto trusts a "
        "regression.",
        ge=0.0,
        le=1.0,
        step=0.01,
    )
    gain_precision: float = param(
        0.02,
        "Greatest relative error of the gain with which auto still divides by it.",
        ge=0.0,
        le=1.0,
        step=0.005,
    )
    patch_size: int | None = param(
        None,
        "Edge length of the small patches whose medians the gain is fitted to; less where fewer "
        "than 12 would lie along an edge of the frame.",
        unit="px",
        ge=4,
        le=170,
        step=2,
        auto="24 px, less in frames under 384 px and more in those over 1536 px",
    )

    @model_validator(mode="after")
    def _window_is_odd(self) -> Self:
        if self.temporal_window % 2 == 0:
            raise InputError(
                f"correction.temporal_window is {self.temporal_window}: a running median needs "
                "an odd number of frames, such as 1, 3 or 5."
            )
        return self
