"""Parameters of the tracking step."""

from pyama_core.processing.parameters import Section, param


class TrackingParams(Section):
    """How cells are followed over time and divisions are found."""

    method: str = param("overlap", "How cells are linked from frame to frame.")
    max_distance: float | None = param(
        None,
        "How far a cell's center may move from one frame to the next.",
        unit="px",
        ge=0.0,
        le=10_000.0,
        step=1.0,
        auto="three times the typical movement, as reported in the log",
    )
    linking_threshold: float = param(
        0.9,
        "Greatest cost, 1 - overlap (intersection over union), of a link between cells.",
        ge=0.0,
        le=1.0,
        step=0.05,
    )
    max_gap: int = param(
        1,
        "Frames a cell may be missing and still keep its track.",
        unit="frames",
        ge=0,
        le=100,
        step=1,
    )
