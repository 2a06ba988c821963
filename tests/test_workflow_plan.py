"""What runs again, and why: keys of inputs and parameters, like make."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pyama_core.io.types import ChannelInfo, MicroscopyMetadata
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.params import workflow_params
from pyama_core.processing.workflow.planning import PlannedStep, plan_fov
from pyama_core.processing.workflow.provenance import wanted_stamps
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.status import FovStatus, OutputRecord, Stamp, StepRecord
from pyama_core.processing.workflow.step_order import ordered_services

METADATA = MicroscopyMetadata(
    Path("a.nd2"), "a", 1, 5, 64, 64, channels=tuple(ChannelInfo(n) for n in ("P", "G", "R"))
)
SERVICES = ordered_services()
STEPS = [service.name for service in SERVICES]


def stamps(
    params: Mapping[str, Any] | None = None, fl: tuple[int, ...] = (1,), key: str = "file"
) -> dict[str, Stamp]:
    layout = Layout(Path("out"), "a", 0, fl)
    return wanted_stamps(SERVICES, workflow_params(params or {}), METADATA, layout, key)


def done(made: Mapping[str, Stamp]) -> FovStatus:
    output = (OutputRecord("file.npy", 10, "digest"),)
    return FovStatus({step: StepRecord("done", stamp, 1.0, output) for step, stamp in made.items()})


def plan(
    wanted: Mapping[str, Stamp], status: FovStatus, gone: tuple[str, ...] = ()
) -> dict[str, PlannedStep]:
    planned = plan_fov(SERVICES, wanted, status, lambda output: output.name not in gone)
    return {step.step: step for step in planned}


def running(planned: Mapping[str, PlannedStep]) -> list[str]:
    return [name for name, step in planned.items() if step.runs]


def test_steps_stand_in_their_order() -> None:
    assert STEPS == ["copy", "segmentation", "correction", "tracking", "extraction"]


def test_everything_runs_the_first_time_and_nothing_the_second() -> None:
    assert running(plan(stamps(), FovStatus())) == STEPS
    assert running(plan(stamps(), done(stamps()))) == []


@pytest.mark.parametrize(
    ("params", "runs"),
    [
        (
            {"segmentation": {"threshold": 0.7}},
            ["segmentation", "correction", "tracking", "extraction"],
        ),
        ({"correction": {"spatial_window": 64}}, ["correction", "extraction"]),
        ({"tracking": {"max_gap": 4}}, ["tracking", "extraction"]),
        ({"extraction": {"min_trace_length": 2}}, ["extraction"]),
        ({"copy": {"z": {"1": "max"}}}, ["copy", "correction", "extraction"]),
        ({"copy": {"z": "max"}}, STEPS),
    ],
)
def test_a_changed_parameter_reruns_its_step_and_those_that_read_it(
    params: dict[str, Any], runs: list[str]
) -> None:
    planned = plan(stamps(params), done(stamps()))
    assert running(planned) == runs


def test_the_reason_names_parameter_and_both_values() -> None:
    planned = plan(stamps({"segmentation": {"threshold": 0.7}}), done(stamps()))
    assert "segmentation.threshold changed from None to 0.7" in planned["segmentation"].why
    assert "segmentation changed" in planned["tracking"].why


def test_one_more_channel_leaves_segmentation_and_tracking_alone() -> None:
    planned = plan(stamps(fl=(1, 2)), done(stamps(fl=(1,))))
    assert running(planned) == ["copy", "correction", "extraction"]


def test_another_file_makes_everything_stale() -> None:
    assert running(plan(stamps(key="other"), done(stamps()))) == STEPS


def test_a_new_version_of_a_method_makes_its_step_stale() -> None:
    wanted = stamps()
    wanted["extraction"] = replace(wanted["extraction"], version=99)
    planned = plan(wanted, done(stamps()))
    assert running(planned) == ["extraction"]
    assert "version" in planned["extraction"].why


def test_a_lost_file_reruns_only_the_step_that_made_it() -> None:
    status = done(stamps())
    status.steps["tracking"] = replace(
        status.steps["tracking"], outputs=(OutputRecord("labels.npy", 10, ""),)
    )
    planned = plan(stamps(), status, gone=("labels.npy",))
    assert running(planned) == ["tracking"]
    assert "labels.npy is gone" in planned["tracking"].why


class Silent(BaseProcessingService):
    name = "silent"


class Sparing(Silent):
    def outputs(self, layout: Layout, fov: int) -> Sequence[Path]:
        return []


@pytest.mark.parametrize(("step", "runs"), [(Silent, ["silent"]), (Sparing, [])])
def test_only_a_step_that_declares_no_outputs_always_runs(
    step: type[BaseProcessingService], runs: list[str]
) -> None:
    made = {"silent": StepRecord("done", Stamp("file", 1))}
    wanted = {"silent": Stamp("file", 1)}
    planned = plan_fov([step()], wanted, FovStatus(made), lambda output: True)
    assert [planned_step.step for planned_step in planned if planned_step.runs] == runs


def test_a_failed_step_runs_again() -> None:
    status = done(stamps())
    status.steps["extraction"] = StepRecord("failed", stamps()["extraction"], error="no disk")
    planned = plan(stamps(), status)
    assert running(planned) == ["extraction"]
    assert planned["extraction"].why == "failed before: no disk"


def pruned(status: FovStatus) -> FovStatus:
    return FovStatus(
        {
            name: replace(record, state="pruned", outputs=())
            if name in ("copy", "segmentation", "correction")
            else record
            for name, record in status.steps.items()
        }
    )


def test_what_was_pruned_is_not_made_again_for_nothing() -> None:
    assert running(plan(stamps(), pruned(done(stamps())))) == []


def test_what_was_pruned_is_made_again_for_a_step_that_reads_it() -> None:
    wanted = stamps({"tracking": {"max_gap": 4}})
    planned = plan(wanted, pruned(done(stamps())))
    assert running(planned) == STEPS
    assert "removed to save space" in planned["segmentation"].why


def test_a_retrained_classifier_makes_the_segmentation_stale(tmp_path: Path) -> None:
    model = tmp_path / "classifier.npz"
    params = {"segmentation": {"method": "trained", "model": str(model)}}
    model.write_bytes(b"first")
    before = done(stamps(params))
    assert running(plan(stamps(params), before)) == []
    model.write_bytes(b"second")
    planned = plan(stamps(params), before)
    assert running(planned) == ["segmentation", "correction", "tracking", "extraction"]
    assert "segmentation.model (content) changed" in planned["segmentation"].why
