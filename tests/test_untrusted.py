"""What is read from files that anybody may have written."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyama_core.errors import ReadError
from pyama_core.io.untrusted import InsideFolder, is_plain_name, read_regular, read_yaml

needs_posix = pytest.mark.skipif(os.name == "nt", reason="POSIX files")


@pytest.mark.parametrize("name", ["a.npy", "ä 細胞.csv", "a..b", "a_fov_000_x", "-rf"])
def test_plain_names(name: str) -> None:
    assert is_plain_name(name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".a", "../a", "a/b", "a/", "/a", "a\\b", "..\\a", "C:a", "C:\\a", "\\\\h\\a",
     "a\0b", "a" * 256, "\ud800"],
)  # fmt: skip
def test_names_that_lead_elsewhere_or_are_hidden(name: str) -> None:
    assert not is_plain_name(name)


@given(st.text(max_size=20))
def test_a_plain_name_stays_in_its_folder(name: str) -> None:
    if is_plain_name(name):
        assert Path("folder", name).parent == Path("folder")
        assert os.path.normpath(f"folder/{name}") == f"folder/{name}"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for path in ("results/fov_000/a.npy", "results/fov_000/.b.npy", "results/.c/a.npy", "d/a.npy"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    return tmp_path / "results"


@needs_posix
@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("fov_000/a.npy", "inside"),
        ("fov_000/../fov_000/a.npy", "inside"),
        ("fov_000/none.npy", "missing"),
        ("fov_000/a.npy/a.npy", "missing"),
        ("none/a.npy", "missing"),
        ("fov_000/a\0.npy", "missing"),
        ("fov_000", "outside"),
        ("fov_000/.b.npy", "outside"),
        (".c/a.npy", "outside"),
        ("../d/a.npy", "outside"),
        ("../d/none.npy", "missing"),
        ("/dev/zero", "outside"),
        ("link_out.npy", "outside"),
        ("link_in.npy", "inside"),
        ("link_nowhere.npy", "outside"),
        ("link_to_device.npy", "outside"),
        ("folder_out/a.npy", "outside"),
        ("pipe.npy", "outside"),
    ],
)
def test_only_regular_files_of_the_folder_are_inside(results: Path, path: str, place: str) -> None:
    (results / "link_out.npy").symlink_to("../d/a.npy")
    (results / "link_in.npy").symlink_to("fov_000/a.npy")
    (results / "link_nowhere.npy").symlink_to("nowhere")
    (results / "link_to_device.npy").symlink_to("/dev/zero")
    (results / "folder_out").symlink_to("../d")
    os.mkfifo(results / "pipe.npy")
    assert InsideFolder(results).place(results / path) == place
    through_a_link = results.with_name("link")
    through_a_link.symlink_to("results")
    assert InsideFolder(through_a_link).place(through_a_link / path) == place


@needs_posix
def test_a_pipe_or_device_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ReadError, match=f"{path} is a device or pipe"):
            read_regular(path)
    with pytest.raises(ReadError, match="is a folder"):
        read_regular(tmp_path)


@needs_posix
def test_a_link_is_followed_only_where_a_user_named_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a: 1")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "zero").symlink_to("/dev/zero")
    with pytest.raises(ReadError, match="link is a link, not a file"):
        read_regular(tmp_path / "link")
    with pytest.raises(ReadError, match="link is a link, not a file"):
        read_yaml(tmp_path / "link")
    assert read_yaml(tmp_path / "link", follow_link=True) == {"a": 1}
    with pytest.raises(ReadError, match="zero is a device or pipe"):
        read_regular(tmp_path / "zero", follow_link=True)


def test_a_file_far_too_large_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ReadError, match="1099511627776 bytes, which is too much"):
        read_regular(tmp_path / "large")


ALIASES = "\n".join(
    ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    + [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
)


@pytest.mark.parametrize(
    "text",
    [
        "a: [1",
        "a: &x [*x]",
        ALIASES,
        "[" * 900 + "]" * 900,
        "- " * 5000,
        "a: " + "9" * 5000,
        "a: 2024-99-99",
        "a: !!timestamp zzz",
        "a: !!bool zzz",
        "a: !!python/object/apply:os.system [x]",
        "? [a]\n: b",
        "<<: 3",
        "\0",
        b"\xff\xfe\x00".decode("latin-1"),
    ],
)
def test_yaml_that_is_damaged_or_unfolds_without_end_is_one_sentence(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "a.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ReadError, match=r"a\.yaml is not valid YAML \(.+\)\.$"):
        read_yaml(tmp_path / "a.yaml")


def test_yaml_with_aliases_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: &x [1, 2]\nb: *x\n")
    assert read_yaml(tmp_path / "a.yaml") == {"a": [1, 2], "b": [1, 2]}
