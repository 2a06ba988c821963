"""What a complete run is asked for: folder, channels, FOVs, workers."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLabel, QWidget

from napari_pyama.background.run import RunRequest, default_folder
from napari_pyama.layers.result_source import ResultSource
from napari_pyama.session.session import RunChoices, Session, run_settings
from napari_pyama.session.view import View
from napari_pyama.widgets.basic import ChannelPicker, FolderEdit
from napari_pyama.widgets.messages import warn
from napari_pyama.widgets.numbers import WholeNumberBox
from pyama_core.errors import InputError
from pyama_core.fov_ranges import parse_fovs

if TYPE_CHECKING:
    from pyama_core.io import MicroscopyFile

ALL, THIS_ONE = "all", "this one"
_MOST_WORKERS = 1000


class RunForm(QWidget):
    """Asks for everything of a run that is not in the recipe.

    What is asked for is kept in the session, so that a dock opened again asks for the same.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._source: MicroscopyFile | None = None
        settings = run_settings()
        self._scheduler = settings.scheduler
        asked = session.run_choices or RunChoices(
            batch_size=settings.batch_size, n_workers=settings.n_workers
        )
        self.folder = FolderEdit("Output folder")
        self.folder.setToolTip("Where results go; what is there already is not done again.")
        self.channels = ChannelPicker()
        self.fovs = QComboBox()
        self.fovs.addItems([ALL, THIS_ONE])
        self.fovs.setEditable(True)
        self.fovs.setCurrentText(asked.fovs)
        self.fovs.setToolTip('"all", "this one", or numbers and ranges such as 0-4,7.')
        self.batch_size = _count(asked.batch_size, "FOVs that are copied ahead of computing.")
        self.n_workers = _count(asked.n_workers, "Processes that compute at the same time.")
        self.only_results = QCheckBox("Keep only results")
        self.only_results.setChecked(asked.only_results)
        self.only_results.setToolTip(
            "Remove raw copies and intermediate stacks when a FOV is done; raw frames are then "
            "read from the file again."
        )
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        layout.addRow(QLabel("Output folder"))  # a line of its own: paths are long
        layout.addRow(self.folder)
        layout.addRow(self.channels)
        layout.addRow("FOVs", self.fovs)
        layout.addRow("Batch size (FOVs)", self.batch_size)
        layout.addRow("Workers (processes)", self.n_workers)
        layout.addRow(self.only_results)

    def _connect(self) -> None:
        self.channels.changed.connect(self._session.set_channels)
        self.folder.changed.connect(self._on_changed)
        self.fovs.currentTextChanged.connect(self._on_changed)
        for box in (self.batch_size, self.n_workers):
            box.valueChanged.connect(self._on_changed)
            box.refused.connect(warn)
        self.only_results.toggled.connect(self._on_changed)

    def show_view(self, view: View) -> None:
        """Show the channels and the folder of the experiment in view."""
        metadata = view.source.metadata
        self.channels.show_channels(metadata, self._session.pc, self._session.fl)
        if view.source is not self._source:
            self._source = view.source
            chosen = self._session.choices_of(view.source).output_dir
            self.folder.path = chosen or default_folder(view.source)

    def request(self, view: View) -> RunRequest:
        """Return the run that is asked for.

        Raises
        ------
        InputError
            No folder is given, there are no such FOVs, or no frames of them.
        """
        session, folder, fovs = self._session, self._given_folder(), self._chosen_fovs(view)
        if isinstance(view.source, ResultSource):
            view.source.check_copies(fovs, (session.pc, *session.fl), folder)
        return RunRequest(
            source=view.source,
            output_dir=folder,
            pc=session.pc,
            fl=session.fl,
            fovs=fovs,
            recipe=session.recipe,
            n_workers=self.n_workers.value(),
            batch_size=self.batch_size.value(),
            scheduler=self._scheduler,
            keep="results" if self.only_results.isChecked() else "all",
        )

    def take_typed(self) -> None:
        """Take numbers that are typed and not confirmed."""
        self.batch_size.interpretText()
        self.n_workers.interpretText()

    def keep(self) -> None:
        """Keep in the session what is asked for now."""
        self._session.run_choices = RunChoices(
            self.fovs.currentText(),
            self.batch_size.value(),
            self.n_workers.value(),
            self.only_results.isChecked(),
        )
        if self._source is not None and self.folder.path is not None:
            self._session.choices_of(self._source).output_dir = self.folder.path

    def _given_folder(self) -> Path:
        folder = self.folder.path
        if folder is None:
            raise InputError("No output folder is given: choose one.")
        return folder

    def _chosen_fovs(self, view: View) -> tuple[int, ...]:
        text = self.fovs.currentText().strip()
        if text == THIS_ONE:
            return (view.fov,)
        return tuple(parse_fovs(text, view.source.metadata.n_fovs))

    def _on_changed(self, _: Any = None) -> None:
        self.keep()
        self.changed.emit()


def _count(value: int, help: str) -> WholeNumberBox:
    box = WholeNumberBox(1, _MOST_WORKERS)
    box.setValue(value)
    box.setToolTip(help)
    return box
