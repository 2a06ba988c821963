"""The hostile folders: what is put where, and what is then done with it."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from benchmarks.stress.experiment import Experiment, command
from benchmarks.stress.fuzz import uses
from benchmarks.stress.hostile import contents

Task = Callable[[], int]


@dataclass(frozen=True)
class Scene:
    """The folders of a case."""

    experiment: Experiment
    results: Path
    outside: Path
    """Beside the results; holds a copy of everything in them."""
    marker: Path
    """Made by code that should never run."""


@dataclass(frozen=True)
class Scenario:
    """One hostile thing and one use of it."""

    group: str
    name: str
    prepare: Callable[[Scene], None]
    use: str


def task_of(use: str, scene: Scene) -> Task:
    """Return what a use does."""
    return _USES[use](scene)


def scenarios() -> list[Scenario]:
    """Return every hostile thing with each of its uses."""
    return [*_names(), *_links(), *_odd_files(), *_hostile_contents(), *_settings()]


_FOV: Final = "fov_000/movie_fov_000_"
_AGAIN: Final = ("--set", "extraction.min_trace_length=3")
_FROM_TRACKING: Final = ("--set", "tracking.max_distance=15")

_USES: Final[dict[str, Callable[[Scene], Task]]] = {
    "run": lambda s: command(s.experiment.run(s.results)),
    "run from tracking": lambda s: command(s.experiment.run(s.results, *_FROM_TRACKING)),
    "run from extraction": lambda s: command(s.experiment.run(s.results, *_AGAIN)),
    "prune": lambda s: command(s.experiment.run(s.results, "--keep", "results")),
    "status": lambda s: command(["status", str(s.results), "--verify"]),
    "merge": lambda s: command(s.experiment.merge(s.results)),
    "merge with it": lambda s: command(["merge", str(s.results), str(_file(s, "samples.yaml"))]),
    "mark": lambda s: uses.spoken(lambda: uses.mark_all(s.results)),
    "read": lambda s: uses.spoken(lambda: uses.read_index(s.results)),
    "parquet": lambda s: command(["parquet", str(s.results)]),
    "plan with it": lambda s: command(
        s.experiment.run(s.results, "--dry-run", "--recipe", str(_file(s, "recipe.yaml")))
    ),
    "info": lambda s: command(["info", str(_file(s, "hostile.nd2"))]),
    "read frames": lambda s: uses.spoken(lambda: uses.read_microscopy(_file(s, "hostile.nd2"))),
    "run on it": lambda s: command(
        ["run", str(_file(s, "hostile.nd2")), "-o", str(s.results / "new"), "--pc=0"]
    ),
    "load": lambda s: uses.spoken(lambda: uses.read_classifier(_file(s, "classifier.npz"))),
    "read background": lambda s: uses.spoken(lambda: uses.read_backgrounds(s.results)),
    "classify": lambda s: command(
        s.experiment.run(
            s.results,
            *("--set", "segmentation.method=trained"),
            *("--set", f"segmentation.model={_file(s, 'classifier.npz')}"),
        )
    ),
    "set": lambda s: command(
        s.experiment.run(s.results, "--dry-run", "--set", (s.results / "setting").read_text())
    ),
    "nothing": lambda s: lambda: 0,
}


def _file(scene: Scene, name: str) -> Path:
    """Return a file that a user names, beside the results."""
    return scene.results.parent / name


def _names() -> Iterator[Scenario]:
    """Names and paths in files that lead elsewhere."""
    paths = {
        "a path upwards": "../../outside/{}",
        "a path upwards and back": "../fov_000/../../outside/{}",
        "an absolute path": "{outside}/{}",
        "a device": "/dev/zero",
        "a folder": "../fov_001",
        "a link": "link/{}",
        "an empty name": "",
        "a null byte": "a\0b",
        "the folder itself": ".",
        "the status file": "status.json",
    }
    for name, path in paths.items():
        for use in ("prune", "status", "run"):
            yield Scenario("paths", f"{name} in status.json", _in_status(path), use)
    for kind in ("traces_csv", "seg_labeled", "pc", "background", "lineage"):
        for name, path in paths.items():
            for use in ("merge", "mark", "read") if kind == "traces_csv" else ("run",):
                yield Scenario(
                    "paths", f"{name} as {kind} of the index", _in_index(kind, path), use
                )
    for name in (
        "../outside/x",
        "/outside",
        "a/../../outside/x",
        "..",
        ".",
        "x\0",
        "{outside}/x",
        "CON",
        "-x",
        " ",
    ):
        yield Scenario("paths", f"{name!r} as name of a sample", _as_sample(name), "merge with it")
    for fov in ("../outside", "-1", "1e3", "99999999999999999999"):
        for use in ("merge", "run"):
            yield Scenario("paths", f"{fov!r} as FOV of the index", _as_fov(fov), use)


def _in_status(path: str) -> Callable[[Scene], None]:
    def prepare(scene: Scene) -> None:
        status = scene.results / "fov_000" / "status.json"
        content = json.loads(status.read_bytes())
        for step in content["steps"].values():
            for output in step["outputs"]:
                output["name"] = _filled(path, scene, f"fov_000/{output['name']}")
        (scene.results / "fov_000" / "link").symlink_to(scene.outside)
        status.write_text(json.dumps(content))

    return prepare


def _in_index(kind: str, path: str) -> Callable[[Scene], None]:
    def prepare(scene: Scene) -> None:
        index = scene.results / "processing_results.yaml"
        content = yaml.safe_load(index.read_bytes())
        for entry in content["results_paths"].values():
            entry[kind] = _led_elsewhere(entry[kind], path, scene)
        (scene.results / "link").symlink_to(scene.outside)
        index.write_text(yaml.safe_dump(content))

    return prepare


def _led_elsewhere(value: Any, path: str, scene: Scene) -> Any:
    """Keep the channels, and put another path in place of each."""
    if isinstance(value, str):
        return _filled(path, scene, value)
    return (
        [_led_elsewhere(item, path, scene) for item in value] if isinstance(value, list) else value
    )


def _as_sample(name: str) -> Callable[[Scene], None]:
    def prepare(scene: Scene) -> None:
        entry = {"name": name.replace("{outside}", str(scene.outside)), "fovs": "all"}
        _file(scene, "samples.yaml").write_text(yaml.safe_dump({"samples": [entry]}))

    return prepare


def _as_fov(fov: str) -> Callable[[Scene], None]:
    def prepare(scene: Scene) -> None:
        index = scene.results / "processing_results.yaml"
        content = yaml.safe_load(index.read_bytes())
        content["results_paths"][fov] = content["results_paths"].pop("0")
        index.write_text(yaml.safe_dump(content))

    return prepare


def _filled(path: str, scene: Scene, name: str) -> str:
    return path.replace("{outside}", str(scene.outside)).replace("{}", name)


_READ_FILES: Final = {
    "fov_000/status.json": ("run", "status", "prune"),
    "processing_results.yaml": ("merge", "run", "mark"),
    "run_log.json": ("run",),
    "runs": ("run from extraction", "status"),
    "recipe.yaml": ("run",),
    "traces.csv": ("run from extraction", "parquet"),
    "overview.png": ("run",),
    f"{_FOV}traces_ch_1.csv": ("merge", "mark", "run", "run from extraction"),
    f"{_FOV}traces_ch_1_inspected.csv": ("merge", "mark", "run from extraction"),
    f"{_FOV}traces_ch_1_inspected.json": ("merge", "mark"),
    f"{_FOV}pc_ch_0.npy": ("run from tracking", "prune", "status"),
    f"{_FOV}seg_ch_0.npy": ("run from tracking",),
    f"{_FOV}seg_instances_ch_0.npy": ("run from tracking",),
    f"{_FOV}seg_labeled_ch_0.npy": ("run from extraction",),
    f"{_FOV}fl_corrected_ch_1.npy": ("run from extraction",),
    f"{_FOV}lineage_ch_0.csv": ("run from tracking",),
    f"{_FOV}background_ch_1.npz": ("read background",),
    "fov_000/.lock": ("run from extraction",),
    ".lock": ("run from extraction",),
    "fov_000/.partial-0123abcd-x.npy": ("run from extraction",),
    ".partial-0123abcd-traces.csv": ("run from extraction", "merge"),
    "fov_000": ("run from extraction", "merge", "status", "prune", "mark"),
    "fov_007": ("run from extraction", "merge", "status"),
}
"""Every file that is read, written or tidied, by what does so."""


def _links() -> Iterator[Scenario]:
    """Links out of the folder in place of its files."""
    for name, all_uses in _READ_FILES.items():
        for use in all_uses:
            yield Scenario("links", f"a link as {name}", _linked(name), use)
            yield Scenario(
                "links", f"a link to a device as {name}", _linked(name, "/dev/zero"), use
            )


def _linked(name: str, target: str = "") -> Callable[[Scene], None]:
    def prepare(scene: Scene) -> None:
        path = _removed(scene.results / name)
        elsewhere = scene.outside / name
        if not elsewhere.exists():
            _given(elsewhere, scene)
        path.symlink_to(target or elsewhere)

    return prepare


def _given(path: Path, scene: Scene) -> None:
    """Make a file or folder of that name that was not in the results."""
    if path.name.startswith("fov_"):
        shutil.copytree(scene.outside / "fov_000", path)
    else:
        path.write_text("precious")


def _odd_files() -> Iterator[Scenario]:
    """Pipes and folders in place of files; a pipe is opened for ever."""
    for name, all_uses in _READ_FILES.items():
        for use in all_uses if not name.startswith("fov_00") or "/" in name else ():
            yield Scenario("odd files", f"a pipe as {name}", _pipe(name), use)
            yield Scenario("odd files", f"a folder as {name}", _folder(name), use)


def _pipe(name: str) -> Callable[[Scene], None]:
    return lambda scene: os.mkfifo(_removed(scene.results / name))


def _folder(name: str) -> Callable[[Scene], None]:
    return lambda scene: _removed(scene.results / name).mkdir()


def _removed(path: Path) -> Path:
    """Make room for something else under a name."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    return path


