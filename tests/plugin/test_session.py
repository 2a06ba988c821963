"""The session: one recipe for all docks of a viewer."""

import gc

import pytest
from napari.components import ViewerModel

from napari_pyama.session.session import Session, session_of
from pyama_core.errors import InputError
from pyama_core.processing.segmentation import SegmentationParams
from tests.plugin.sources import experiment


def test_docks_of_one_viewer_share_a_session():
    one, other = ViewerModel(), ViewerModel()
    assert session_of(one) is session_of(one)
    assert session_of(one) is not session_of(other)


def test_a_changed_section_is_announced_once():
    session, seen = Session(), []
    session.recipe_changed.connect(seen.append)
    session.set_section("segmentation", SegmentationParams(min_size=9))
    session.set_section("segmentation", SegmentationParams(min_size=9))
    assert [recipe.segmentation.min_size for recipe in seen] == [9]


def test_an_experiment_brings_likely_channels():
    session, source = Session(), experiment()
    session.adopt(source)
    assert (session.pc, session.fl) == (0, (1,))
    session.set_channels(1, ())
    session.adopt(source)
    assert (session.pc, session.fl) == (1, ())


def test_a_recipe_saved_loaded_and_saved_is_the_same_file(tmp_path):
    session = Session()
    session.adopt(experiment())
    session.set_section("segmentation", SegmentationParams(min_size=9, threshold=0.123456789))
    session.set_channels(1, (0,))
    session.save_recipe(tmp_path / "a.yaml")
    other = Session()
    other.adopt(experiment())
    other.load_recipe(tmp_path / "a.yaml")
    other.save_recipe(tmp_path / "b.yaml")
    assert other.recipe == session.recipe
    assert (other.pc, other.fl) == (1, (0,))
    assert (tmp_path / "a.yaml").read_text() == (tmp_path / "b.yaml").read_text()


@pytest.mark.parametrize("content", ["segmentation: {radius: 3}", "channels: {pc: 7}", "{"])
def test_a_bad_recipe_is_refused_in_one_sentence_and_changes_nothing(tmp_path, content):
    session = Session()
    session.adopt(experiment())
    (tmp_path / "bad.yaml").write_text(content)
    before = session.recipe, session.pc
    with pytest.raises(InputError):
        session.load_recipe(tmp_path / "bad.yaml")
    assert (session.recipe, session.pc) == before


def test_the_scratch_folder_goes_with_the_session():
    session = Session()
    scratch = session.scratch
    (scratch / "trial").mkdir()
    assert session.scratch == scratch
    del session
    gc.collect()
    assert not scratch.exists()
