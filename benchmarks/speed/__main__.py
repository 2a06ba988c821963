"""``make bench``: the table of costs."""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.speed.long import peak_memory, preview_ms
from benchmarks.speed.measure import in_a_worker
from benchmarks.speed.plain import plain_costs
from benchmarks.speed.scenes import Scene
from benchmarks.speed.steps import moving_bytes, outputs_of, step_costs
from benchmarks.speed.whole import run_times, start_seconds

SCENES = (
    Scene(512, 8, n_frames=100),
    Scene(512, 20, n_frames=100),
    Scene(2048, 20),
    Scene(2048, 150),
    Scene(2048, 1000),
)
"""The first is as crowded as 150 cells on 2048 x 2048 (35 per megapixel over its frames, in which
cells divide), the second two and a half times as much."""
WHOLE = Scene(2048, 150, n_frames=20, n_fovs=2)
LONG_FRAMES = 500
STARTS = {
    "import pyama_core": "import pyama_core",
    "pyama --help": "import pyama_core.cli as cli, sys; sys.argv[1:] = ['--help']; cli.main()",
    "worker (imports)": "import pyama_core.processing.workflow.execution.worker, "
    "pyama_core.processing.workflow.execution.worker",
}


def main(
    scenes: Sequence[Scene], whole: Scene, long_frames: int, repeats: int, folder: Path
) -> None:
    """Measure and print everything."""
    print(
        f"{'scene':<18}{'step':<14}{'ms/Mpx-frame':>13}{'x plain':>9}{'x bytes':>9}{'peak MB':>9}"
    )
    for scene in scenes:
        _print_scene(scene, folder, repeats)
    for name, code in STARTS.items():
        print(f"start: {name:<25}{start_seconds(code, repeats):6.2f} s")
    times = run_times(whole, folder, repeats)
    run = f"{whole.n_fovs} FOVs x {whole.n_frames} frames from ND2, 2 workers"
    print(f"{run}, memory at hand: {times.memory_at_hand:.2f} s")
    print(f"{run}, memory as found: {times.memory_as_found:.2f} s", flush=True)
    _print_long(whole, long_frames, folder, repeats)


def _print_scene(scene: Scene, folder: Path, repeats: int) -> None:
    plain, moved = plain_costs(scene, folder), moving_bytes(scene, folder, repeats)
    name = f"{scene.size} px, {scene.n_cells}"
    for cost in in_a_worker(step_costs, scene, folder, repeats):
        faster = f"1/{plain[cost.step] / cost.ms:.1f}" if cost.step in plain else ""
        print(
            f"{name:<18}{cost.step:<14}{cost.ms:13.2f}{faster:>9}"
            f"{cost.ms / moved:9.2f}{cost.peak_mb:9.0f}",
            flush=True,
        )
    print(f"{name:<18}{'moving bytes':<14}{moved:13.2f}{'':>9}{1.0:9.2f}")


def _print_long(scene: Scene, n_frames: int, folder: Path, repeats: int) -> None:
    layout = outputs_of(scene, folder)
    for step, ms in preview_ms(layout, repeats).items():
        print(f"preview of one frame, {step}: {ms:.0f} ms")
    for count in (scene.n_frames, n_frames):
        for step, megabytes in in_a_worker(peak_memory, layout, count).items():
            print(f"peak memory over {count} frames, {step}: {megabytes:.0f} MB", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where movies are kept between calls")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        main(SCENES, WHOLE, LONG_FRAMES, options.repeats, options.folder or Path(temporary))
