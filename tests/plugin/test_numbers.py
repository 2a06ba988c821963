"""Fields for numbers: what is typed is taken as a whole or refused as a whole, in any language."""

import pytest
from qtpy.QtCore import QEvent, QLocale, Qt
from qtpy.QtGui import QFocusEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_pyama.traces.panels import FilterBar
from napari_pyama.widgets.editors import editor_for
from napari_pyama.widgets.numbers import NumberBox, WholeNumberBox, parse_number
from napari_pyama.widgets.parameter_form import SectionForm
from pyama_core.processing.parameters import Section, param
from pyama_core.processing.workflow.params import sections_of

LANGUAGES = ("de_DE", "en_US", "fr_FR", "de_CH", "ar_EG", "C")


class Example(Section):
    """One parameter of each kind of number."""

    depth: float = param(2.0, "A depth.", unit="um", ge=0.0, le=100.0, step=0.05)
    size: int = param(40, "A size.", unit="px", ge=0, le=5000, step=1)
    any: int | str | dict[str, int | str] = param("middle", "Anything.")


@pytest.fixture(params=LANGUAGES)
def language(request):
    before = QLocale()
    QLocale.setDefault(QLocale(request.param))
    yield request.param
    QLocale.setDefault(before)


@pytest.fixture
def german():
    before = QLocale()
    QLocale.setDefault(QLocale("de_DE"))
    yield
    QLocale.setDefault(before)


def typed(box, text, end=Qt.Key.Key_Return):
    """Type into a field in place of what it holds; paste what is on no keyboard."""
    box.selectAll()
    QTest.keyClick(box, Qt.Key.Key_Delete)
    if text.isascii():
        QTest.keyClicks(box, text)
    else:
        QApplication.clipboard().setText(text)
        box.lineEdit().paste()
    QTest.keyClick(box, end)
    return box.value()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.5", 0.5),
        ("0,5", 0.5),
        ("1.25", 1.25),
        ("1,25", 1.25),
        (",5", 0.5),
        (".5", 0.5),
        ("0,125", 0.125),
        ("3.0625", 3.0625),
        ("12,3456", 12.3456),
        ("1e1", 10),
        ("2.5E-3", 0.0025),
        ("+7", 7),
        (" 7 ", 7),
        ("100", 100),
        ("0.0000000001", 1e-10),
    ],
)
def test_point_and_comma_are_decimal_signs_in_every_language(qtbot, language, text, number):
    box = NumberBox(0.0, 100.0, 0.05)
    qtbot.addWidget(box)
    assert typed(box, text) == pytest.approx(number, abs=0)
    assert float(box.text()) == number


@pytest.mark.parametrize(
    "text",
    [
        "1.000,5",
        "1,000.5",
        "1.000.000",
        "1 000",
        "1\N{NO-BREAK SPACE}000",
        "1'000",
        "1_0",
        "5a",
        "1-2",
        "--1",
        "nan",
        "inf",
        "0x10",
        "1,2,3",
        "\N{ARABIC-INDIC DIGIT ONE}",
        "½",
        "e5",
        "101",
        "100.01",
        "-1",
        "1e5",
        "1e999999999",
        "0.00000000001",
        "1e-400",
        "",
        "-",
    ],
)
def test_what_is_no_number_of_the_field_leaves_the_number_before(qtbot, language, text):
    box, said = NumberBox(0.0, 100.0, 0.05), []
    qtbot.addWidget(box)
    box.setValue(2.5)
    box.refused.connect(said.append)
    assert typed(box, text) == 2.5
    assert float(box.text()) == 2.5
    assert said[-1]


@pytest.mark.parametrize(
    ("language", "text", "number"),
    [
        ("de_DE", "1.000", None),
        ("de_DE", "1,000", 1),
        ("de_DE", "12.125", None),
        ("en_US", "1,000", None),
        ("en_US", "1.000", 1),
        ("en_US", "12.125", 12.125),
        ("fr_FR", "12,125", 12.125),
    ],
)
def test_a_sign_that_may_group_thousands_is_refused_where_it_does(qtbot, language, text, number):
    before = QLocale()
    QLocale.setDefault(QLocale(language))
    try:
        box = NumberBox(0.0, 100.0, 0.005)
        qtbot.addWidget(box)
        box.setValue(2.5)
        assert typed(box, text) == (2.5 if number is None else number)
    finally:
        QLocale.setDefault(before)


