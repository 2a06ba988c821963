"""The files that are damaged, and what reads them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.stress.experiment import Experiment, command
from benchmarks.stress.fuzz import structures, uses
from benchmarks.stress.fuzz.mutations import ON_BYTES, ON_TEXT, Mutation

Task = Callable[[], int]
Use = Callable[["Setting"], Task]


@dataclass(frozen=True)
class Setting:
    """The folder of a case: results, the damaged file, and the experiment they are of."""

    experiment: Experiment
    results: Path
    damaged: Path


@dataclass(frozen=True)
class Target:
    """A kind of file."""

    name: str
    files: Sequence[str]
    """Where such files are in the results folder, or beside it; ``*`` stands for any name."""
    mutations: Sequence[Mutation]
    uses: dict[str, Use]
    weight: int = 1
    is_stale: bool = False
    """Whether the file is given the age of one that nobody keeps up."""


def _merge(setting: Setting) -> Task:
    return command(setting.experiment.merge(setting.results))


def _merge_with(setting: Setting) -> Task:
    return command(["merge", str(setting.results), str(setting.damaged)])


def _run(setting: Setting) -> Task:
    return command(setting.experiment.run(setting.results))


def _run_with(*more: str) -> Use:
    return lambda setting: command(
        setting.experiment.run(setting.results, *(part.format(setting.damaged) for part in more))
    )


def _status(*more: str) -> Use:
    return lambda setting: command(["status", str(setting.results), *more])


def _on_file(use: Callable[[Path], Any]) -> Use:
    return lambda setting: uses.spoken(lambda: use(setting.damaged))


def _on_folder(use: Callable[[Path], Any]) -> Use:
    return lambda setting: uses.spoken(lambda: use(setting.results))


_FOV: Final = "fov_000/movie_fov_000_"
_STACKS: Final = (
    "pc_ch_0",
    "seg_ch_0",
    "seg_instances_ch_0",
    "seg_labeled_ch_0",
    "fl_ch_1",
    "fl_corrected_ch_1",
)
_TEXT: Final = (*ON_TEXT, *ON_TEXT, *ON_BYTES)
_JSON: Final = (*(structures.change_json,) * 24, *_TEXT)
_YAML: Final = (*(structures.change_yaml,) * 24, *_TEXT)
_NPY: Final = (*(structures.change_npy,) * 10, *(structures.change_stack,) * 3, *ON_BYTES)
_NPZ: Final = (*(structures.change_npz,) * 10, *ON_BYTES)
_ND2: Final = (*(structures.change_nd2,) * 10, *ON_BYTES)

_AGAIN_FROM_TRACKING: Final = ("--set", "tracking.max_distance=15")
_AGAIN_FROM_CORRECTION: Final = ("--set", "correction.mask_margin=3")
_AGAIN_FROM_EXTRACTION: Final = ("--set", "extraction.min_trace_length=3")

TARGETS: Final = (
    Target(
        "ND2",
        ("tiny.nd2", "tiny_compressed.nd2", "tiny_z.nd2"),
        _ND2,
        {
            "info": lambda setting: command(["info", str(setting.damaged)]),
            "read": _on_file(uses.read_microscopy),
        },
        weight=4,
    ),
    Target(
        "ND2 run",
        ("movie.nd2",),
        _ND2,
        {"run": lambda s: command(["run", str(s.damaged), "-o", str(s.results / "new"), "--pc=0"])},
    ),
    Target(
        "recipe YAML",
        ("results/recipe.yaml",),
        _YAML,
        {
            "plan": _run_with("--dry-run", "--recipe", "{}"),
            "run": _run_with("--recipe", "{}"),
        },
        weight=2,
    ),
    Target(
        "index YAML",
        ("results/processing_results.yaml", "results/pyama.yaml", "results/later_pyama.yaml"),
        _YAML,
        {"merge": _merge, "read": _on_folder(uses.read_index), "run": _run, "status": _status()},
        weight=2,
    ),
    Target("samples YAML", ("samples.yaml",), _YAML, {"merge": _merge_with}, weight=2),
    Target(
        "status JSON",
        ("results/fov_000/status.json",),
        _JSON,
        {
            "status": _status(),
            "verify": _status("--verify", "--notes"),
            "run": _run,
            "prune": _run_with("--keep", "results"),
            "merge": _merge,
        },
        weight=2,
    ),
    Target(
        "run file JSON",
        ("results/runs/*.json", "results/run_log.json"),
        _JSON,
        {"run": _run_with(*_AGAIN_FROM_EXTRACTION), "status": _status()},
    ),
    Target(
        "traces CSV",
        (f"results/{_FOV}traces_ch_1.csv",),
        _TEXT,
        {
            "merge": _merge,
            "read": _on_file(uses.read_trace_table),
            "mark": _on_file(uses.mark),
            "table": _on_folder(uses.write_whole_table),
            "run": _run,
        },
        weight=2,
    ),
    Target(
        "inspected CSV",
        (f"results/{_FOV}traces_ch_1_inspected.csv",),
        _TEXT,
        {
            "merge": _merge,
            "mark": _on_folder(uses.mark_all),
            "read": _on_folder(uses.read_marks),
            "run": _run_with(*_AGAIN_FROM_EXTRACTION),
        },
        weight=2,
    ),
    Target(
        "marks JSON",
        (f"results/{_FOV}traces_ch_1_inspected.json",),
        _JSON,
        {"merge": _merge, "mark": _on_folder(uses.mark_all), "read": _on_folder(uses.read_marks)},
    ),
    Target(
        "lineage CSV",
        (f"results/{_FOV}lineage_ch_0.csv",),
        _TEXT,
        {"read": _on_file(uses.read_lineage), "run": _run_with(*_AGAIN_FROM_EXTRACTION)},
    ),
    Target(
        "whole table CSV", ("results/traces.csv",), _TEXT, {"parquet": _on_folder(uses.parquet)}
    ),
    Target(
        "NPY",
        tuple(f"results/{_FOV}{name}.npy" for name in _STACKS),
        _NPY,
        {
            "run from tracking": _run_with(*_AGAIN_FROM_TRACKING),
            "run from correction": _run_with(*_AGAIN_FROM_CORRECTION),
            "run from extraction": _run_with(*_AGAIN_FROM_EXTRACTION),
            "run": _run,
        },
        weight=2,
    ),
    Target(
        "labels NPY",
        (f"results/{_FOV}seg_labeled_ch_0.npy",),
        _NPY,
        {
            "run": _run_with(
                "--set", "segmentation.method=labels", "--set", "segmentation.labels_path={}"
            )
        },
    ),
    Target(
        "NPZ",
        (f"results/{_FOV}background_ch_1.npz",),
        _NPZ,
        {"read": _on_file(uses.read_background)},
    ),
    Target(
        "classifier",
        ("classifier.npz",),
        _NPZ,
        {
            "load": _on_file(uses.read_classifier),
            "run": _run_with(
                "--set", "segmentation.method=trained", "--set", "segmentation.model={}"
            ),
        },
        weight=2,
    ),
    Target(
        "lock",
        ("results/fov_000/.lock", "results/.lock"),
        _JSON,
        {"run": _run_with(*_AGAIN_FROM_EXTRACTION), "status": _status()},
        is_stale=True,
    ),
)
