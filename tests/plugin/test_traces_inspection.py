"""Looking at traces: filters, counts, selection, marks with undo, words, files."""

import stat
from dataclasses import replace

import numpy as np
import pytest

from napari_pyama.traces.export import Picture, table_of_shown, write_picture, write_shown
from napari_pyama.traces.inspection import Inspection
from napari_pyama.traces.labels import describe_selected, in_words, relatives_of
from napari_pyama.traces.loading import TraceLoader
from napari_pyama.traces.marks import Marks, save_soon, wait_for_saves
from napari_pyama.traces.trace_set import ViewFilter
from pyama_core.columns import CELL, GOOD, REASON
from pyama_core.errors import InputError
from pyama_core.io.inspection import inspected_path, load_marks
from pyama_core.io.results import read_results
from pyama_core.io.tables import read_table, write_table
from tests.plugin.trace_tables import SIZE, intensity, lineage, results_folder, table


@pytest.fixture
def folder(tmp_path):
    return results_folder(tmp_path / "results")


def files_of(folder):
    index = read_results(folder)
    return index.fovs.__getitem__


def load(folder, fov=0, loader=None):
    return (loader or TraceLoader()).load(files_of(folder), 2, fov).traces


@pytest.fixture
def inspection(folder):
    return Inspection(load(folder), (SIZE, SIZE))


def shown_cells(inspection):
    return inspection.traces.cells[inspection.shown].tolist()


# What is chosen and shown


def test_the_total_intensity_of_the_first_channel_comes_first(inspection):
    assert (inspection.channel, inspection.feature) == (1, "intensity_total")
    inspection.choose(channel=2, feature="area")
    assert (inspection.channel, inspection.feature) == (2, "area")
    inspection.choose(channel=9, feature="no such")
    assert (inspection.channel, inspection.feature) == (2, "area")


@pytest.mark.parametrize(
    ("view_filter", "cells"),
    [
        (ViewFilter(), [1, 2, 3, 4]),
        (ViewFilter(min_length=4), [1]),
        (ViewFilter(min_border=10), [2, 3, 4]),
        (ViewFilter(low=intensity(2, 0)), [2, 3, 4]),
        (ViewFilter(high=intensity(2, 9)), [1, 2]),
        (ViewFilter(hide_rejected=True), [1, 2, 3]),
        (ViewFilter(min_border=10, hide_rejected=True), [2, 3]),
    ],
)
def test_filters_hide_traces_and_change_nothing(view_filter, cells, inspection):
    inspection.view_filter = view_filter
    assert shown_cells(inspection) == cells
    hidden = 4 - len(cells)
    assert str(inspection.counts()) == f"4 traces: 3 good, 1 not good, {hidden} hidden"


def test_good_and_other_traces_are_drawn_apart(inspection):
    good, rejected = inspection.curves()
    assert set(good.owner) == {0, 1, 2}
    assert set(rejected.owner) == {3}


def test_the_spread_is_that_of_the_good_traces_shown(inspection):
    spread = inspection.spread("deviation")
    assert spread.middle[0] == np.mean([intensity(1, 0), intensity(2, 0)])
    inspection.view_filter = ViewFilter(min_length=99)
    assert inspection.spread("quartiles") is None
    assert inspection.spread("none") is None


def test_stepping_goes_through_what_is_shown_and_stops_at_the_ends(inspection):
    inspection.view_filter = ViewFilter(min_border=10)
    steps = []
    for step in (1, 1, 1, 1, -1, -1, -1):
        inspection.selected = inspection.neighbor(step)
        steps.append(inspection.selected)
    assert steps == [2, 3, 4, 4, 3, 2, 2]
    inspection.view_filter = ViewFilter(min_length=99)
    assert inspection.neighbor(1) is None


