"""Parameters of the tracking step."""

from pyama_core.processing.parameters import Section, param


class TrackingParams(Section):
    """How cells are followed over time and divisions are found."""

    method: str = param(
        "overlap",
        "How cells are followed: overlap, laptrack (an extra), or an installed plugin.",
    )
    max_distance: float | None = param(
        None,
        "How far beside its expected place a cell that overlaps none may be in the next frame.",
        unit="px",
        ge=0.0,
        le=10_000.0,
        step=1.0,
        auto="the median cell diameter, as reported in the log",
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
        "Frames a cell may go unseen and keep its track; frames the file lacks do not count.",
        unit="frames",
        ge=0,
        le=100,
        step=1,
    )
    max_touch: int = param(
        20,
        "Frames two cells may touch, found as one, and still be told apart when they part again.",
        unit="frames",
        ge=0,
        le=10_000,
        step=1,
    )
    touch_cost: float | None = param(
        None,
        "How reluctantly two cells are taken to be found as one: 0 if it fits, 2 hardly ever.",
        ge=0.0,
        le=10.0,
        step=0.1,
        auto="0 for masks, 0.5 for instances, whose touching cells are separated already",
    )
    confirm: int = param(
        2,
        "Frames both daughters must last, and stay apart, for a split to count as a division.",
        unit="frames",
        ge=1,
        le=100,
        step=1,
    )
    daughter_ratio: float = param(
        3.0,
        "How many times larger than its sister a daughter may be.",
        ge=1.0,
        le=100.0,
        step=0.1,
    )
    daughter_overlap: float = param(
        0.2,
        "Least share of a daughter that lies where her mother was.",
        ge=0.0,
        le=1.0,
        step=0.05,
    )
    correct_drift: bool = param(
        True, "Whether movement of the whole field, such as a stage jump, is taken out first."
    )
