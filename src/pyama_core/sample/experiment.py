"""Makes the sample experiment: an ND2 file and the truth about it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import InputError
from pyama_core.io.atomic import atomic_write
from pyama_core.io.nd2.layout import Nd2Layout, Position, TimePhase
from pyama_core.io.nd2.writer import write_nd2
from pyama_core.io.types import ChannelInfo
from pyama_core.processing.stack import Tick, no_tick
from pyama_core.sample.colony import Colony, ColonyParams
from pyama_core.sample.expression import Reporter
from pyama_core.sample.optics import FluorescenceOptics, PhaseOptics
from pyama_core.sample.population import CellParams, Population
from pyama_core.sample.rows import Floats
from pyama_core.sample.scene import Microscope, Scene, Snapshot, World
from pyama_core.sample.truth import (
    CellTruth,
    SampleTruth,
    TruthFile,
    load_truth,
    tables,
    truth_path,
)

CHANNELS = (
    ChannelInfo("Phase"),
    ChannelInfo("GFP", emission_nm=525.0, excitation_nm=488.0, color="#00ff00"),
    ChannelInfo("RFP", emission_nm=610.0, excitation_nm=561.0, color="#ff0000"),
)
MICROSCOPE = Microscope(
    PhaseOptics(),
    (
        FluorescenceOptics(0.38, (0.46, 0.55), 100.0, 320.0, 0.45, 260.0),
        FluorescenceOptics(0.30, (0.55, 0.48), 100.0, 190.0, 0.40, 180.0, nuclear=0.35),
    ),
    (
        Reporter(peak=420.0, rise=70.0, decay=420.0, onset=(-60.0, 100.0)),
        Reporter(peak=300.0, rise=130.0, decay=2500.0, onset=(-120.0, 60.0)),
    ),
)
CELLS_PER_MEGAPIXEL = 75.0


@dataclass(frozen=True)
class SamplePlan:
    """Sizes, times and contents of a sample.

    Attributes
    ----------
    n_fovs, n_frames, height, width : int
        Sizes.
    n_cells : int, optional
        Cells in view at the start of each FOV; None gives a sparse culture.
    seed : int
        Which experiment: the same plan gives the same bytes.
    colony : bool
        Rods that grow from two to hundreds by division instead of spread cells.
    interval_min, pixel_size_um : float
        Scales in time and space.
    cells : CellParams
        What the spread cells are like.

    Raises
    ------
    InputError
        A size is too small.
    """

    n_fovs: int = 2
    n_frames: int = 40
    height: int = 320
    width: int = 368
    n_cells: int | None = None
    seed: int = 0
    colony: bool = False
    interval_min: float = 10.0
    pixel_size_um: float = 0.65
    cells: CellParams = field(default_factory=CellParams)

    def __post_init__(self) -> None:
        if min(self.n_fovs, self.n_frames) < 1 or min(self.shape) < 16:
            raise InputError(
                f"A sample of {self.n_fovs} FOVs, {self.n_frames} frames, {self.height} x "
                f"{self.width} px is too small: it needs one FOV, one frame and 16 x 16 px."
            )

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X)."""
        return self.height, self.width

    def generator(self, *stream: int) -> np.random.Generator:
        """Return random numbers of their own for each stream, such as a FOV."""
        return np.random.default_rng([self.seed, *stream])

    def times_ms(self) -> Floats:
        """When each frame is taken, (P, T): the stage travels, and no clock is exact."""
        interval = self.interval_min * 60_000.0
        travel = 2_500.0 + 4_200.0 * np.arange(self.n_fovs)
        jitter = np.abs(self.generator(0).normal(0, 0.002 * interval, self.n_frames))
        return np.rint(np.arange(self.n_frames) * interval + jitter + travel[:, None])

    def times_min(self) -> Floats:
        """Minutes of each frame since the first of the experiment, (P, T)."""
        times = self.times_ms()
        return np.asarray((times - times.min()) / 60_000.0)

    def layout(self, compress: bool) -> Nd2Layout:
        """Return the loops of the file: all positions at each time."""
        positions = (Position(f"Position {i + 1}", 1_500.0 * i) for i in range(self.n_fovs))
        time = TimePhase(self.n_frames, self.interval_min * 60_000.0)
        return Nd2Layout((time,), tuple(positions), order="TP", compress=compress)


