"""Parameters of the copying step."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from pyama_core.channels import by_channel_index
from pyama_core.io.projection import ZRule
from pyama_core.processing.parameters import Section, param

ChannelKey = Annotated[str, BeforeValidator(str)]
"""A channel by index or name, written as text."""


class CopyParams(Section):
    """What is copied out of the microscopy file."""

    z: ZRule | dict[ChannelKey, ZRule] = param(
        "middle",
        "Plane taken from a z stack: middle, an index, or the projection max or mean; "
        "one for all channels or one per channel.",
    )

    @field_validator("z", mode="wrap")
    @classmethod
    def _one_sentence(cls, value: Any, check: ValidatorFunctionWrapHandler) -> Any:
        try:
            return check(value)
        except ValidationError:
            raise ValueError(
                "give middle, max, mean or the index of a plane, or one of these for each channel"
            ) from None

    def z_of(self, channel: int, names: Sequence[str] = ()) -> ZRule:
        """Return the rule for one channel, given the names of all channels.

        Raises
        ------
        InputError
            A rule is given for a channel that is not there, or that cannot be told from another.
        """
        if not isinstance(self.z, dict):
            return self.z
        return by_channel_index(self.z, names, parameter="copy.z").get(channel, "middle")
