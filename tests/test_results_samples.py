"""Files of samples: which fields of view belong together."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyama_core.errors import InputError
from pyama_core.io.samples import Sample, read_samples


def test_samples_are_read_with_fovs_as_text_number_or_list(tmp_path: Path) -> None:
    path = tmp_path / "samples.yaml"
    path.write_text(
        'samples:\n- {name: A, fovs: "0-5, 7"}\n- {name: B, fovs: [6, 8]}\n- {name: 3, fovs: 9}\n'
    )
    assert read_samples(path) == [Sample("A", "0-5, 7"), Sample("B", "6, 8"), Sample("3", "9")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("samples: [{name: A}]", "no samples file"),
        ("[1, 2]", "no samples file"),
        ("samples: [", "no samples file"),
        ("samples: 3", "no samples file"),
        ("samples: []", "names no samples"),
        ("samples: [{name: A, fovs: 0}, {name: A, fovs: 1}]", "twice"),
        ("samples: [{name: A, fovs: 0}, {name: a, fovs: 1}]", "capitals"),
        ("samples: [{name: a/b, fovs: 0}]", "file name"),
    ],
)
def test_a_wrong_samples_file_is_one_clear_error(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "samples.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_samples(path)


@pytest.mark.parametrize(
    ("written", "name", "fovs"),
    [
        ("name: 1.10, fovs: 0", "1.10", "0"),
        ("name: yes, fovs: 0", "yes", "0"),
        ("name: 010, fovs: 010", "010", "010"),
        ("name: 2024-01-05, fovs: 0-5", "2024-01-05", "0-5"),
        ("name: null, fovs: all", "null", "all"),
        ("name: ' A ', fovs: 1:30", "A", "1:30"),
    ],
)
def test_names_and_fovs_are_taken_as_they_are_written(
    tmp_path: Path, written: str, name: str, fovs: str
) -> None:
    path = tmp_path / "samples.yaml"
    path.write_text(f"samples: [{{{written}}}]")
    assert read_samples(path) == [Sample(name, fovs)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_editors_may_write_any_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "samples.yaml"
    path.write_bytes("samples: [{name: Größe, fovs: 0}]\r\n".encode(encoding))
    assert read_samples(path) == [Sample("Größe", "0")]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 100,
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"samples: " + b"[" * 100_000,
        b"- " * 50_000,
        b"samples: [{name: A, fovs: [[0]]}]",
        b"samples: [{name: [A], fovs: 0}]",
        b"samples: [{name: {a: b}, fovs: 0}]",
        b"samples: [{name: A, fovs: {a: b}}]",
        b"samples: [{name: A, name: B, fovs: 0}]",
        b"samples: [{name: A, fovs: 0, fovs: 1}]",
        b"samples: [{name: A, fovs: 0}]\nsamples: [{name: B, fovs: 1}]",
        b"samples: &a [*a]",
        b"samples: *missing",
        b"samples: [{? [a] : b}]",
        b"samples: [null]",
        b"samples: !!python/object:os.system [ls]",
        b"samples: [{name: '', fovs: 0}]",
        b"samples: [{name: ., fovs: 0}]",
        b"samples: [{name: .hidden, fovs: 0}]",
        b'samples: [{name: "a\\nb", fovs: 0}]',
        b'samples: [{name: "a\\0b", fovs: 0}]',
        b"--- a\n--- b\n",
        b"a" * (1 << 21),
    ],
)
def test_a_damaged_samples_file_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "samples.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_samples(path)
    said = str(caught.value)
    assert str(path) in said
    assert "\n" not in said
    assert len(said) < 600


def test_only_a_file_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (tmp_path, tmp_path / "pipe.yaml", Path("/dev/zero")):
        with pytest.raises(InputError, match="folder, a device or a pipe"):
            read_samples(path)
    with pytest.raises(FileNotFoundError):
        read_samples(tmp_path / "nowhere.yaml")


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_damage_gives_samples_or_one_sentence(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(b'samples:\n- {name: A, fovs: "0-5, 7"}\n- {name: B, fovs: [6, 8]}\n')
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=6))
    path = tmp_path / "samples.yaml"
    path.write_bytes(content)
    try:
        assert all(isinstance(sample, Sample) for sample in read_samples(path))
    except InputError as error:
        assert str(path) in str(error)
