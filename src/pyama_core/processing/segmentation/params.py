"""Parameters of the segmentation step."""

from typing import Final, Literal

from pydantic import field_validator

from pyama_core.processing.parameters import Section, param

_LOG_STD: Final = {"method": ("log_std",)}
_LABELS: Final = {"method": ("labels",)}
_CELLPOSE: Final = {"method": ("cellpose",)}
_TRAINED: Final = {"method": ("trained",)}
_SPLIT: Final = {"split": ("distance", "intensity")}


class SegmentationParams(Section):
    """How cells are found in the phase-contrast channel."""

    method: str = param(
        "log_std",
        "How cells are told from background: log_std, trained, cellpose, labels or a plugin.",
    )
    threshold: float | None = param(
        None,
        "How far above the background mode of the log standard deviation a pixel must lie.",
        unit="ln units",
        ge=0.0,
        le=20.0,
        step=0.05,
        auto="so many sigma of the values below the mode",
        when=_LOG_STD,
    )
    sigmas: float = param(
        3.0,
        "Where the threshold is left to the data: its distance from the mode, in standard "
        "deviations of the values below the mode.",
        unit="sigma",
        ge=0.0,
        le=50.0,
        step=0.1,
        when=_LOG_STD,
    )
    window: int = param(
        3,
        "Edge of the square in which the standard deviation is taken (odd).",
        unit="px",
        ge=3,
        le=31,
        step=2,
        when=_LOG_STD,
    )
    bins: int = param(
        200,
        "Bins of the histogram in which the background mode is found.",
        unit="bins",
        ge=10,
        le=2000,
        step=10,
        when=_LOG_STD,
    )
    fill_holes: bool = param(
        True, "Whether background enclosed by a cell becomes part of it.", when=_LOG_STD
    )
    opening_size: int = param(
        7,
        "Edge of the square that removes what is too thin for a cell (odd); 1 is off.",
        unit="px",
        ge=1,
        le=101,
        step=2,
        when=_LOG_STD,
    )
    opening_iterations: int = param(
        3, "How often that square is applied.", unit="times", ge=0, le=20, step=1, when=_LOG_STD
    )
    closing_size: int = param(
        7,
        "Edge of the square that bridges cracks within a cell (odd); 1 is off.",
        unit="px",
        ge=1,
        le=101,
        step=2,
        when=_LOG_STD,
    )
    closing_iterations: int = param(
        3, "How often that square is applied.", unit="times", ge=0, le=20, step=1, when=_LOG_STD
    )
    border: Literal["open", "background"] = param(
        "open",
        "Beyond the image's edge: open keeps a cell that the edge cuts, background erodes it.",
        when=_LOG_STD,
    )
    shrink: float = param(
        0.0,
        "By how much cells are made smaller at the end: the window and the halo of phase contrast "
        "make them about 2 px too large.",
        unit="px",
        ge=0.0,
        le=50.0,
        step=0.5,
    )
    min_size: int = param(0, "Smallest cell that is kept.", unit="px", ge=0, le=10_000_000, step=10)
    split: Literal["none", "distance", "intensity"] = param(
        "none",
        "How touching cells are separated: at notches of their outline (distance) or of their "
        "brightness (intensity). Splitting takes place before closing, which is then left out.",
    )
    split_depth: float | None = param(
        None,
        "How deep a notch separates cells: by pixels of distance to the background, or by "
        "standard deviations of intensity.",
        unit="px or sigma",
        ge=0.0,
        le=1000.0,
        step=0.1,
        auto="2 px by distance, 1 sigma by intensity",
        when=_SPLIT,
    )
    split_smoothing: float | None = param(
        None,
        "Standard deviation of the smoothing before notches are sought.",
        unit="px",
        ge=0.0,
        le=50.0,
        step=0.5,
        auto="2 px by distance, 6 px by intensity",
        when=_SPLIT,
    )
    bridge: int = param(
        0,
        "Most frames for which a cell may be absent and is put back from those around; 0 is off.",
        unit="frames",
        ge=0,
        le=20,
        step=1,
    )
    bridge_overlap: float = param(
        0.5,
        "How much a cell before and after its absence must overlap (intersection over union).",
        ge=0.0,
        le=1.0,
        step=0.05,
    )
    labels_path: str | None = param(
        None,
        "For the method labels: file of all label images, or folder of one for each frame, "
        "numbered from 0 or 1; {fov} stands for the FOV's number, {fov:03d} for three digits.",
        auto="none chosen",
        when=_LABELS,
    )
    cellpose_model: str = param(
        "cpsam",
        "For the method cellpose: name of the model, or the path of its weights.",
        when=_CELLPOSE,
    )
    cellpose_gpu: bool = param(
        True, "For the method cellpose: use a GPU where there is one.", when=_CELLPOSE
    )
    cellpose_diameter: float | None = param(
        None,
        "For the method cellpose: typical diameter of a cell.",
        unit="px",
        ge=1.0,
        le=2000.0,
        step=1.0,
        auto="as the model was trained",
        when=_CELLPOSE,
    )
    cellpose_flow_threshold: float = param(
        0.4,
        "For the method cellpose: how far a cell's flows may lie from what its shape implies.",
        ge=0.0,
        le=10.0,
        step=0.1,
        when=_CELLPOSE,
    )
    cellpose_probability: float = param(
        0.0,
        "For the method cellpose: log-odds from which a pixel belongs to a cell.",
        ge=-10.0,
        le=10.0,
        step=0.5,
        when=_CELLPOSE,
    )
    model: str | None = param(
        None,
        "For the method trained: file of the pixel classifier, as training saved it.",
        auto="none chosen",
        when=_TRAINED,
    )
    trained_probability: float = param(
        0.6,
        "For the method trained: probability from which a pixel surely belongs to a cell.",
        ge=0.0,
        le=1.0,
        step=0.05,
        when=_TRAINED,
    )
    trained_doubt: float = param(
        0.2,
        "For the method trained: probability below which a pixel is surely background; between "
        "this and the other, edges in the image decide.",
        ge=0.0,
        le=1.0,
        step=0.05,
        when=_TRAINED,
    )
    trained_outline: float = param(
        3.0,
        "For the method trained: standard deviation of the smoothing before outlines are drawn.",
        unit="px",
        ge=0.0,
        le=50.0,
        step=0.5,
        when=_TRAINED,
    )
    trained_smoothing: float = param(
        6.0,
        "For the method trained: standard deviation of the smoothing before touching cells are "
        "told apart; about a fifth of a cell's width.",
        unit="px",
        ge=0.0,
        le=100.0,
        step=0.5,
        when=_TRAINED,
    )
    trained_depth: float = param(
        0.1,
        "For the method trained: how much less sure it must be of a notch between two cells than "
        "of either; more separates fewer.",
        ge=0.0,
        le=2.0,
        step=0.05,
        when=_TRAINED,
    )

    @property
    def gives_instances(self) -> bool:
        """Whether touching cells may be told apart; else there is a mask only."""
        return self.method != "log_std" or self.split != "none"

    @field_validator("window", "opening_size", "closing_size")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError(f"must be odd, is {value}: take {value - 1} or {value + 1}")
        return value
