"""Channels by index and name: whatever a channel is called, no other one is taken for it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyama_core.channels import by_channel_index, channel_text, find_channel, split_channels
from pyama_core.cli.run import RunRequest, run_workflow
from pyama_core.errors import InputError
from pyama_core.io import ChannelInfo, open_microscopy
from pyama_core.processing.extraction.params import ExtractionParams
from pyama_core.processing.workflow.params import CopyParams, workflow_params
from pyama_core.processing.workflow.recipe import (
    as_text,
    read_recipe,
    recipe_text,
    written_channels,
)
from pyama_core.processing.workflow.resolve import channel_indices
from pyama_core.processing.workflow.services.types import Channels
from tests.reference.nd2_files import layout, random_frames, write_frames


@pytest.mark.parametrize(
    ("text", "names", "index"),
    [
        ("488", ("BF", "488"), 1),
        ("0", ("BF", "488"), 0),
        ("1", ("BF", "488"), 1),
        ("1", ("1",), 0),
        ("1", ("0", "1"), 1),
        ("03", ("03", "GFP"), 0),
        ("gfp ", ("Phase", "GFP"), 1),
        ("\u03bcm", ("Phase", "\u00b5m"), 1),
        ("5", (), 5),
        ("9" * 5000, ("9" * 5000,), 0),
    ],
)
def test_the_exact_name_comes_first_then_the_index(text, names, index):
    assert find_channel(text, names) == index


@pytest.mark.parametrize(
    ("text", "names", "words"),
    [
        ("1", ("1", "GFP"), 'index 0.*named "GFP"; give "0" for the former, give "GFP" for'),
        ("0", ("BF", "0"), 'index 1.*named "BF"; give "BF" for the latter|give "1" for'),
        ("1", ("1", "0"), "use Python, where the number 0 is an index"),
        ("2", ("BF", "GFP"), r"no channel 2: the file has channels 0 \(BF\), 1 \(GFP\)"),
        ("9" * 5000, ("BF",), "no channel named"),
        ("1", ("1", "1"), "Several channels are named '1'"),
    ],
)
def test_what_has_two_meanings_or_none_is_refused(text, names, words):
    with pytest.raises(InputError, match=words):
        find_channel(text, names)


NAMES = st.lists(
    st.sampled_from(["0", "1", "2", "BF", "GFP", "gfp", "488"]), min_size=1, max_size=4
)


@given(names=NAMES, text=st.sampled_from(["0", "1", "2", "BF", "GFP", "488"]))
def test_a_channel_found_has_that_name_or_that_index_and_no_other_has(names, text):
    named = {i for i, name in enumerate(names) if name == text}
    indexed = {int(text)} & set(range(len(names))) if text.isdecimal() else set()
    try:
        found = find_channel(text, names)
    except InputError:
        assert len(named | indexed) != 1
    else:
        assert named | indexed <= {found}


@given(names=NAMES, data=st.data())
def test_a_channel_is_written_so_that_it_is_found_again(names, data):
    channel = data.draw(st.integers(0, len(names) - 1))
    try:
        assert find_channel(str(channel_text(channel, names)), names) == channel
    except InputError:
        clash = [i for i, name in enumerate(names) if name == str(channel) and i != channel]
        assert clash


def test_lists_of_channels_are_split_unless_a_name_holds_the_comma():
    assert split_channels("1, GFP", ("BF", "GFP")) == ["1", "GFP"]
    assert split_channels("Cy5, far", ("BF", "cy5, far")) == ["Cy5, far"]
    with pytest.raises(InputError, match="two meanings"):
        split_channels("0,1", ("BF", "0,1"))


def test_rules_for_channels_follow_the_same_order():
    z = CopyParams(z={488: "max"})
    assert [z.z_of(c, ("BF", "488")) for c in (0, 1)] == ["middle", "max"]
    features = ExtractionParams(channel_features={488: ["intensity_max"]})
    assert set(features.with_channel_indices(["BF", "488"]).channel_features) == {1}
    for refused in ({"1": "max"}, {1: "max"}):
        with pytest.raises(InputError, match=r"copy\.z: channel \"1\" has two meanings"):
            CopyParams(z=refused).z_of(0, ("1", "GFP"))
    with pytest.raises(InputError, match=r"channel_features: channel \"1\" has two meanings"):
        ExtractionParams(channel_features={1: ["area"]}).with_channel_indices(["1", "GFP"])


def test_two_rules_for_one_channel_are_refused():
    with pytest.raises(InputError, match=r"copy\.z names channel 1 twice"):
        by_channel_index({"GFP": 1, "1": 2}, ("BF", "GFP"), parameter="copy.z")


@pytest.fixture
def crossed(tmp_path):
    """Metadata of a file whose channel 0 is named 1."""
    loops = layout()
    named = (ChannelInfo("1"), ChannelInfo("GFP"), ChannelInfo("488"))
    path = write_frames(tmp_path / "a.nd2", random_frames(loops, 3), loops, channels=named)
    with open_microscopy(path) as file:
        return file.metadata


def test_numbers_in_python_are_indices_and_text_is_both(crossed):
    assert channel_indices(crossed, Channels(1, [2])) == (1, (2,))
    assert channel_indices(crossed, Channels("GFP", ["488"])) == (1, (2,))
    with pytest.raises(InputError, match="two meanings"):
        channel_indices(crossed, Channels("1", []))


@pytest.mark.parametrize("pc", ["1", '"1"'])
def test_numbers_in_recipes_may_be_names(crossed, tmp_path, pc):
    path = Path(tmp_path / "recipe.yaml")
    path.write_text("channels: {pc: GFP, fl: [488]}")
    assert channel_indices(crossed, as_text(read_recipe(path).channels)) == (1, (2,))
    path.write_text(f"channels: {{pc: {pc}}}")
    with pytest.raises(InputError, match="two meanings"):
        channel_indices(crossed, as_text(read_recipe(path).channels))


def test_the_recipe_of_a_run_gives_its_channels_whatever_their_names(crossed, tmp_path):
    path = tmp_path / "recipe.yaml"
    channels = written_channels(1, (0, 2), crossed.channel_names)
    path.write_text(recipe_text(workflow_params({}), channels))
    assert channel_indices(crossed, as_text(read_recipe(path).channels)) == (1, (0, 2))


def test_channels_of_the_command_line_may_have_numbers_for_names(crossed, tmp_path):
    def run(**channels):
        request = RunRequest(crossed.file_path, tmp_path / "out", **channels)
        return run_workflow(request, dry_run=True)

    assert run(pc="GFP", fl=["488"]) == 0
    with pytest.raises(InputError, match='Channel "1" has two meanings'):
        run(pc="1", fl=["488"])


@pytest.mark.parametrize("pc", ["yes", "488.0", "2020-01-01", "~"])
def test_what_yaml_takes_for_something_else_is_no_channel(tmp_path, pc):
    path = tmp_path / "recipe.yaml"
    path.write_text(f"channels: {{pc: {pc}}}")
    with pytest.raises(InputError, match="must be like"):
        read_recipe(path)
