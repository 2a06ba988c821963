"""Parameters of the copying step."""

from pyama_core.io.projection import ZRule
from pyama_core.processing.parameters import Section, param


class CopyParams(Section):
    """What is copied out of the microscopy file."""

    z: ZRule | dict[int | str, ZRule] = param(
        "middle",
        "Plane taken from a z stack: middle, an index, or the projection max or mean; "
        "one for all channels or one per channel.",
    )

    def z_of(self, channel: int, name: str = "") -> ZRule:
        """Return the rule for one channel, given by index and name."""
        if not isinstance(self.z, dict):
            return self.z
        return self.z.get(channel, self.z.get(name, "middle"))