def make_sample(
    path: Path | str,
    *,
    with_ids: bool = True,
    compress: bool = False,
    tick: Tick = no_tick,
    **plan: Any,
) -> SampleTruth:
    """Make a synthetic experiment and its ground truth.

    The file is an ND2 file with phase contrast, GFP and RFP; the truth stands beside it as
    ``<stem>_truth.npz``. Frames are rendered and written one by one.

    Parameters
    ----------
    path
        The ND2 file to write.
    with_ids
        Keep the instance ids, by far the largest part of the truth.
    compress
        Store frames with ND2's lossless compression.
    tick
        Called before each frame is rendered; may raise to cancel, which leaves no file.
    **plan
        Fields of `SamplePlan`: n_fovs, n_frames, height, width, n_cells, seed, colony, ...

    Returns
    -------
    SampleTruth
        As `load_truth` reads it.
    """
    made = SamplePlan(**plan)
    with atomic_write(truth_path(path)) as partial, TruthFile(partial) as truth:
        frames = _recorded(made, truth, with_ids, tick)
        write_nd2(
            path,
            frames,
            channels=CHANNELS,
            layout=made.layout(compress),
            pixel_size_um=made.pixel_size_um,
            frame_times_ms=made.times_ms(),
        )
    return load_truth(path)


def render_fov(plan: SamplePlan, fov: int) -> Iterator[Snapshot]:
    """Render one FOV of a sample, frame by frame; memory does not grow with the frames."""
    scene = make_scene(plan, fov)
    for minutes in plan.times_min()[fov]:
        yield scene.snapshot(minutes)


def make_scene(plan: SamplePlan, fov: int) -> Scene:
    """Place the cells of one FOV before the microscope."""
    rng = plan.generator(1, fov)
    world = _colony(plan, rng) if plan.colony else _culture(plan, rng)
    return Scene(world, plan.shape, MICROSCOPE, rng)


def _culture(plan: SamplePlan, rng: np.random.Generator) -> World:
    usual = max(round(CELLS_PER_MEGAPIXEL * plan.height * plan.width / 1e6), 1)
    n_cells = usual if plan.n_cells is None else plan.n_cells
    return Population(n_cells, plan.shape, plan.cells, rng)


def _colony(plan: SamplePlan, rng: np.random.Generator) -> World:
    params = ColonyParams(plan.height, plan.width)
    share = min(plan.height * plan.width / (512 * 512), 1.0)
    params = replace(params, divisions=max(round(params.divisions * share), 1))
    return Colony(plan.n_frames, params, rng)


def _recorded(
    plan: SamplePlan, truth: TruthFile, with_ids: bool, tick: Tick
) -> Iterator[NDArray[np.uint16]]:
    """Yield the images in the order of the file, and write the truth beside them."""
    scenes = [make_scene(plan, fov) for fov in range(plan.n_fovs)]
    times = plan.times_min()
    records: list[list[CellTruth]] = [[] for _ in scenes]
    with truth.ids((plan.n_frames * with_ids, plan.n_fovs, *plan.shape)) as append_ids:
        for frame, fov in product(range(plan.n_frames), range(plan.n_fovs)):
            tick(f"rendering FOV {fov}", frame)
            snapshot = scenes[fov].snapshot(times[fov, frame])
            records[fov].append(snapshot.cells)
            if with_ids:
                append_ids(snapshot.ids)
            yield snapshot.images
    truth.write(**tables(records, [scene.parents for scene in scenes]))
    truth.write(times_min=times, **_lighting(plan))


def _lighting(plan: SamplePlan) -> dict[str, NDArray[Any]]:
    """Collect what the microscope adds to the light of the cells."""
    channels = MICROSCOPE.fluorescence
    times = plan.times_min()
    medium = [[[c.medium_at(m) for c in channels] for m in fov] for fov in times]
    return {
        "illumination": np.stack([c.illumination(plan.shape) for c in channels]),
        "camera_offset": np.array([c.camera_offset for c in channels]),
        "medium": np.array(medium),
    }