def _hostile_contents() -> Iterator[Scenario]:
    """Files that run code or take all memory where they are believed."""
    stacks = {n: u for n, u in _READ_FILES.items() if n.endswith(".npy") and n[-5] in "01"}
    for name, all_uses in stacks.items():
        for content in (
            contents.pickled,
            contents.pickled_npy,
            contents.huge_npy,
            contents.deep_npy,
        ):
            yield from _with_content(name, content, all_uses)
    archives = (
        contents.pickled,
        contents.pickled_npz,
        contents.npz_bomb,
        contents.npz_that_states_little,
    )
    for content in archives:
        yield from _with_content(f"{_FOV}background_ch_1.npz", content, ("read background",))
        yield from _with_content("../classifier.npz", content, ("load", "classify"))
    yamls = {"../samples.yaml": "merge with it", "../recipe.yaml": "plan with it"}
    for content in (contents.yaml_tag, contents.yaml_anchors, contents.yaml_of_itself,
                    contents.deep_yaml, contents.long_number, contents.pickled):  # fmt: skip
        yield from _with_content("processing_results.yaml", content, ("merge", "run"))
        for name, use in yamls.items():
            yield from _with_content(name, content, (use,))
    yield from _with_content("../samples.yaml", contents.many_fovs, ("merge with it",))
    for content in (contents.deep_json, contents.long_number, contents.pickled):
        for name in (
            "fov_000/status.json",
            "run_log.json",
            f"{_FOV}traces_ch_1_inspected.json",
            "fov_000/.lock",
        ):
            yield from _with_content(name, content, _READ_FILES[name])
    for content in (contents.long_line, contents.wide_table, contents.pickled):
        for name in (f"{_FOV}traces_ch_1.csv", f"{_FOV}traces_ch_1_inspected.csv", "traces.csv"):
            yield from _with_content(name, content, _READ_FILES[name])
    for content in (contents.nd2_bomb, contents.wide_nd2, contents.nd2_of_many_frames,
                    contents.nd2_of_many_times, contents.pickled):  # fmt: skip
        yield from _with_content("../hostile.nd2", content, ("info", "read frames", "run on it"))


