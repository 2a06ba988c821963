"""What a microscopy file says of itself, and the protocol every source of frames meets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

TimeSource = Literal["", "frames", "mean period", "nominal period", "frame index", "given"]
"""Where frame times come from, best first; given by the user, or empty when not stated."""


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """One channel as the microscope recorded it."""

    name: str
    emission_nm: float | None = None
    excitation_nm: float | None = None
    color: str | None = None
    """``#rrggbb``, as the acquisition software showed it."""


@dataclass(frozen=True)
class MicroscopyMetadata:
    """Sizes, names, scale and times of a multi-position time lapse.

    Only path, name and sizes are required; `open_microscopy` fills in the rest. Of `channels` and
    `channel_names` each follows from the other; with both given, `channels` counts.
    """

    file_path: Path
    base_name: str
    n_fovs: int
    n_frames: int
    height: int
    width: int
    n_channels: int = 0
    """0 when not stated."""
    n_z: int = 1
    dtype: str = ""
    channels: tuple[ChannelInfo, ...] = ()
    channel_names: Sequence[str] = ()
    """Names of all channels."""
    fov_names: tuple[str, ...] = ()
    pixel_size_um: float | None = None
    z_step_um: float | None = None
    frame_times_min: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)
    """``(n_fovs, n_frames)`` minutes since the first frame of the experiment."""
    time_source: TimeSource = ""
    missing_frames: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Frames of which the file lists but does not hold any plane, by FOV."""
    timepoints: Sequence[float] = field(default=(), compare=False, repr=False)
    """Minutes of the first FOV's frames; a run takes them from the file, whatever is given."""
    file_type: str = ""
    """What the source is, such as ``nd2``."""
    warnings: tuple[str, ...] = ()
    """What a user should know before trusting the numbers, one sentence each."""
    significant_bits: int | None = None
    """Bits of a pixel that the camera fills, where the file says so."""

    def __post_init__(self) -> None:
        """Fill in the fields that follow from others."""
        channels = self.channels or tuple(ChannelInfo(str(name)) for name in self.channel_names)
        names = tuple(channel.name for channel in channels)
        of_first = None if self.frame_times_min is None else self.frame_times_min[:1].ravel()
        filled = {
            "channels": channels,
            "channel_names": names,
            "n_channels": self.n_channels or len(channels),
            "timepoints": tuple(self.timepoints if of_first is None else of_first.tolist()),
        }
        for name, value in filled.items():
            object.__setattr__(self, name, value)  # The dataclass is frozen.

    def channel_name(self, channel: int) -> str:
        """Name of one channel, empty where it is not stated."""
        return self.channels[channel].name if channel < len(self.channels) else ""

    def n_frames_held(self, fov: int) -> int:
        """Count the frames of a FOV that the file holds: fewer than `n_frames` where it stopped."""
        return self.n_frames - len(self.missing_frames.get(fov, ()))

    def times_of(self, fov: int) -> NDArray[np.float64]:
        """Minutes of each frame of a FOV, ``(n_frames,)``; the frame index where unknown."""
        if self.frame_times_min is None:
            return np.arange(self.n_frames, dtype=np.float64)
        times: NDArray[np.float64] = self.frame_times_min[fov]
        return times


class MicroscopyFile(Protocol):
    """A source of frames. Picklable: a copy in another process opens the source again."""

    @property
    def metadata(self) -> MicroscopyMetadata:
        """What the source says of itself."""
        ...

    def read_frame(self, fov: int, channel: int, frame: int, z: int = 0) -> NDArray[Any]:
        """Read one plane ``(H, W)``, a copy that outlives the source."""
        ...

    def read_channels(
        self, fov: int, frame: int, channels: Sequence[int], z: int = 0
    ) -> NDArray[Any]:
        """Read channels of one frame at once, ``(len(channels), H, W)``, contiguous copies."""
        ...

    def identity(self) -> str:
        """Digest of the content (header, frame map, three sampled frames), not of path or date."""
        ...

    def close(self) -> None:
        """Let go of the source; reading again is an error."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
