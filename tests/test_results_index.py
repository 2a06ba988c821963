"""Results folders of every layout, read and written."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyama_core.errors import InputError
from pyama_core.io.result_files import ResultsPathsPerFOV
from pyama_core.io.results import ResultsIndex, read_results, write_results


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")


def layout_a(folder: Path, fovs=(0, 1)) -> ResultsIndex:
    """Make the files of layout A (empty) and their index."""
    index = ResultsIndex(folder, 0, [1, 2], params={"segmentation": {"threshold": 0.5}})
    for fov in fovs:
        own = folder / f"fov_{fov:03d}"
        stem = f"exp_fov_{fov:03d}"
        index.fovs[fov] = ResultsPathsPerFOV(
            pc=(0, own / f"{stem}_pc_ch_0.npy"),
            fl=[(c, own / f"{stem}_fl_ch_{c}.npy") for c in (1, 2)],
            seg=(0, own / f"{stem}_seg_ch_0.npy"),
            seg_labeled=(0, own / f"{stem}_seg_labeled_ch_0.npy"),
            fl_corrected=[(c, own / f"{stem}_fl_corrected_ch_{c}.npy") for c in (1, 2)],
            traces_csv=[(c, own / f"{stem}_traces_ch_{c}.csv") for c in (1, 2)],
            seg_instances=(0, own / f"{stem}_seg_instances_ch_0.npy"),
            lineage=(0, own / f"{stem}_lineage_ch_0.csv"),
            background=[(c, own / f"{stem}_background_ch_{c}.npz") for c in (1, 2)],
        )
        touch(own, *(path.name for _, (_, path) in index.fovs[fov].pairs()))
    return index


def write_yaml(folder: Path, content: object, name: str = "processing_results.yaml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(yaml.safe_dump(content))
    return path


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    index = layout_a(tmp_path)
    index.extra["position_names"] = ["A1", "A2"]
    path = write_results(index)
    assert read_results(tmp_path) == index
    assert read_results(path) == index


def test_the_written_file_is_layout_a_with_relative_paths(tmp_path: Path) -> None:
    content = yaml.safe_load(write_results(layout_a(tmp_path)).read_text())
    assert list(content) == ["output_dir", "channels", "results_paths", "params", "time_units"]
    assert content["channels"] == {"pc": 0, "fl": [1, 2]}
    entry = content["results_paths"]["1"]
    assert list(entry)[:6] == ["pc", "fl", "seg", "seg_labeled", "fl_corrected", "traces_csv"]
    assert entry["pc"] == [0, "fov_001/exp_fov_001_pc_ch_0.npy"]
    assert entry["traces_csv"][1] == [2, "fov_001/exp_fov_001_traces_ch_2.csv"]


def test_a_step_that_has_not_run_is_null_or_empty(tmp_path: Path) -> None:
    index = ResultsIndex(tmp_path, 0, fovs={3: ResultsPathsPerFOV()})
    entry = yaml.safe_load(write_results(index).read_text())["results_paths"]["3"]
    assert entry == {
        "pc": None, "fl": [], "seg": None, "seg_labeled": None, "fl_corrected": [],
        "traces_csv": [],
    }  # fmt: skip


@pytest.mark.parametrize("root", ["/data/lab/out", "C:\\data\\out"])
def test_absolute_paths_of_a_moved_folder_are_repaired(tmp_path: Path, root: str) -> None:
    index = layout_a(tmp_path)
    write_results(index)
    file = tmp_path / "processing_results.yaml"
    sep = "\\" if "\\" in root else "/"
    content = yaml.safe_load(file.read_text())
    for entry in content["results_paths"].values():
        entry["pc"][1] = root + sep + entry["pc"][1].replace("/", sep)
        entry["fl"] = [[c, root + sep + path.replace("/", sep)] for c, path in entry["fl"]]
    write_yaml(tmp_path, content)
    assert read_results(tmp_path).fovs == index.fovs


def test_a_copy_of_a_folder_points_to_itself_and_not_to_the_original(tmp_path: Path) -> None:
    original, copy = tmp_path / "original", tmp_path / "copy"
    index = layout_a(original)
    layout_a(copy)
    entries = {
        str(fov): {"pc": [0, str(files.pc[1])]} for fov, files in index.fovs.items() if files.pc
    }
    write_yaml(copy, {"channels": {"pc": 0, "fl": []}, "results_paths": entries})
    pc = read_results(copy).fovs[0].pc
    assert pc is not None
    assert pc[1].parent.parent == copy


def test_files_that_are_gone_are_left_out_and_said(tmp_path: Path) -> None:
    index = layout_a(tmp_path)
    write_results(index)
    for fov in (0, 1):
        (tmp_path / f"fov_{fov:03d}" / f"exp_fov_{fov:03d}_pc_ch_0.npy").unlink()
    found = read_results(tmp_path)
    assert found.fovs[0].pc is None
    assert found.fovs[0].seg is not None
    assert found.notes == [f"2 files that {tmp_path.name} lists are not there."]


def test_a_folder_without_yaml_is_read_by_its_file_names(tmp_path: Path) -> None:
    index = layout_a(tmp_path)
    found = read_results(tmp_path)
    assert found.fovs == index.fovs
    assert (found.channels_pc, found.channels_fl) == (0, [1, 2])


def test_inspected_copies_are_not_taken_for_traces(tmp_path: Path) -> None:
    index = layout_a(tmp_path)
    touch(tmp_path / "fov_000", "exp_fov_000_traces_ch_1_inspected.csv")
    assert read_results(tmp_path).fovs == index.fovs


def test_a_run_without_fluorescence_is_read_back(tmp_path: Path) -> None:
    touch(tmp_path / "fov_000", "x_fov_000_seg_ch_2.npy", "x_fov_000_traces_ch_2.csv")
    traces = tmp_path / "fov_000" / "x_fov_000_traces_ch_2.csv"
    files = ResultsPathsPerFOV(traces_csv=[(2, traces)])
    write_results(ResultsIndex(tmp_path, 2, fovs={0: files}))
    with_yaml = read_results(tmp_path)
    (tmp_path / "processing_results.yaml").unlink()
    without = read_results(tmp_path)
    assert with_yaml.channels_fl == without.channels_fl == []
    assert with_yaml.fovs[0].traces_csv == without.fovs[0].traces_csv == [(2, traces)]


def test_layout_b_has_one_trace_table_for_all_channels(tmp_path: Path) -> None:
    own = tmp_path / "fov_000"
    touch(own, "e_fov_000_pc_ch_0.npy", "e_fov_000_fl_background_ch_1.npy", "e_fov_000_traces.csv")
    entry = {
        "pc": [0, str(own / "e_fov_000_pc_ch_0.npy")],
        "fl_background": [[1, str(own / "e_fov_000_fl_background_ch_1.npy")]],
        "traces": str(own / "e_fov_000_traces.csv"),
    }
    channels = {"pc": [0, ["area"]], "fl": [[1, ["intensity_total"]], [2, ["intensity_total"]]]}
    write_yaml(tmp_path, {"channels": channels, "results": {"0": entry}})
    index = read_results(tmp_path)
    traces = own / "e_fov_000_traces.csv"
    assert (index.channels_pc, index.channels_fl) == (0, [1, 2])
    assert index.fovs[0].traces_csv == [(1, traces), (2, traces)]
    assert index.fovs[0].fl_background == [(1, own / "e_fov_000_fl_background_ch_1.npy")]


@pytest.mark.parametrize("with_yaml", [True, False])
def test_layout_c_calls_untracked_labels_labeled(tmp_path: Path, with_yaml: bool) -> None:
    own = tmp_path / "fov_000"
    touch(own, "e_fov_000_seg_labeled_ch_0.npy", "e_fov_000_seg_tracked_ch_0.npy")
    touch(own, "e_fov_000_fl_ch_1.npy", "e_fov_000_traces.csv")
    if with_yaml:
        channels = {"pc": {0: ["area"]}, "fl": {1: ["intensity_total"]}}
        write_yaml(tmp_path, {"channels": channels, "params": {}}, "processing_config.yaml")
    index = read_results(tmp_path)
    assert index.fovs[0].seg_labeled == (0, own / "e_fov_000_seg_tracked_ch_0.npy")
    assert index.fovs[0].seg_instances == (0, own / "e_fov_000_seg_labeled_ch_0.npy")
    assert index.fovs[0].traces_csv == [(1, own / "e_fov_000_traces.csv")]
    assert (index.channels_pc, index.channels_fl) == (0, [1])


def test_names_of_any_alphabet_and_mark_are_read_back(tmp_path: Path) -> None:
    index = ResultsIndex(tmp_path, 0, [1])
    path = tmp_path / "fov_000" / "Zellen 'ä' #1: 細胞_fov_000_pc_ch_0.npy"
    touch(path.parent, path.name)
    index.fovs[0] = ResultsPathsPerFOV(pc=(0, path))
    index.extra["position_names"] = ["ä: 1", None, True]
    write_results(index)
    assert read_results(tmp_path) == index


def test_nothing_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="No results"):
        read_results(tmp_path / "gone")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("processing_results.yaml", "a: [1"),
        ("processing_results.yaml", "just text"),
        ("processing_results.yaml", "other: 1"),
        ("processing_results.yaml", "results_paths: {'0': 3}"),
        ("processing_results.yaml", "results_paths: {a: {pc: [0, x]}}"),
        ("processing_results.yaml", "results_paths: {'0': {pc: [[1]]}}"),
        ("processing_results.yaml", "channels: 5"),
        ("processing_results.yaml", "channels: {pc: 0, fl: x}"),
        ("processing_results.yaml", "channels: {pc: 1000000000}"),
        ("processing_results.yaml", "channels: {pc: -1, fl: []}"),
        ("processing_results.yaml", "channels: {pc: 1.5}"),
        ("processing_results.yaml", "channels: {pc: true}"),
        ("processing_results.yaml", "channels: {fl: [[]]}"),
        ("processing_results.yaml", "params: 5"),
        ("processing_results.yaml", "params: [1, 2]"),
        ("processing_results.yaml", "results_paths: 7"),
        ("processing_results.yaml", "results_paths: [a]"),
        ("processing_results.yaml", "results_paths: {'-1': {}}"),
        ("processing_results.yaml", "results_paths: {'1000000000': {pc: [0, x]}}"),
        ("processing_results.yaml", "results_paths: {'0': {pc: [0, 7]}}"),
        ("processing_results.yaml", "results_paths: {'0': {pc: 7}}"),
        ("processing_results.yaml", "results_paths: {'0': {fl: {x: y}}}"),
        ("processing_results.yaml", "results_paths: {'0': {}}\ntime_units: [a]"),
        ("processing_results.yaml", "results_paths: {'0': {}}\ntime_units: \"a\\nb\""),
        ("processing_results.yaml", "1: 2"),
        ("image.nd2", "x"),
    ],
)
def test_anything_else_is_one_clear_error(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=r"choose|Choose|remove"):
        read_results(tmp_path / name)


def test_an_empty_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no results"):
        read_results(tmp_path)


def test_parameters_may_hold_tuples_and_paths(tmp_path: Path) -> None:
    index = layout_a(tmp_path)
    index.params = {"extraction": {"features": ("area",), "model": Path("a/b")}, "x": np.nan}
    content = yaml.safe_load(write_results(index).read_text())
    assert content["params"]["extraction"] == {"features": ["area"], "model": str(Path("a/b"))}


def paths_of(index: ResultsIndex) -> list[Path]:
    return [path for files in index.fovs.values() for _, (_, path) in files.pairs()]


@pytest.mark.skipif(os.name == "nt", reason="POSIX links")
@pytest.mark.parametrize(
    "written",
    [
        "../secret_fov_000_traces_ch_1.csv",
        "fov_000/../../secret_fov_000_traces_ch_1.csv",
        "{above}/secret_fov_000_traces_ch_1.csv",
        "/dev/zero",
        "C:\\..\\secret_fov_000_traces_ch_1.csv",
        "fov_000/link_out.csv",
        "out/secret_fov_000_traces_ch_1.csv",
        "fov_000/.hidden.csv",
        "fov_000/folder.csv",
        "fov_000",
        ".",
    ],
)
def test_a_path_that_leads_out_of_the_folder_is_not_read(tmp_path: Path, written: str) -> None:
    folder = tmp_path / "results"
    index = layout_a(folder, fovs=(0,))
    write_results(index)
    touch(tmp_path, "secret_fov_000_traces_ch_1.csv")
    touch(folder / "fov_000", ".hidden.csv")
    (folder / "fov_000" / "folder.csv").mkdir()
    (folder / "fov_000" / "link_out.csv").symlink_to("../../secret_fov_000_traces_ch_1.csv")
    (folder / "out").symlink_to("..")
    written = written.format(above=tmp_path)
    content = yaml.safe_load((folder / "processing_results.yaml").read_text())
    content["results_paths"]["0"]["traces_csv"] = [[1, written]]
    write_yaml(folder, content)
    found = read_results(folder)
    assert found.fovs[0].traces_csv == []
    assert found.fovs[0].pc == index.fovs[0].pc
    assert found.notes == [
        f"results lists {written}, outside of it or no regular file: only files that lie in a "
        "results folder are read."
    ]


@pytest.mark.skipif(os.name == "nt", reason="POSIX links")
def test_without_a_yaml_links_that_lead_out_and_hidden_files_are_no_results(tmp_path: Path) -> None:
    index, folder = layout_a(tmp_path / "results", fovs=(0,)), tmp_path / "results"
    labels = folder / "fov_000" / "exp_fov_000_seg_labeled_ch_0.npy"
    labels.rename(tmp_path / "elsewhere.npy")
    labels.symlink_to("../../elsewhere.npy")
    touch(folder / "fov_000", ".partial-1234-exp_fov_000_fl_ch_3.npy", "._exp_fov_000_fl_ch_4.npy")
    (folder / "fov_000" / "exp_fov_000_fl_ch_5.npy").mkdir()
    touch(tmp_path / "outside", "exp_fov_001_pc_ch_0.npy")
    (folder / "fov_001").symlink_to("../outside")
    touch(folder / "fov_1", "exp_fov_001_pc_ch_0.npy")
    index.fovs[0].seg_labeled = None
    assert read_results(folder).fovs == index.fovs


@pytest.mark.skipif(os.name == "nt", reason="POSIX links")
def test_an_index_that_lies_elsewhere_is_not_read(tmp_path: Path) -> None:
    index = layout_a(tmp_path / "results", fovs=(0,))
    (tmp_path / "elsewhere.yaml").write_text("channels: {pc: 7, fl: []}\nresults_paths: {}")
    (tmp_path / "results" / "processing_results.yaml").symlink_to("../elsewhere.yaml")
    found = read_results(tmp_path / "results")
    assert (found.channels_pc, found.fovs) == (0, index.fovs)


@pytest.mark.skipif(os.name == "nt", reason="POSIX links")
def test_a_status_file_that_lies_elsewhere_is_a_damaged_one(tmp_path: Path) -> None:
    layout_a(tmp_path / "results")
    (tmp_path / "elsewhere.json").write_text(json.dumps(STATUS))
    (tmp_path / "results" / "fov_000" / "status.json").symlink_to("../../elsewhere.json")
    assert sorted(read_results(tmp_path / "results").fovs) == [1]


STATUS = {
    "steps": {
        "copy": {"state": "done", "outputs": [{"name": "exp_fov_000_pc_ch_0.npy", "size": 0}]},
        "segmentation": {
            "state": "pruned",
            "outputs": [{"name": "exp_fov_000_lineage_ch_0.csv", "size": 0}],
        },
        "tracking": {
            "state": "failed",
            "outputs": [{"name": "exp_fov_000_seg_labeled_ch_0.npy", "size": 0}],
        },
        "extraction": {
            "state": "done",
            "outputs": [
                {"name": "exp_fov_000_traces_ch_1.csv", "size": 7},
                {"name": "../exp_fov_000_traces_ch_2.csv", "size": 0},
            ],
        },
    }
}


def test_of_a_fov_with_a_status_file_only_completed_files_count(tmp_path: Path) -> None:
    """Complete is what a step that is done has recorded, and what has the size it had then."""
    index = layout_a(tmp_path)
    (tmp_path / "fov_000" / "status.json").write_text(json.dumps(STATUS))
    found = read_results(tmp_path).fovs
    assert [kind for kind, _ in found[0].pairs()] == ["pc", "lineage"]
    assert found[1] == index.fovs[1]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"steps": 1}', '{"steps": {"a": 1}}', '{"steps": {}}', "[" * 9999]
)
def test_of_a_fov_with_a_damaged_status_file_nothing_counts(tmp_path: Path, text: str) -> None:
    layout_a(tmp_path)
    (tmp_path / "fov_000" / "status.json").write_text(text)
    assert sorted(read_results(tmp_path).fovs) == [1]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_index_is_read_or_refused_in_one_sentence(
    tmp_path: Path, data: st.DataObject
) -> None:
    path = write_results(layout_a(tmp_path))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        end = at + data.draw(st.integers(0, 20))
        content[at:end] = data.draw(st.binary(max_size=6) | st.sampled_from([b"[", b"{", b": "]))
    path.write_bytes(content)
    try:
        found = read_results(tmp_path)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert all(file.is_relative_to(tmp_path) for file in paths_of(found))