def _with_content(
    name: str, content: contents.Content, all_uses: tuple[str, ...]
) -> Iterator[Scenario]:
    def prepare(scene: Scene) -> None:
        path = scene.results / name
        made = content(scene.marker)
        if path.suffix == ".npy" and path.exists() and len(made) < path.stat().st_size:
            made += bytes(path.stat().st_size - len(made))  # As large as it is recorded to be.
        path.write_bytes(made)

    title = content.__name__.replace("_", " ")
    group = "pickles and tags" if "pickled" in title or "tag" in title else "bombs"
    for use in all_uses:
        yield Scenario(group, f"{title} as {name.removeprefix('../')}", prepare, use)


def _settings() -> Iterator[Scenario]:
    """Values on the command line."""
    for text in (
        "segmentation.sigmas=!!python/object/apply:builtins.open ['{marker}', 'w']",
        "segmentation.sigmas=&a [*a]",
        "segmentation.model=!!python/name:os.system",
        "segmentation.sigmas=" + "[" * 5000,
        "segmentation.sigmas=" + "9" * 5000,
        "extraction.channel_features={0: &a {0: *a}}",
    ):
        yield Scenario("pickles and tags", f"--set {text[:40]}", _setting(text), "set")


def _setting(text: str) -> Callable[[Scene], None]:
    def prepare(scene: Scene) -> None:
        (scene.results / "setting").write_text(text.replace("{marker}", str(scene.marker)))

    return prepare
