"""The movies that speed is measured on: one per frame size and number of cells, made once."""

from dataclasses import dataclass
from pathlib import Path

from pyama_core.sample import make_sample


@dataclass(frozen=True)
class Scene:
    """A movie of one phase and two fluorescence channels."""

    size: int
    n_cells: int
    n_frames: int = 20
    n_fovs: int = 1

    @property
    def megapixel_frames(self) -> float:
        """Megapixels of one channel, times frames and FOVs."""
        return self.size**2 * self.n_frames * self.n_fovs / 1e6

    def file(self, folder: Path) -> Path:
        """The movie as an ND2 file, made where it is not there yet."""
        path = folder / f"{self.size}px_{self.n_cells}cells_{self.n_frames}x{self.n_fovs}.nd2"
        if not path.exists():
            make_sample(
                path,
                n_fovs=self.n_fovs,
                n_frames=self.n_frames,
                height=self.size,
                width=self.size,
                n_cells=self.n_cells,
                with_ids=False,
            )
        return path