def test_a_cell_is_found_where_it_is_nearest_in_time(inspection):
    inspection.selected = 3
    assert inspection.position_at(4) == (4, 36.0, 32.0)
    assert inspection.position_at(0) == (3, 36.0, 29.0)
    inspection.selected = 77
    assert inspection.position_at(0) is None
    assert inspection.curve_of_selected() is None


# Words


def test_the_selected_cell_is_described_with_its_relatives(inspection):
    assert describe_selected(inspection).startswith("No cell selected")
    inspection.selected = 2
    assert describe_selected(inspection) == "cell 2, divides at frame 3 into 3, 4; 3 frames, good"
    inspection.selected = 4
    words = "cell 4, daughter of 2; 3 frames, not good (too dim)"
    assert describe_selected(inspection) == words
    inspection.mark(True, all_channels=False)
    assert describe_selected(inspection) == "cell 4, daughter of 2; 3 frames, good"
    inspection.mark(False, all_channels=False)
    assert describe_selected(inspection).endswith("not good (rejected by hand)")
    inspection.selected = 9
    assert describe_selected(inspection) == "cell 9; it has no trace in this channel"


def test_a_daughter_that_divides_is_said_so():
    rows = lineage()
    rows["cell"] = np.array([5, 12, 17, 18])
    rows["parent"] = np.array([0, 5, 12, 12])
    rows["first_frame"] = np.array([0, 9, 30, 31])
    words = "cell 12, daughter of 5, divides at frame 30 into 17, 18"
    assert in_words(12, relatives_of(rows, 12)) == words
    assert in_words(3, relatives_of({}, 3)) == "cell 3"


# Marks


def test_marks_can_be_taken_back_and_given_again(tmp_path):
    marks = Marks({tmp_path: {7: True}})
    assert marks.mark([tmp_path], 7, True) == set()
    assert not marks.can_undo
    marks.mark([tmp_path], 7, False)
    marks.mark([tmp_path], 8, False)
    assert marks.of(tmp_path) == {7: False, 8: False}
    assert marks.undo() == {tmp_path}
    marks.undo()
    assert marks.of(tmp_path) == {7: True}
    assert marks.undo() == set()
    marks.redo()
    assert marks.of(tmp_path) == {7: False}
    marks.mark([tmp_path], 9, True)
    assert not marks.can_redo
    assert marks.redo() == set()


def test_a_mark_goes_into_one_channel_or_all(inspection):
    inspection.selected = 1
    assert inspection.mark(False, all_channels=False) == {inspection.path}
    assert inspection.counts().rejected == 2
    inspection.choose(channel=2)
    assert inspection.counts().rejected == 1
    assert len(inspection.mark(False, all_channels=True)) == 1
    assert inspection.counts().rejected == 2
    inspection.fov_traces.marks.undo()
    assert inspection.counts().rejected == 1


def test_marking_nothing_changes_nothing(inspection):
    assert inspection.mark(False, all_channels=True) == set()


def test_marks_are_back_after_a_restart_and_what_filters_said_is_not_lost(folder, inspection):
    for cell, good in ((1, False), (4, True)):
        inspection.selected = cell
        inspection.mark(good, all_channels=False)
    save_soon(inspection.path, inspection.fov_traces.marks.of(inspection.path), pytest.fail)
    wait_for_saves()
    again = Inspection(load(folder), (SIZE, SIZE))
    assert again.good.tolist() == [False, True, True, True]
    assert again.traces.judged.tolist() == [True, True, True, False]
    again.selected = 1
    assert "rejected by hand" in describe_selected(again)
    assert again.traces.reasons[4] == "too dim"
    assert read_table(inspected_path(inspection.path))[GOOD][0] == np.False_


def test_the_last_of_many_saves_holds(folder):
    path = load(folder).channels[1].path
    for n in range(20):
        save_soon(path, {1: bool(n % 2), 2: False}, pytest.fail)
    wait_for_saves()
    assert load_marks(path) == {1: True, 2: False}


