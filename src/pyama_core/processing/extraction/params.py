"""Parameters of the trace extraction step."""

from collections.abc import Iterable, Sequence
from typing import Final, Self

from pydantic import StrictInt, StrictStr, field_validator

from pyama_core.channels import by_channel_index
from pyama_core.columns import SATURATED_PIXELS
from pyama_core.processing.parameters import Section, param

ALWAYS_MEASURED: Final = ("area", "centroid", "intensity_total")
"""Features that every trace table begins with, chosen or not."""


class ExtractionParams(Section):
    """Which features are measured and which traces are good."""

    features: tuple[str, ...] = param(
        (*ALWAYS_MEASURED, SATURATED_PIXELS),
        "What is measured of every cell in every frame; area, centroid and intensity_total "
        "always are.",
    )
    channel_features: dict[StrictInt | StrictStr, tuple[str, ...]] = param(
        {},
        "Other features for some channels: channel index or name, then the list for it.",
    )
    min_trace_length: int | None = param(
        None,
        "Traces shorter than this are written but marked as not good.",
        unit="frames",
        ge=1,
        le=100_000,
        step=1,
        auto="30 frames or half of the frames that the FOV holds, whichever is less",
    )
    border_distance: int = param(
        0,
        "Traces that ever come nearer to the image border than this are marked as not good; "
        "1 rejects cells that touch the border, 0 is off.",
        unit="px",
        ge=0,
        le=100_000,
        step=1,
    )
    min_area: int = param(
        0,
        "Traces whose median area is smaller are marked as not good.",
        unit="px",
        ge=0,
        le=10_000_000,
        step=10,
    )
    max_area: int | None = param(
        None,
        "Traces whose median area is greater are marked as not good.",
        unit="px",
        ge=1,
        le=100_000_000,
        step=100,
        auto="no limit",
    )
    max_saturated: float = param(
        0.01,
        "Traces in which more than this share of the cell's pixels is saturated, or not a finite "
        "number, in any frame are marked as not good; 1 is off.",
        ge=0,
        le=1,
        step=0.01,
    )

    @field_validator("features")
    @classmethod
    def _known_features(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        _check_known(names)
        return names

    @field_validator("channel_features")
    @classmethod
    def _known_channel_features(
        cls, choice: dict[int | str, tuple[str, ...]]
    ) -> dict[int | str, tuple[str, ...]]:
        for names in choice.values():
            _check_known(names)
        return {_channel(key): names for key, names in choice.items()}

    def with_channel_indices(self, channel_names: Sequence[str]) -> Self:
        """Return the same parameters with channels given by index instead of name.

        Raises
        ------
        InputError
            There is no such channel, or a key means two, or two keys mean one.
        """
        choice = by_channel_index(
            self.channel_features, channel_names, parameter="extraction.channel_features"
        )
        return self.model_copy(update={"channel_features": choice})

    def features_of(self, channel: int | None) -> tuple[str, ...]:
        """Return what is measured in a channel (None: without an image), without repetition."""
        own = None if channel is None else self.channel_features.get(channel)
        chosen = self.features if own is None else own
        return tuple(dict.fromkeys((*ALWAYS_MEASURED, *chosen)))


def _channel(key: int | str) -> int | str:
    """Take an index for an index where a file has turned it into text."""
    text = str(key)
    return int(text) if text.isdecimal() and text == str(int(text[:9])) else key


def _check_known(names: Iterable[str]) -> None:
    if set(names) <= {*ALWAYS_MEASURED, SATURATED_PIXELS}:
        return
    from pyama_core.processing.extraction.features import feature

    for name in names:
        feature(name)
