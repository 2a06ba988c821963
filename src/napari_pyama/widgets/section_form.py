"""A form for one step's parameters, made from their definition."""

from typing import Any

import yaml
from psygnal import Signal
from pydantic import BaseModel, ValidationError
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from napari_pyama.parameters import Parameter, parameters_of
from napari_pyama.widgets.editors import editor_for


class ParameterRow(QWidget):
    """One parameter: its editor, a box for "automatic" where it may be, a reset button.

    The `caption` that explains a value stands below it, where the form puts it.
    """

    edited = Signal(str, object)

    def __init__(self, parameter: Parameter) -> None:
        super().__init__()
        self.parameter = parameter
        self.editor = editor_for(parameter)
        self.automatic = QCheckBox("automatic")
        self.reset = QToolButton()
        self.caption = QLabel()
        self._value: Any = None
        self._showing = False
        self._lay_out()
        self._explain()
        self.show_value(parameter.default)
        self._connect()

    def _lay_out(self) -> None:
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        native = self.editor.native
        native.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        for part in (native, self.automatic, self.reset):
            line.addWidget(part)

    def _explain(self) -> None:
        self.setToolTip(self.parameter.help)
        self.automatic.setVisible(self.parameter.has_automatic)
        self.automatic.setToolTip(f"Found from the data: {self.parameter.auto}.")
        self.reset.setText("↺")
        self.reset.setToolTip("Back to the default")
        self.reset.setAutoRaise(True)
        self.caption.setWordWrap(True)
        self.caption.setIndent(12)
        self.caption.setEnabled(False)

    def _connect(self) -> None:
        self.editor.on_changed(self._on_edited)
        self.automatic.toggled.connect(self._on_edited)
        self.reset.clicked.connect(self._on_reset)

    def show_value(self, value: Any) -> None:
        """Show a value exactly as it is kept, without reporting it as an edit."""
        self._value, self._showing = value, True
        if value is not None or not self.parameter.has_automatic:
            self.editor.show(value)
        self.automatic.setChecked(value is None and self.parameter.has_automatic)
        self._showing = False
        self._update_state()

    def complain(self, sentence: str) -> None:
        """Say under the editor what is wrong with what it holds."""
        self.caption.setText(f'<span style="color: #d9534f">{sentence}</span>')
        self.caption.setVisible(True)

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
        self.caption.setText(f"automatic: {self.parameter.auto}")
        self.caption.setVisible(is_automatic and bool(self.parameter.auto))


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
        self.rows = {p.name: ParameterRow(p) for p in parameters_of(type(value))}
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        for row in self.rows.values():
            label = QLabel(row.parameter.label)
            label.setToolTip(row.parameter.help)
            layout.addRow(label, row)
            layout.addRow(row.caption)
            row.edited.connect(self._on_edited)
        self.value = value

    @property
    def value(self) -> BaseModel:
        """The section; what is set is shown and kept exactly, without `changed`."""
        return self._value

    @value.setter
    def value(self, section: BaseModel) -> None:
        self._value = section
        for name, row in self.rows.items():
            row.show_value(getattr(section, name))

    def reset(self) -> None:
        """Set all parameters to their defaults."""
        self._accept(type(self._value)())

    def _on_edited(self, name: str, value: Any) -> None:
        given = {field: getattr(self._value, field) for field in self.rows} | {name: value}
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
