"""What all docks of one viewer share: the recipe, the channels, a scratch folder."""

import shutil
import tempfile
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from psygnal import Signal
from pydantic import BaseModel

from napari_pyama.session.viewer_registry import PerViewer
from pyama_core.io import MicroscopyFile, MicroscopyMetadata
from pyama_core.processing.workflow.params import WorkflowParams, workflow_params
from pyama_core.processing.workflow.recipe import (
    as_text,
    read_recipe,
    recipe_text,
    written_channels,
)
from pyama_core.processing.workflow.resolve import channel_indices

ChannelChoice = tuple[int, tuple[int, ...]]
"""The segmented channel and the measured ones."""


def likely_channels(metadata: MicroscopyMetadata) -> ChannelChoice:
    """Take the first channel without an emission wavelength for phase, all others to measure."""
    channels = range(max(metadata.n_channels, 1))
    dark = [c for c, info in enumerate(metadata.channels) if info.emission_nm is None]
    pc = dark[0] if dark else 0
    return pc, tuple(c for c in channels if c != pc)


@dataclass
class ExperimentChoices:
    """What was chosen for one experiment."""

    channels: ChannelChoice
    output_dir: Path | None = None
    """Where a complete run puts its results; None where nobody has said so."""


@dataclass
class RunChoices:
    """What a complete run was asked for besides: it outlives the dock that asks."""

    fovs: str = "all"
    batch_size: int = 2
    n_workers: int = 2
    only_results: bool = False


class Session:
    """The shared state of one viewer's docks.

    Attributes
    ----------
    run_choices
        None until a dock has asked.
    """

    recipe_changed = Signal(object)
    """The new recipe."""
    channels_changed = Signal()
    scratch_changed = Signal(int)
    """New results of this FOV are in the scratch folder."""

    def __init__(self) -> None:
        self._recipe = WorkflowParams()
        self._source: MicroscopyFile | None = None
        self._experiments = WeakKeyDictionary[MicroscopyFile, ExperimentChoices]()
        self._scratch: Path | None = None
        self.run_choices: RunChoices | None = None

    @property
    def recipe(self) -> WorkflowParams:
        """The parameters of all steps."""
        return self._recipe

    @recipe.setter
    def recipe(self, recipe: WorkflowParams) -> None:
        if recipe != self._recipe:
            self._recipe = recipe
            self.recipe_changed.emit(recipe)

    def section(self, step: str) -> BaseModel:
        """Return the parameters of one step."""
        section = self._recipe.section(step)
        assert section is not None
        return section

    def set_section(self, step: str, section: BaseModel) -> None:
        """Replace the parameters of one step."""
        fields = type(self._recipe).model_fields.items()
        name = next(name for name, field in fields if step == (field.alias or name))
        self.recipe = self._recipe.model_copy(update={name: section})

    def adopt(self, source: MicroscopyFile) -> None:
        """Turn to an experiment; one that is new gets the channels that suit it."""
        if source is not self._source:
            before, self._source = (self.pc, self.fl), source
            if (self.pc, self.fl) != before:
                self.channels_changed.emit()

    def choices_of(self, source: MicroscopyFile) -> ExperimentChoices:
        """Return what is chosen for an experiment."""
        if source not in self._experiments:
            self._experiments[source] = ExperimentChoices(likely_channels(source.metadata))
        return self._experiments[source]

    def continue_run(
        self,
        source: MicroscopyFile,
        output_dir: Path,
        channels: ChannelChoice,
        recipe: WorkflowParams | None,
    ) -> None:
        """Take over what an earlier run was asked for, so that running again continues it."""
        choices = self.choices_of(source)
        choices.output_dir, choices.channels = output_dir, channels
        self._source = source
        self.channels_changed.emit()
        if recipe is not None:
            self.recipe = recipe

    @property
    def pc(self) -> int:
        """The channel that is segmented."""
        return self._channels[0]

    @property
    def fl(self) -> tuple[int, ...]:
        """The channels that are measured."""
        return self._channels[1]

    @property
    def _channels(self) -> ChannelChoice:
        return (0, ()) if self._source is None else self.choices_of(self._source).channels

    def set_channels(self, pc: int, fl: tuple[int, ...]) -> None:
        """Choose the channels of the experiment."""
        if self._source is not None and (pc, fl) != self._channels:
            self.choices_of(self._source).channels = (pc, fl)
            self.channels_changed.emit()

    @property
    def scratch(self) -> Path:
        """A folder for this session's trial results, removed when the session ends."""
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="napari-pyama-"))
            weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)
        return self._scratch

    def save_recipe(self, path: Path) -> None:
        """Write channels and parameters as a commented recipe."""
        names = () if self._source is None else self._source.metadata.channel_names
        channels = written_channels(self.pc, self.fl, names)
        path.write_text(recipe_text(self._recipe, channels), encoding="utf-8")

    def load_recipe(self, path: Path) -> None:
        """Take channels and parameters of a recipe.

        Raises
        ------
        FileNotFoundError
            Nothing is at `path`.
        InputError
            It is not a recipe, or names a parameter or channel that does not exist.
        """
        recipe = read_recipe(path)
        params = workflow_params(recipe.params)
        if recipe.channels is not None and self._source is not None:
            self.set_channels(*channel_indices(self._source.metadata, as_text(recipe.channels)))
        self.recipe = params


session_of = PerViewer(lambda _viewer: Session())
"""Gives the session of a viewer; the first call starts it."""


PLUGIN = "napari-pyama"

_reading = threading.Lock()
"""The first to ask for the Preferences has napari read them, and that may be any thread."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How runs are made unless a dock says otherwise."""

    n_workers: int = 2
    batch_size: int = 2
    output_dir: Path | None = None
    scheduler: str = ""
    """Address of a dask cluster; empty for this machine's processes."""


def run_settings() -> RunSettings:
    """Read the Preferences; the defaults where the plugin is not registered with napari."""
    from napari.settings import get_plugin_settings

    try:
        with _reading:
            run = get_plugin_settings(PLUGIN).run
    except KeyError:
        return RunSettings()
    folder = run.output_dir.strip()
    return RunSettings(
        run.n_workers, run.batch_size, Path(folder) if folder else None, run.scheduler.strip()
    )
