"""One complete run as the user asked for it: what it would do, how it is done, its command."""

import shlex
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from napari_pyama.background.task import Report
from napari_pyama.session.session import Session, run_settings
from napari_pyama.session.view import View
from pyama_core.channels import channel_text
from pyama_core.errors import InputError
from pyama_core.fov_ranges import format_fovs
from pyama_core.io import MicroscopyFile
from pyama_core.messages import Message
from pyama_core.processing.workflow.execution.connect import cluster_executor
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.outputs import Keep, free_bytes
from pyama_core.processing.workflow.params import WorkflowParams
from pyama_core.processing.workflow.pipeline import run_complete_workflow
from pyama_core.processing.workflow.planning import prepare_run
from pyama_core.processing.workflow.recipe import changed_settings
from pyama_core.processing.workflow.resolve import layout_of
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext
from pyama_core.processing.workflow.status import read_status


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A complete run."""

    source: MicroscopyFile
    output_dir: Path
    pc: int
    fl: tuple[int, ...]
    fovs: tuple[int, ...]
    recipe: WorkflowParams
    n_workers: int = 2
    batch_size: int = 2
    scheduler: str = ""
    keep: Keep = "all"
    """``"results"`` removes raw copies and intermediate stacks of each finished FOV."""

    @property
    def from_file(self) -> bool:
        """Whether workers can open the frames themselves."""
        return self.source.metadata.file_path.is_file()

    def context(self) -> ProcessingContext:
        """Make the context of a run."""
        return ProcessingContext(
            output_dir=self.output_dir,
            channels=Channels(self.pc, list(self.fl)),
            params=self.recipe.model_dump(),
        )

    def layout(self) -> Layout:
        """Return where results go."""
        return layout_of(self.source.metadata, self.context(), self.output_dir)


def request_of(view: View, session: Session) -> RunRequest:
    """Return the run of all FOVs that the Preferences suggest."""
    settings = run_settings()
    return RunRequest(
        source=view.source,
        output_dir=default_folder(view.source),
        pc=session.pc,
        fl=session.fl,
        fovs=tuple(range(view.source.metadata.n_fovs)),
        recipe=session.recipe,
        n_workers=settings.n_workers,
        batch_size=settings.batch_size,
        scheduler=settings.scheduler,
    )


def default_folder(source: MicroscopyFile) -> Path:
    """Return the output folder of the Preferences, else one beside the file."""
    metadata = source.metadata
    parent = run_settings().output_dir or metadata.file_path.absolute().parent
    return parent / f"{metadata.base_name}_pyama"


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run would do."""

    steps: dict[int, tuple[str, ...]]
    """Steps left to do, by FOV."""
    bytes_needed: int
    bytes_free: int
    redone: tuple[str, ...]
    """Why finished steps would be done again."""

    @property
    def n_done(self) -> int:
        """FOVs with nothing left to do."""
        return sum(not steps for steps in self.steps.values())

    @property
    def begun(self) -> bool:
        """Whether an earlier run left something to go on from."""
        most = max(map(len, self.steps.values()), default=0)
        return any(len(steps) < most for steps in self.steps.values()) or most == 0


def plan_run(request: RunRequest) -> RunPlan:
    """Find what a run would do and what it needs; nothing is written.

    Raises
    ------
    InputError, FileNotFoundError
        Something asked for is wrong.
    """
    source = None if request.from_file else request.source
    run = prepare_run(request.source.metadata, request.context(), request.fovs, source=source)
    steps = {
        fov: tuple(service.name for service in run.services_to_run(fov)) for fov in request.fovs
    }
    redone = {
        f"{step.step}: {step.why}"
        for plan in run.plans.values()
        for step in plan
        if step.state == "stale"
    }
    return RunPlan(steps, run.bytes_needed, free_bytes(request.output_dir), tuple(sorted(redone)))


def messages_of(request: RunRequest) -> dict[int, list[Message]]:
    """Read what the steps have to say of each FOV; what cannot be read has nothing to say."""
    layout, messages = request.layout(), dict[int, list[Message]]()
    for fov in request.fovs:
        with suppress(OSError, InputError):
            records = read_status(layout.status(fov)).steps.values()
            messages[fov] = [message for record in records for message in record.messages]
    return messages


def execute(request: RunRequest, report: Report, cancel: threading.Event) -> bool:
    """Run the workflow; False where a FOV failed.

    Raises
    ------
    InputError, FileNotFoundError
        Something asked for is wrong.
    InterruptedError
        `cancel` was set; what was done is saved.
    """
    with cluster_executor(request.scheduler) as executor:
        return run_complete_workflow(
            request.source.metadata,
            request.context(),
            batch_size=request.batch_size,
            n_workers=request.n_workers,
            fovs=request.fovs,
            progress=report,
            cancel=cancel,
            executor=executor,
            source=None if request.from_file else request.source,
            keep=request.keep,
        )


def command_of(request: RunRequest) -> str:
    """Return the `pyama run` line that does the same.

    Raises
    ------
    InputError
        The images are not from a file.
    """
    if not request.from_file:
        raise InputError("These images are not from a file: only runs of files have a command.")
    words = ["pyama", "run", str(request.source.metadata.file_path), "-o", str(request.output_dir)]
    names = request.source.metadata.channel_names
    words += ["--pc", str(channel_text(request.pc, names))]
    for channel in request.fl:
        words += ["--fl", str(channel_text(channel, names))]
    words += ["--fovs", format_fovs(request.fovs).replace(" ", "")]
    words += ["--workers", str(request.n_workers), "--batch-size", str(request.batch_size)]
    if request.scheduler:
        words += ["--scheduler", request.scheduler]
    if request.keep != "all":
        words += ["--keep", request.keep]
    for name, value in changed_settings(request.recipe).items():
        words += ["--set", f"{name}={_as_yaml(value)}"]
    return shlex.join(words)


def _as_yaml(value: object) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000)
    return text.removesuffix("...\n").strip()
