"""Parameters of the trace extraction step."""

from pyama_core.processing.parameters import Section, param


class ExtractionParams(Section):
    """Which features are measured and which traces are good."""

    min_trace_length: int | None = param(
        None,
        "Traces shorter than this are written but marked as not good.",
        unit="frames",
        ge=1,
        le=100_000,
        step=1,
        auto="30 frames or half of all frames, whichever is less",
    )
