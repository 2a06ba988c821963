"""A complete run: its plan, its progress, its command."""

import shlex

import pytest

from napari_pyama.background.run import RunRequest, command_of, plan_run
from napari_pyama.background.run_progress import RunProgress, duration, size
from pyama_core.errors import InputError
from pyama_core.io import ChannelInfo, open_microscopy
from pyama_core.messages import Message
from pyama_core.processing.workflow.params import WorkflowParams, workflow_params
from tests.plugin.sources import experiment
from tests.reference.nd2_files import layout, random_frames, write_frames

STEPS = ("copy", "segmentation", "tracking")


def event(step, fov=0, t=0, T=10, message="working"):
    return {"step": step, "fov": fov, "t": t, "T": T, "message": message}


def request(tmp_path, **changes):
    given = {
        "source": experiment(),
        "output_dir": tmp_path / "out",
        "pc": 0,
        "fl": (1,),
        "fovs": (0, 1),
        "recipe": WorkflowParams(),
    }
    return RunRequest(**(given | changes))


def test_progress_counts_steps_and_frames():
    progress = RunProgress.of_steps({0: STEPS, 1: STEPS})
    progress.take(event("segmentation", t=4))
    assert progress.fovs[0].share == pytest.approx((1 + 0.5) / 3)
    assert progress.share == pytest.approx(0.25)


def test_progress_does_not_go_back_in_a_step_of_two_passes():
    progress = RunProgress.of_steps({0: STEPS})
    progress.take(event("tracking", t=9))
    progress.take(event("tracking", t=0))
    assert progress.share == 1


def test_a_fov_that_ends_is_named_and_a_failure_kept_with_its_reason():
    progress = RunProgress.of_steps({0: STEPS, 1: STEPS})
    assert progress.take(event("workflow", fov=1, message="failed in tracking: no cells")) == 1
    assert progress.failures == {1: "failed in tracking: no cells"}
    assert progress.in_words().startswith("1 of 2 FOVs are through, ")


@pytest.mark.parametrize("message", ["cancelled", "failed in tracking: no cells"])
def test_a_fov_that_did_not_get_through_shows_how_far_it_got(message):
    progress = RunProgress.of_steps({0: STEPS})
    progress.take(event("segmentation", t=4))
    progress.take(event("workflow", message=message))
    assert progress.fovs[0].share == pytest.approx((1 + 0.5) / 3)
    assert progress.share == 1


def test_what_needs_attention_comes_first():
    progress = RunProgress.of_steps({0: STEPS, 1: STEPS, 2: STEPS})
    progress.take(event("workflow", fov=1, message="failed in tracking: no cells"))
    said = [Message("how"), Message("look", "warning"), Message("gone", "error")]
    progress.end(False, {0: said, 2: said[:1]})
    assert [str(message) for message in progress.fovs[0].messages] == ["gone", "look", "how"]
    assert [fov.weight for fov in progress.fovs.values()] == ["error", "error", "info"]
    assert progress.fovs_with_warnings == [0]
    assert progress.order == [0, 1, 2]
    progress.fovs[0].messages = said[:1]
    assert progress.order == [1, 0, 2]


def test_a_run_that_succeeded_has_no_fov_under_way():
    progress = RunProgress.of_steps({0: STEPS, 1: STEPS})
    progress.take(event("copy"))
    progress.end(True, {})
    assert all(fov.ended and fov.share == 1 for fov in progress.fovs.values())


def test_fovs_done_before_count_as_through():
    progress = RunProgress.of_steps({0: (), 1: STEPS})
    assert progress.fovs[0].message == "done before"
    assert progress.share == 0


def test_compilation_is_mentioned_until_work_goes_on():
    progress = RunProgress.of_steps({0: STEPS})
    progress.take(event("compile", fov=-1, message="compiling kernels"))
    assert progress.note == "compiling kernels"
    progress.take(event("copy"))
    assert progress.note == ""


def test_steps_that_were_not_planned_are_left_aside():
    progress = RunProgress.of_steps({0: STEPS})
    progress.take(event("copy", fov=9))
    progress.take(event("extraction"))
    assert progress.share == 0


@pytest.mark.parametrize(("seconds", "text"), [(3.4, "3 s"), (240, "4 min"), (9000, "2.5 h")])
def test_durations_read_as_people_say_them(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(("n_bytes", "text"), [(12, "12 B"), (1.2e8, "120 MB"), (3e12, "3 TB")])
def test_sizes_read_as_people_say_them(n_bytes, text):
    assert size(n_bytes) == text


def test_a_plan_tells_what_is_left_and_what_it_needs(tmp_path):
    plan = plan_run(request(tmp_path))
    assert plan.steps[0] == ("copy", "segmentation", "correction", "tracking", "extraction")
    assert 0 < plan.bytes_needed < plan.bytes_free
    assert plan.n_done == 0
    assert not plan.begun


def test_a_plan_of_a_channel_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="7"):
        plan_run(request(tmp_path, fl=(7,)))


def test_the_command_does_the_same_run(tmp_path, shared_data):
    path = shared_data / "nd2" / "t98g_t37p2c2.nd2"
    recipe = workflow_params({"segmentation": {"min_size": 50}, "copy": {"z": {1: "max"}}})
    with open_microscopy(path) as source:
        command = command_of(request(tmp_path, source=source, recipe=recipe, n_workers=4))
    words = shlex.split(command)
    assert words[:3] == ["pyama", "run", str(path)]
    assert words[words.index("--fovs") + 1] == "0-1"
    assert "segmentation.min_size=50" in words
    assert "copy.z={'1': max}" in words


def test_the_command_means_the_same_channels_whatever_they_are_called(tmp_path):
    path = tmp_path / "movie.nd2"
    loops, names = layout(), (ChannelInfo("1"), ChannelInfo("GFP"), ChannelInfo("488"))
    write_frames(path, random_frames(loops, 3), loops, channels=names)
    with open_microscopy(path) as source:
        words = shlex.split(command_of(request(tmp_path, source=source, pc=1, fl=(0, 2))))
    assert words[words.index("--pc") :][:6] == ["--pc", "GFP", "--fl", "0", "--fl", "2"]


def test_images_without_a_file_have_no_command(tmp_path):
    with pytest.raises(InputError, match="not from a file"):
        command_of(request(tmp_path))
