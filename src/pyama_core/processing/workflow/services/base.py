"""What every step of the workflow is: a service that processes one FOV at a time."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar, Final, TypedDict

from pydantic import BaseModel

from pyama_core.errors import InputError
from pyama_core.io.types import MicroscopyMetadata
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.params import workflow_params
from pyama_core.processing.workflow.services.types import ProcessingContext

WORKFLOW: Final = "workflow"
"""Step of the events that say that a FOV ended; `t` of `T` FOVs are through."""

COMPILATION: Final = "compile"
"""Step of the event that says that kernels are being compiled."""

WAITING: Final = "waiting"
"""Step of the events that say what the run as a whole waits for; their FOV is -1."""

NO_PROGRESS: Final = "no progress for"
"""What the message of an event begins with that says for how long nothing was heard of a step."""


class ProgressEvent(TypedDict):
    """How far a step is: frame `t` of `T`; ready for JSON."""

    step: str
    fov: int
    t: int
    T: int
    message: str


ProgressReporter = Callable[[ProgressEvent], None]
"""Takes progress events; raises InterruptedError to stop the step that reports."""


class BaseProcessingService:
    """A step of the workflow.

    A custom step is a subclass with a `name` and a `process_fov`. It may declare more: its
    parameters, what it writes (a step that declares no outputs always runs), and its place.

    A service keeps nothing of a FOV: one service may process several FOVs at a time, in threads.
    What a user should know of a FOV goes into the context (`ProcessingContext.add_message`).

    Attributes
    ----------
    name
        Name of the step and of its section of the parameters.
    params_model
        Pydantic model of the step's parameters.
    after
        Name of the step it follows; the end of the workflow where empty.
    reads
        Names of the steps whose outputs it reads; their changes make its outputs stale.
    version
        Raised whenever the step computes something else from the same input.
    """

    name: str = "Processing"
    params_model: ClassVar[type[BaseModel] | None] = None
    after: ClassVar[str] = ""
    reads: ClassVar[tuple[str, ...]] = ()
    version: ClassVar[int] = 1

    def __init__(self) -> None:
        self._progress_reporter: ProgressReporter | None = None

    def set_progress_reporter(self, reporter: ProgressReporter | None) -> None:
        """Inject a callable that takes each progress event as one dict."""
        self._progress_reporter = reporter

    def progress_callback(self, f: int, t: int, T: int, message: str) -> None:
        """Report that frame `t` of `T` of FOV `f` is done; raises where the run was cancelled."""
        reporter = getattr(self, "_progress_reporter", None)
        if reporter is not None:
            reporter(ProgressEvent(step=self.name, fov=f, t=t, T=T, message=message))

    def process_fov(
        self,
        metadata: MicroscopyMetadata,
        context: ProcessingContext,
        output_dir: Path,
        fov: int,
    ) -> None:
        """Process one FOV: read what earlier steps wrote, write, and record it in `context`."""
        raise NotImplementedError(f"{type(self).__name__} must define process_fov.")

    def process_all_fovs(
        self,
        metadata: MicroscopyMetadata,
        context: ProcessingContext,
        output_dir: Path,
        fov_start: int | None = None,
        fov_end: int | None = None,
    ) -> None:
        """Process FOVs one after the other.

        Parameters
        ----------
        fov_start, fov_end
            First and last FOV, 0-based and inclusive; None or -1 for the first and the last.

        Raises
        ------
        InputError
            The range is not within the file's FOVs.
        """
        for fov in fov_range(metadata.n_fovs, fov_start, fov_end):
            self.process_fov(metadata, context, output_dir, fov)

    def outputs(self, layout: Layout, fov: int) -> Sequence[Path]:
        """Return the files this step may write for one FOV."""
        return ()

    def channels_used(self, layout: Layout) -> Sequence[int]:
        """Return the raw channels the outcome depends on; all of the run's where not said."""
        return [layout.pc, *layout.fl]

    def files_read(self, params: Any) -> Mapping[str, Sequence[Path]]:
        """Return files named by parameters whose content decides the outcome, by parameter."""
        return {}

    def bytes_written(self, layout: Layout, metadata: MicroscopyMetadata, params: Any) -> int:
        """Return about how many bytes the step writes for one FOV with its parameters."""
        return 0

    def params(self, context: ProcessingContext) -> Any:
        """Return this step's validated parameters; None where it declares no model."""
        if self.params_model is None:
            return None
        sections = {self.name: self.params_model}
        return workflow_params(context.params, sections).section(self.name)


def fov_range(n_fovs: int, fov_start: int | None, fov_end: int | None) -> range:
    """Return the FOVs from `fov_start` to `fov_end`, 0-based and inclusive; None and -1 mean all.

    Raises
    ------
    InputError
        A bound is outside the file's FOVs or the bounds are in the wrong order.
    """
    start: Any = 0 if fov_start in (None, -1) else fov_start
    end: Any = n_fovs - 1 if fov_end in (None, -1) else fov_end
    are_whole = isinstance(start, Integral) and isinstance(end, Integral)
    if not are_whole or not 0 <= start <= end < n_fovs:
        raise InputError(
            f"FOVs {start!r} to {end!r} were asked for, but the file has FOVs 0 to {n_fovs - 1}: "
            "give a first and a last FOV within these."
        )
    return range(start, end + 1)
