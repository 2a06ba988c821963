"""A form for one step's parameters, made from their definition."""

from typing import Any

from psygnal import Signal
from pydantic import BaseModel, ValidationError
from qtpy.QtWidgets import QGridLayout, QWidget

from napari_pyama.parameters import parameters_of
from napari_pyama.widgets.numbers import NumberBox
from napari_pyama.widgets.parameter_row import ParameterRow


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
