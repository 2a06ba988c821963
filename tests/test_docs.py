"""The documentation says what the code does."""

from docs.make_reference import FOLDER, pages


def test_generated_pages_are_those_of_this_code() -> None:
    for name, text in pages().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, f"{name}: run `make docs`"
