"""Status: what the server said last, for those who ask from another process."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.shipping import status
from agentlog.shipping.status import Status
from tests.shipping.destinations import in_time

SAID = Status("https://collector.example.com", 1e9, "503: busy", 503, 9e8, "", 1e9 + 60)


def test_what_is_written_is_read(tmp_path):
    """The later takes the place of the earlier, and nobody else may read it."""
    status.write(tmp_path, SAID)
    status.write(tmp_path, SAID._replace(held="a portal", code=200))
    assert SAID._replace(held="a portal", code=200) == status.read(tmp_path)
    [path] = tmp_path.iterdir()
    assert 0o600 == path.stat().st_mode & 0o777


def test_none(tmp_path):
    """Before the first answer, and where there is no destination."""
    assert Status() == status.read(tmp_path) == status.read(tmp_path / "none")


def test_no_destination_to_write_to(tmp_path):
    """That is an error, and makes none."""
    with pytest.raises(FileNotFoundError):
        status.write(tmp_path / "none", SAID)
    assert [] == list(tmp_path.iterdir())


BROKEN = {
    "nothing": b"",
    "cut": b'{"endpoint": "https://',
    "binary": b"\x80\xff\0",
    "list": b"[1]",
    "null": b"null",
    "other fields": b'{"endpoint": "x", "key": "y"}',
    "other types": b'{"endpoint": 3}',
    "a time as text": b'{"answered": "now"}',
    "no list of codes": b'{"code": [200]}',
    "deep": b'{"held": ' + b"[" * 100_000,
    "no number": b'{"answered": NaN}',
    "no time": b'{"retry": Infinity}',
    "no date": b'{"acknowledged": 1e300}',
    "before all dates": b'{"answered": -1e18}',
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_one_says_nothing(content, tmp_path):
    """What cannot have been written here is not shown to anybody."""
    (tmp_path / "status").write_bytes(content)
    assert Status() == status.read(tmp_path)


@given(
    said=st.dictionaries(
        st.sampled_from(Status._fields),
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    )
)
def test_whatever_it_says_is_of_the_right_kind(said, tmp_path_factory):
    """Texts are texts, and times are such as there may be."""
    directory = tmp_path_factory.mktemp("home")
    (directory / "status").write_text(json.dumps(said))
    found = status.read(directory)
    assert all(isinstance(text, str) for text in (found.endpoint, found.answer, found.held))
    times = (found.answered, found.acknowledged, found.retry)
    assert all(0 <= moment < 1e11 for moment in times)


@pytest.mark.parametrize("name", ["status", "status.new"])
def test_a_directory_in_its_place(name, tmp_path):
    """It is an error to write, and nothing to read."""
    (tmp_path / name).mkdir()
    with pytest.raises(OSError, match="directory"):
        status.write(tmp_path, SAID)
    assert Status() == status.read(tmp_path)


@pytest.mark.parametrize("name", ["status", "status.new"])
def test_a_pipe_in_its_place_is_not_waited_for(name, tmp_path):
    """Nobody is at its other end."""
    os.mkfifo(tmp_path / name)
    with in_time():
        assert Status() == status.read(tmp_path)
    with in_time():
        status.write(tmp_path, SAID)
    assert SAID == status.read(tmp_path)


def test_a_link_in_place_of_its_draft_is_not_followed(tmp_path):
    """What it leads to is somebody's."""
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / "status.new").symlink_to(tmp_path / "elsewhere")
    status.write(tmp_path, SAID)
    assert "mine" == (tmp_path / "elsewhere").read_text()
