"""The dock that runs the complete workflow on many FOVs."""

from typing import Any, Final

from napari.utils.notifications import show_warning
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QColor, QIcon
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHBoxLayout,
    QHeaderView,
    QProgressBar,
    QPushButton,
    QStyle,
    QTableView,
)

from napari_pyama.background.run import RunPlan, RunRequest, plan_run
from napari_pyama.background.run_progress import FovProgress, RunProgress, size
from napari_pyama.background.task import NewestOnly, Task
from napari_pyama.background.viewer_run import PARTS, run_of
from napari_pyama.docks.dock import Dock
from napari_pyama.docks.recipe_bar import RecipeBar
from napari_pyama.docks.run_form import RunForm
from napari_pyama.docks.step_dock import NOTHING_OPEN
from napari_pyama.session.view import view_of
from napari_pyama.widgets.basic import WrappedLabel
from napari_pyama.widgets.messages import as_html, counted, with_weight
from pyama_core.errors import InputError
from pyama_core.messages import Weight
from pyama_core.processing.workflow.recipe import changed_settings

_HEADINGS = ("FOV", "Done", "Step")
_STEP: Final = 2
"""The column that says what is done, or how it ended."""
_COLORS: Final[dict[Weight, str]] = {"warning": "#e0a030", "error": "#e5604d"}
"""Of the text of a line, readable in napari's light and dark theme."""