def test_a_folder_that_cannot_be_written_is_told_in_one_sentence(folder, monkeypatch):
    path = load(folder).channels[1].path

    def refuse(path, marks):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("napari_pyama.traces.marks.save_marks", refuse)
    told: list[InputError] = []
    save_soon(path, {1: False}, told.append)
    wait_for_saves()
    assert len(told) == 1
    assert "cannot be saved (Permission denied)" in str(told[0])
    assert "\n" not in str(told[0])


# Reading


def test_a_fov_is_read_once_until_its_files_change(folder):
    loader = TraceLoader()
    first = load(folder, loader=loader)
    assert load(folder, loader=loader) is first
    save_soon(first.channels[1].path, {1: False}, pytest.fail)
    assert load(folder, loader=loader) is first
    write_table(first.channels[2].path, table(channel=3))
    assert load(folder, loader=loader) is not first


def test_fovs_without_traces_are_not_offered(folder):
    files = files_of(folder)
    assert TraceLoader().load(files, 2, 0).fovs == [0, 1]

    def only_second(fov):
        return files(fov) if fov == 1 else replace(files(fov), traces_csv=[])

    loaded = TraceLoader().load(only_second, 2, 0)
    assert loaded.fovs == [1]
    assert loaded.traces.channels == {}


def test_traces_that_changed_since_they_were_marked_are_noted(folder):
    before = load(folder)
    path = before.channels[1].path
    save_soon(path, {1: False}, pytest.fail)
    wait_for_saves()
    rows = table()
    rows["intensity_total"] = rows["intensity_total"] + 1
    write_table(path, rows)
    after = load(folder)
    assert "has changed since it was inspected" in after.messages[0].text
    assert after.marks.of(path) == {1: False}


def test_marks_of_a_folder_that_cannot_be_written_are_still_read(folder):
    path = load(folder).channels[1].path
    save_soon(path, {1: False}, pytest.fail)
    wait_for_saves()
    path.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert load(folder).marks.of(path) == {1: False}
    finally:
        path.parent.chmod(stat.S_IRWXU)


# Files


def test_the_exported_table_holds_what_is_shown_with_the_marks(tmp_path, inspection):
    inspection.selected = 1
    inspection.mark(False, all_channels=False)
    inspection.view_filter = ViewFilter(min_border=4, high=intensity(3, 0))
    path = tmp_path / "shown.csv"
    write_shown(path, table_of_shown(inspection))
    written = read_table(path)
    assert sorted(set(written[CELL].tolist())) == [1, 2]
    assert written[GOOD][written[CELL] == 1].tolist() == [False] * 6
    assert set(written[REASON][written[CELL] == 1]) == {"rejected by hand"}
    assert list(written) == list(inspection.traces.table)


def picture_of(inspection):
    good, rejected = inspection.curves()
    return Picture("GFP, FOV 0", "Time (min)", "Area (px)", good, rejected)


@pytest.mark.parametrize("suffix", [".png", ".svg"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning:matplotlib.*")
def test_the_plot_is_drawn_to_a_file(suffix, tmp_path, inspection):
    path = tmp_path / f"plot{suffix}"
    inspection.selected = 2
    picture = replace(
        picture_of(inspection),
        selected=inspection.curve_of_selected(),
        selected_name="Cell 2",
        spread=inspection.spread("deviation"),
        spread_name="Mean",
    )
    write_picture(path, picture)
    beginning = path.read_bytes()[:60]
    assert beginning.startswith(b"\x89PNG") or b"<?xml" in beginning
    assert [file.name for file in tmp_path.glob("*plot*")] == [path.name]


def test_another_kind_of_picture_is_refused_before_anything_is_written(tmp_path, inspection):
    with pytest.raises(InputError, match=r"ends in \.png or \.svg"):
        write_picture(tmp_path / "plot.xyz", picture_of(inspection))
    assert not list(tmp_path.glob("plot*"))
