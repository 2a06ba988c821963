"""Where the file of a sample is, and how it is made."""

import getpass
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pyama_core.processing.stack import Tick, no_tick


@dataclass(frozen=True)
class SampleFile:
    """A synthetic experiment; its file stays where temporary files are.

    Results and marks made from it are found again after a restart.
    """

    name: str
    title: str
    plan: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `pyama_core.sample.SamplePlan`."""

    @property
    def path(self) -> Path:
        """The ND2 file, made or not."""
        folder = f"napari-pyama-{version('napari-pyama')}-{_user()}"
        return Path(tempfile.gettempdir()) / folder / f"{self.name}.nd2"

    @property
    def n_frames(self) -> int:
        """Frames of each field of view."""
        from pyama_core.sample import SamplePlan

        return SamplePlan(**self.plan).n_frames

    def make(self, tick: Tick = no_tick) -> None:
        """Write the file, which takes seconds, unless it is there.

        Parameters
        ----------
        tick
            Called before each frame; may raise to cancel, which leaves no file.
        """
        from pyama_core.sample import make_sample

        if self.path.exists():
            return
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        make_sample(self.path, with_ids=False, tick=tick, **self.plan)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "user"