def test_a_number_of_three_decimals_that_a_field_shows_can_be_confirmed(qtbot, german):
    box = NumberBox(0.0, 100.0, 0.005)
    qtbot.addWidget(box)
    box.setValue(12.125)
    assert box.text() == "12.125"
    assert typed(box, "12.125") == 12.125
    box.stepUp()
    assert box.text() == "12.130"


@pytest.mark.parametrize("text", ["1,5", "1.5", "5001", "50000", "1.000,0", "-1", "4 0"])
def test_a_whole_number_is_not_made_of_what_is_none(qtbot, language, text):
    box = WholeNumberBox(0, 5000)
    qtbot.addWidget(box)
    box.setValue(40)
    assert typed(box, text) == 40


@pytest.mark.parametrize("text", ["7", "5000", "7,0", "7.0", "5e3"])
def test_a_whole_number_may_be_written_in_several_ways(qtbot, language, text):
    box = WholeNumberBox(0, 5000)
    qtbot.addWidget(box)
    value = typed(box, text)
    assert value == float(text.replace(",", ".")) and isinstance(value, int)


def test_a_number_counts_when_the_focus_leaves(qtbot, german):
    box = NumberBox(0.0, 100.0)
    qtbot.addWidget(box)
    QTest.keyClicks(box, "5")
    box.selectAll()
    QTest.keyClicks(box, "0,5")
    assert box.value() == 0
    QApplication.sendEvent(box, QFocusEvent(QEvent.Type.FocusOut))
    assert box.value() == 0.5


@pytest.mark.parametrize("step", sections_of())
def test_every_number_of_every_form_takes_what_is_typed(qtbot, language, step):
    form = SectionForm(sections_of()[step]())
    qtbot.addWidget(form)
    for name, row in form.rows.items():
        box = row.editor.native
        if isinstance(box, NumberBox) and not isinstance(box, WholeNumberBox):
            row.automatic.setChecked(False)
            assert typed(box, "0,75" if box.minimum() < 0.75 <= box.maximum() else "1,5") in (
                0.75,
                1.5,
            )
            assert getattr(form.value, name) == box.value()


def test_a_form_says_why_a_number_is_not_taken_until_something_else_is_typed(qtbot, german):
    form = SectionForm(Example())
    qtbot.addWidget(form)
    form.show()
    row = form.rows["size"]
    typed(row.editor.native, "1.250")
    assert form.value.size == 40
    assert row.caption.text().endswith("has two meanings: write 1250 or 1.25.</span>")
    assert row.below.isVisible()
    QTest.keyClicks(row.editor.native, "7")
    assert not row.caption.text() and not row.below.isVisible()


@pytest.mark.parametrize(
    ("text", "value"),
    [("010", "010"), ("0x10", "0x10"), ("1:30", "1:30"), ("12", 12), ("{a: 3}", {"a": 3})],
)
def test_numbers_in_a_line_of_yaml_are_of_base_ten(qtbot, text, value):
    form = SectionForm(Example())
    qtbot.addWidget(form)
    editor = form.rows["any"].editor
    editor.native.setText(text)
    assert editor.read() == value


def test_a_field_without_limits_takes_large_numbers(qtbot):
    class Free(Section):
        """A parameter of a user's own step."""

        offset: float = 0.0

    row = SectionForm(Free()).rows["offset"]
    qtbot.addWidget(row.editor.native)
    assert typed(editor_for(row.parameter).native, "-123456,75") == -123456.75


def test_limits_of_shown_traces_are_typed_with_either_sign(qtbot, language):
    bar, seen = FilterBar(), []
    qtbot.addWidget(bar)
    bar.changed.connect(seen.append)
    QTest.keyClicks(bar.low, "0.5")
    QTest.keyClicks(bar.high, "1250,75")
    assert (seen[-1].low, seen[-1].high) == (0.5, 1250.75)
    bar.high.clear()
    QTest.keyClicks(bar.high, "1.250,5")
    assert seen[-1].high is None
    assert "not a number" in bar.high.toolTip()
    assert typed(bar.length, "1,5") == 1


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "1,2,3"])
def test_text_that_is_no_number_is_said_to_be_none(text):
    with pytest.raises(ValueError, match="not a number"):
        parse_number(text)
