"""Parameters of the segmentation step."""

from typing import Literal

from pyama_core.processing.parameters import Section, param


class SegmentationParams(Section):
    """How cells are found in the phase-contrast channel."""

    method: str = param("log_std", "How cells are told from background.")
    threshold: float | None = param(
        None,
        "How far above the background mode of the log standard deviation a pixel must lie.",
        unit="ln units",
        ge=0.0,
        le=20.0,
        step=0.05,
        auto="3 sigma of the values below the mode",
    )
    min_size: int = param(0, "Smallest cell that is kept.", unit="px", ge=0, le=10_000_000, step=10)
    split: Literal["none", "distance", "intensity"] = param(
        "none", "How touching cells are separated."
    )
