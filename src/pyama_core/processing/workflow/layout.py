"""Every output's name and path, in one place (layout A of PyAMA's folders)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyama_core.io.result_files import STATUS_FILE, fov_folder_name

__all__ = ["STATUS_FILE", "Layout", "fov_folder_name"]

RECIPE_YAML: Final = "recipe.yaml"
RUNS_FOLDER: Final = "runs"
"""One file a run; see `runlog`."""
RUN_LOG: Final = "run_log.json"
"""The log of all runs that folders of earlier versions have."""
OVERVIEW_PNG: Final = "overview.png"
TRACES_TABLE: Final = "traces.csv"
LOCK_FILE: Final = ".lock"


@dataclass(frozen=True, slots=True)
class Layout:
    """Names of all files of one run; every method gives an absolute or output-relative path."""

    output_dir: Path
    base_name: str
    pc: int
    fl: tuple[int, ...] = ()

    def folder(self, fov: int) -> Path:
        """Folder that holds everything of one FOV."""
        return self.output_dir / fov_folder_name(fov)

    def file(self, fov: int, name: str) -> Path:
        """File of one FOV by the last part of its name; custom steps use it too."""
        return self.folder(fov) / f"{self.base_name}_fov_{fov:03d}_{name}"

    def phase(self, fov: int) -> Path:
        """Raw phase contrast, ``(T, H, W)``, the file's dtype."""
        return self.file(fov, f"pc_ch_{self.pc}.npy")

    def fluorescence(self, fov: int, channel: int) -> Path:
        """Raw fluorescence, ``(T, H, W)``, the file's dtype."""
        return self.file(fov, f"fl_ch_{channel}.npy")

    def segmentation(self, fov: int) -> Path:
        """Cell mask, ``(T, H, W)`` bool."""
        return self.file(fov, f"seg_ch_{self.pc}.npy")

    def instances(self, fov: int) -> Path:
        """Untracked instances, ``(T, H, W)`` uint32, where the method gives them."""
        return self.file(fov, f"seg_instances_ch_{self.pc}.npy")

    def labels(self, fov: int) -> Path:
        """Tracked cell ids, ``(T, H, W)`` uint16, or uint32 above 65535 cells."""
        return self.file(fov, f"seg_labeled_ch_{self.pc}.npy")

    def lineage(self, fov: int) -> Path:
        """Lineage table, one row per cell."""
        return self.file(fov, f"lineage_ch_{self.pc}.csv")

    def corrected(self, fov: int, channel: int) -> Path:
        """Background-corrected fluorescence, ``(T, H, W)`` float32."""
        return self.file(fov, f"fl_corrected_ch_{channel}.npy")

    def background(self, fov: int, channel: int) -> Path:
        """Tile medians, gain and diagnostics of the background."""
        return self.file(fov, f"background_ch_{channel}.npz")

    def traces(self, fov: int, channel: int) -> Path:
        """Trace table of one channel."""
        return self.file(fov, f"traces_ch_{channel}.csv")

    def trace_channels(self) -> tuple[int, ...]:
        """Channels that have a trace table: the fluorescence ones, else the segmented one."""
        return self.fl or (self.pc,)

    def files(self, fov: int) -> list[Path]:
        """Every file that the built-in steps may write of one FOV."""
        of_pc = (self.phase, self.segmentation, self.instances, self.labels, self.lineage)
        of_fl = (self.fluorescence, self.corrected, self.background)
        return [
            *(name(fov) for name in of_pc),
            *(name(fov, channel) for name in of_fl for channel in self.fl),
            *(self.traces(fov, channel) for channel in self.trace_channels()),
        ]

    def stacks(self, fov: int) -> list[Path]:
        """Raw copies and intermediate stacks of one FOV, which can be made again."""
        of_pc = (self.phase, self.segmentation, self.instances)
        of_fl = (self.fluorescence, self.corrected)
        return [
            *(name(fov) for name in of_pc),
            *(name(fov, channel) for name in of_fl for channel in self.fl),
        ]

    def status(self, fov: int) -> Path:
        """Record of what was made of this FOV, how, and what failed."""
        return self.folder(fov) / STATUS_FILE

    def lock(self, fov: int) -> Path:
        """Present while a run works on this FOV."""
        return self.folder(fov) / LOCK_FILE

    @property
    def index_lock(self) -> Path:
        """Present while a run gathers the results of all FOVs."""
        return self.output_dir / LOCK_FILE
