"""A form for one step's parameters, made from their definition."""

import html
from itertools import pairwise
from typing import Any, Final

import yaml
from psygnal import Signal
from pydantic import BaseModel, ValidationError
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QLabel, QToolButton, QWidget

from napari_pyama.widgets.basic import WrappedLabel
from napari_pyama.widgets.editors import Parameter, editor_for, parameters_of
from napari_pyama.widgets.numbers import NumberBox

_EDITOR_PX: Final = 124
"""The least width of an editor."""


class ParameterRow:
    """The widgets of one parameter.

    Where the value may be left to the data there is a box for it below, with what that means.
    There it also says what is wrong with a value.

    Attributes
    ----------
    edited
        Name and value, as the user has changed it; not yet validated.
    """

    edited = Signal(str, object)

    def __init__(self, parameter: Parameter) -> None:
        self.parameter = parameter
        self.label = QLabel(parameter.label)
        self.editor = editor_for(parameter)
        self.reset = QToolButton()
        self.below = QWidget()
        self.automatic = QCheckBox("automatic")
        self.caption = WrappedLabel()
        self._value: Any = None
        self._showing = False
        self._explain()
        self._lay_out_below()
        self.show_value(parameter.default)
        self._connect()

    def add_to(self, grid: QGridLayout, row: int) -> None:
        """Put the widgets into two rows of a grid."""
        top = Qt.AlignmentFlag.AlignTop
        grid.addWidget(self.label, row, 0, top)
        grid.addWidget(self.editor.native, row, 1)
        grid.addWidget(self.reset, row, 2, top)
        grid.addWidget(self.below, row + 1, 0, 1, 3)

    def follow(self, other: "ParameterRow") -> None:
        """Come next where the Tab key leaves another row."""
        parts = (other.automatic, self.editor.native, self.reset, self.automatic)
        for part, next_ in pairwise(parts):
            QWidget.setTabOrder(part, next_)

    def show_value(self, value: Any) -> None:
        """Show a value exactly as it is kept, without reporting it as an edit."""
        self._value, self._showing = value, True
        has_automatic = self.parameter.has_automatic
        if value is not None or not has_automatic:
            self.editor.show(value)
        self.automatic.setChecked(value is None and has_automatic)
        self._showing = False
        self._update_state()

    def show_if(self, shown: bool) -> None:
        """Show or hide the whole row."""
        for part in (self.label, self.editor.native, self.reset):
            part.setVisible(shown)
        self.below.setVisible(shown and self._explains)

    @property
    def _explains(self) -> bool:
        """Whether there is anything below the editor."""
        return bool(self.caption.text()) or self.parameter.has_automatic

    def complain(self, sentence: str) -> None:
        """Say below the editor what is wrong with what it holds."""
        self.caption.setText(f'<span style="color: #d9534f">{html.escape(sentence)}</span>')
        self.below.setVisible(True)

    def _explain(self) -> None:
        self.label.setToolTip(self.parameter.help)
        self.automatic.setVisible(self.parameter.has_automatic)
        self.automatic.setToolTip(f"Found from the data: {self.parameter.auto}.")
        self.reset.setText("↺")
        self.reset.setToolTip("Back to the default")
        self.reset.setAutoRaise(True)
        native = self.editor.native
        native.setMinimumWidth(max(_EDITOR_PX, native.minimumWidth()))

    def _lay_out_below(self) -> None:
        line = QHBoxLayout(self.below)
        line.setContentsMargins(12, 0, 0, 0)
        line.addWidget(self.automatic, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(self.caption, 1, Qt.AlignmentFlag.AlignTop)

    def _connect(self) -> None:
        self.editor.on_changed(self._on_edited)
        self.automatic.toggled.connect(self._on_edited)
        self.reset.clicked.connect(self._on_reset)
        if isinstance(self.editor.native, NumberBox):
            self.editor.native.refused.connect(self._on_refused)

    def _on_refused(self, sentence: str) -> None:
        if sentence:
            self.complain(sentence)
        else:
            self._update_state()
            self.below.setVisible(self._explains)

    def _on_edited(self, *_: Any) -> None:
        if self._showing:
            return
        try:
            value = None if self.automatic.isChecked() else self.editor.read()
        except yaml.YAMLError:
            self.complain("This cannot be understood: write a word, a number or {1: max}.")
            return
        self.edited.emit(self.parameter.name, value)

    def _on_reset(self) -> None:
        self.edited.emit(self.parameter.name, self.parameter.default)

    def _update_state(self) -> None:
        is_automatic = self.automatic.isChecked()
        self.editor.native.setEnabled(not is_automatic)
        self.reset.setEnabled(self._value != self.parameter.default)
        self.caption.setText(self.parameter.auto if is_automatic else "")


class SectionForm(QWidget):
    """The parameters of one section; `value` is always a valid section.

    Parameters
    ----------
    value
        The section to start from.
    """

    changed = Signal(object)

    def __init__(self, value: BaseModel) -> None:
        super().__init__()
        self._value = value
        self._parameters = tuple(parameters_of(type(value)))
        self.rows: dict[str, ParameterRow] = {}
        """By name, of the parameters that have mattered so far."""
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self.value = value

    @property
    def value(self) -> BaseModel:
        """The section; what is set is shown and kept exactly, without `changed`."""
        return self._value

    @value.setter
    def value(self, section: BaseModel) -> None:
        self._value = section
        self._add_rows_that_matter(section)
        for name, row in self.rows.items():
            row.show_value(getattr(section, name))
            row.show_if(row.parameter.matters(section))

    def _add_rows_that_matter(self, section: BaseModel) -> None:
        before: ParameterRow | None = None
        for at, parameter in enumerate(self._parameters):
            row = self.rows.get(parameter.name)
            if row is None and parameter.matters(section):
                row = self._add_row(at)
                if before is not None:
                    row.follow(before)
            before = row or before

    def _add_row(self, at: int) -> ParameterRow:
        row = ParameterRow(self._parameters[at])
        row.add_to(self._grid, 2 * at)
        row.edited.connect(self._on_edited)
        self.rows[row.parameter.name] = row
        return row

    def take_typed(self) -> None:
        """Take what is typed and not confirmed: a button may get the click but not the focus."""
        for row in list(self.rows.values()):
            if isinstance(row.editor.native, NumberBox):
                row.editor.native.interpretText()

    def reset(self) -> None:
        """Set all parameters to their defaults."""
        self._accept(type(self._value)())

    def _on_edited(self, name: str, value: Any) -> None:
        given = {p.name: getattr(self._value, p.name) for p in self._parameters} | {name: value}
        try:
            section = type(self._value).model_validate(given)
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            self.rows[name].complain(f"{reason[0].upper()}{reason[1:]}.")
            return
        self._accept(section)

    def _accept(self, section: BaseModel) -> None:
        self.value = section
        self.changed.emit(section)