class FovModel(QAbstractTableModel):
    """The FOVs of a run."""

    def __init__(self) -> None:
        super().__init__()
        self._progress = RunProgress({})
        self._fovs: list[int] = []

    def show_progress(self, progress: RunProgress) -> None:
        """Show where a run is now, or another run; FOVs to be looked at come first."""
        order = progress.order
        if progress is not self._progress or order != self._fovs:
            self.beginResetModel()
            self._progress, self._fovs = progress, order
            self.endResetModel()
        elif self._fovs:
            last = self.index(len(self._fovs) - 1, len(_HEADINGS) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of FOVs."""
        return len(self._fovs)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return len(_HEADINGS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text of one cell; all messages as a tooltip; what stands out is colored."""
        number = self._fovs[index.row()]
        fov = self._progress.fovs[number]
        if role == Qt.ItemDataRole.DisplayRole:
            return (str(number), f"{100 * fov.share:.0f} %", _what(fov))[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join((fov.message, *map(with_weight, fov.messages)))
        if role == Qt.ItemDataRole.ForegroundRole and fov.weight in _COLORS:
            return QColor(_COLORS[fov.weight])
        if role == Qt.ItemDataRole.DecorationRole and index.column() == _STEP:
            return _icon(fov.weight)
        return None

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> str | None:
        """Return a column's heading."""
        if role != Qt.ItemDataRole.DisplayRole or orientation == Qt.Orientation.Vertical:
            return None
        return _HEADINGS[section]


class FovTable(QTableView):
    """One line per FOV: its number, how much is done, the step or why it failed."""

    def __init__(self) -> None:
        super().__init__()
        self.fovs = FovModel()
        self.setModel(self.fovs)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(20)
        header = self.horizontalHeader()
        header.setStretchLastSection(True)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.setMinimumHeight(110)
        self.setWordWrap(False)


def _what(fov: FovProgress) -> str:
    """Return what is done, or how it ended and what is to be looked at."""
    said = f"{fov.step}: {fov.message}" if fov.step else fov.message
    heavy = [str(message) for message in fov.messages if message.weight != "info"]
    return " ".join((f"{said}.", *heavy)) if heavy else said


def _icon(weight: Weight) -> QIcon | None:
    """Return the sign that the desktop uses for warnings and errors."""
    style = QApplication.style()
    if weight == "info" or style is None:
        return None
    signs = QStyle.StandardPixmap
    warning = weight == "warning"
    return style.standardIcon(
        signs.SP_MessageBoxWarning if warning else signs.SP_MessageBoxCritical
    )


class RunDock(Dock):
    """Asks for a run of the workflow on all FOVs and shows how far it is.

    The run is the viewer's: it continues where the dock is closed, and a dock that is opened
    again shows it.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.heading = WrappedLabel(NOTHING_OPEN)
        self.form = RunForm(self.session)
        self.recipe = WrappedLabel()
        self.recipe_bar = RecipeBar(self.session, self.request)
        self.disk = WrappedLabel()
        self.run = QPushButton("Run")
        self.cancel = QPushButton("Cancel")
        self.bar = QProgressBar()
        self.message = WrappedLabel()
        self.fovs = FovTable()
        self.planning = NewestOnly(quiet_ms=300, parent=self)
        self._run = run_of(self.viewer)
        self._request: RunRequest | None = None
        self._lay_out()
        self._connect()
        self.refresh()
        self._on_run_changed()

    @property
    def progress(self) -> RunProgress:
        """How far the run is."""
        return self._run.progress

    @property
    def task(self) -> Task:
        """The work of the run."""
        return self._run.task

    @property
    def loading(self) -> NewestOnly:
        """The reading of results that are to be shown."""
        return self._run.loading

    def _lay_out(self) -> None:
        self.bar.setMaximum(PARTS)
        buttons = QHBoxLayout()
        buttons.addWidget(self.run)
        buttons.addWidget(self.cancel)
        for part in (self.heading, self.form, self.recipe, self.recipe_bar):
            self.column.addWidget(part)
        self.column.addWidget(self.fovs)
        self.footer.addWidget(self.disk)
        self.footer.addLayout(buttons)
        for part in (self.bar, self.message):
            self.footer.addWidget(part)

    def _connect(self) -> None:
        self.form.changed.connect(self.refresh_soon)
        self.run.pressed.connect(self.form.take_typed)
        self.run.clicked.connect(self.start)
        self.cancel.clicked.connect(self._run.cancel)
        self.planning.done.connect(self._on_planned)
        self.planning.failed.connect(self._on_plan_failed)
        self._run.changed.connect(self._on_run_changed)
        self._run.ended.connect(self._on_run_ended)
        self.session.recipe_changed.connect(self.refresh_soon)
        self.session.channels_changed.connect(self.refresh_soon)
        self.follow_viewer()

    def on_shut_down(self) -> None:
        """Leave the run to the viewer."""
        self.form.keep()
        self.planning.close()
        self._run.changed.disconnect(self._on_run_changed)
        self._run.ended.disconnect(self._on_run_ended)
        self.session.recipe_changed.disconnect(self.refresh_soon)
        self.session.channels_changed.disconnect(self.refresh_soon)
        self._run.leave_alone()

    def on_shown(self) -> None:
        """Find again what a run would do."""
        self.refresh()

    def refresh(self) -> None:
        """Follow the viewer and the form: find what a run would do and what it needs."""
        view = view_of(self.viewer)
        self.form.setEnabled(view is not None and not self._run.running)
        if view is None:
            self.heading.setText(NOTHING_OPEN)
            return
        self.session.adopt(view.source)
        metadata = view.source.metadata
        self.heading.setText(f"<b>{as_html(metadata.base_name)}</b>: {_in_short(metadata)}")
        self.recipe.setText(_recipe_in_short(changed_settings(self.session.recipe)))
        self.form.show_view(view)
        self._plan_again()

    def request(self) -> RunRequest:
        """Return the run that is asked for.

        Raises
        ------
        InputError
            Nothing is open, or something asked for is wrong.
        """
        view = view_of(self.viewer)
        if view is None:
            raise InputError("There is nothing to run on: open an ND2 file or an image first.")
        return self.form.request(view)

    def _plan_again(self) -> None:
        if self._run.running or not self.in_view:
            return
        try:
            request = self.request()
        except InputError as error:
            self._on_plan_failed(error)
            return
        if request != self._request:
            self._request = request
            self.planning.request(lambda: plan_run(request))

    def _on_planned(self, plan: RunPlan) -> None:
        self.disk.setText(_plan_in_words(plan))
        resumes = plan.begun and _left(plan)
        self.run.setText(f"Resume ({counted(_left(plan), 'FOV')} left)" if resumes else "Run")

    def _on_plan_failed(self, error: BaseException) -> None:
        self._request = None
        self.run.setText("Run")
        self.disk.setText(as_html(f"Cannot run: {error}"))

    def start(self) -> None:
        """Start the run, unless one is under way."""
        if self._run.running:
            return
        try:
            request = self.request()
        except InputError as error:
            show_warning(str(error))
            return
        self.form.keep()
        self.planning.drop()
        self._run.start(request)

    def _on_run_changed(self) -> None:
        """Show the run as it is now; the message takes the place of what a run would need."""
        running, cancelling = self._run.running, self._run.cancelling
        self.form.setEnabled(self.form.isEnabled() and not running)
        self.run.setEnabled(not running)
        self.cancel.setVisible(running)
        self.cancel.setEnabled(not cancelling)
        self.disk.setVisible(not running)
        self.bar.setVisible(running)
        self.bar.setValue(round(PARTS * self.progress.share))
        self.message.setText(self._run.message)
        self.fovs.fovs.show_progress(self.progress)

    def _on_run_ended(self) -> None:
        self._request = None
        self.refresh()


def _in_short(metadata: Any) -> str:
    return (
        f"{counted(metadata.n_fovs, 'FOV')}, {counted(metadata.n_frames, 'frame')}, "
        f"{metadata.width} x {metadata.height} px"
    )


def _recipe_in_short(changes: dict[str, Any]) -> str:
    if not changes:
        return "Recipe: all parameters have their defaults."
    listed = ", ".join(f"{name} = {value}" for name, value in changes.items())
    return as_html(f"Recipe: {listed}")


def _left(plan: RunPlan) -> int:
    return len(plan.steps) - plan.n_done


def _plan_in_words(plan: RunPlan) -> str:
    if not _left(plan):
        return "Everything is done already."
    text = f"Disk: {size(plan.bytes_needed)} needed, {size(plan.bytes_free)} free."
    if plan.n_done:
        text += f" {plan.n_done} of {len(plan.steps)} FOVs are done already."
    if plan.redone:
        text += f" To be done again: {'; '.join(plan.redone)}."
    return as_html(text)
