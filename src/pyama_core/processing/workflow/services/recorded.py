"""Which planes the copied frames hold, and what a user should know of those that are missing."""

from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from pyama_core.io.microscopy import MicroscopyFile, MicroscopyMetadata
from pyama_core.io.projection import ZRule, planes_of
from pyama_core.messages import Message
from pyama_core.planes import is_recorded, listed_frames, missing_message


class RecordedPlanes:
    """Notes, frame by frame, how many z planes each channel of one FOV was taken from.

    Parameters
    ----------
    metadata
        Of the file.
    fov
        Which FOV.
    rules
        The z rule of every copied channel.
    pc
        The segmented channel.
    """

    def __init__(
        self, metadata: MicroscopyMetadata, fov: int, rules: dict[int, ZRule], pc: int
    ) -> None:
        self._metadata, self._fov, self._rules, self._pc = metadata, fov, rules, pc
        self._counts = {c: np.zeros(metadata.n_frames, np.int64) for c in rules}

    def note(self, frame: int, channel: int, n_recorded: int) -> None:
        """Note that a channel of a frame was taken from so many recorded planes."""
        self._counts[channel][frame] = n_recorded

    def messages(self, source: MicroscopyFile) -> Iterator[Message]:
        """Yield what a user should know: frames and planes without data, one sentence a channel."""
        absent = self._metadata.missing_frames.get(self._fov, ())
        if absent:
            listed = listed_frames(absent, self._metadata.n_frames)
            text = f"Not in the file: {listed}; cells are not measured there."
            yield Message(text, "warning")
        for channel, counts in self._counts.items():
            missing = set(np.flatnonzero(counts == 0).tolist()) - set(absent)
            yield from self._of_missing(source, channel, missing)
            yield from self._of_partial(channel, counts)

    def _of_missing(
        self, source: MicroscopyFile, channel: int, missing: Collection[int]
    ) -> Iterator[Message]:
        """Say which frames of a channel hold no data, and whether other z planes of theirs do."""
        name = self._name(channel)
        result = "no cells are segmented there" if channel == self._pc else "intensities are empty"
        if elsewhere := self._recorded_elsewhere(source, channel, min(missing, default=None)):
            rule = self._rules[channel]
            chosen = planes_of(self._metadata, rule)[0]
            result += (
                f"; other z planes hold data there ({', '.join(map(str, elsewhere))}), but plane "
                f"{chosen} is used: choose with copy.z"
            )
        message = missing_message(name, missing, self._metadata.n_frames, result)
        yield from [message] if message else []

    def _recorded_elsewhere(
        self, source: MicroscopyFile, channel: int, frame: int | None
    ) -> list[int]:
        """Return the z planes that hold data in a frame whose chosen ones do not."""
        if frame is None:
            return []
        chosen = planes_of(self._metadata, self._rules[channel])
        others = [z for z in range(self._metadata.n_z) if z not in chosen]
        planes = (source.read_frame(self._fov, channel, frame, z) for z in others)
        return [z for z, plane in zip(others, planes, strict=True) if is_recorded(plane)]

    def _of_partial(self, channel: int, counts: NDArray[np.int64]) -> Iterator[Message]:
        """Say in which frames a projection is over some of the planes only."""
        n_planes = len(planes_of(self._metadata, self._rules[channel]))
        partial = np.flatnonzero((counts > 0) & (counts < n_planes))
        if partial.size:
            where = listed_frames(partial.tolist(), self._metadata.n_frames)
            fewest, most = counts[partial].min(), counts[partial].max()
            number = f"{fewest}" if fewest == most else f"{fewest} to {most}"
            yield Message(
                f"Of {self._name(channel)}, {number} of {n_planes} z planes were recorded in "
                f"{where}: the {self._rules[channel]} is over these."
            )

    def _name(self, channel: int) -> str:
        name = self._metadata.channel_name(channel)
        return f"channel {channel} ({name})" if name else f"channel {channel}"
