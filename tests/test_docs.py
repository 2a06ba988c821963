"""The documentation says what the code does."""

from docs import make_architecture
from docs.make_reference import FOLDER, pages


def test_generated_pages_are_those_of_this_code() -> None:
    for name, text in pages().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, f"{name}: run `make docs`"


def test_the_list_of_rooms_is_that_of_the_imports() -> None:
    text = make_architecture.PAGE.read_text(encoding="utf-8")
    assert make_architecture.page(text, make_architecture.arrows()) == text, "run `make docs`"
