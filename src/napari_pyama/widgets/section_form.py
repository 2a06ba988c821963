"""A form for one step's parameters, made from their definition."""

from typing import Any

from psygnal import Signal
from pydantic import BaseModel, ValidationError
from qtpy.QtWidgets import QGridLayout, QWidget

from napari_pyama.parameters import parameters_of
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
        self.rows = {p.name: ParameterRow(p) for p in parameters_of(type(value))}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        for row in self.rows.values():
            row.add_to(grid)
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
            row.show_if(row.parameter.matters(section))

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
