"""What the journal had no room for is deleted, noted, added up and forgotten."""

import json

import pytest

from agentlog import journal, losses
from tests.recording.journals import umask
from tests.test_journal import NEW, OLD, locked, mode, segment


def test_a_destination_that_is_not_there_has_lost_nothing(tmp_path):
    """And is not made."""
    assert {} == losses.noted(tmp_path / "absent")
    assert [] == [*tmp_path.iterdir()]


def test_permissions_under_any_umask(tmp_path):
    """The file is 0600."""
    with umask(0):
        losses.note(tmp_path, "journal limit", 1)
    assert [0o600] == [mode(path) for path in tmp_path.iterdir()]


def test_room_is_made_by_the_oldest_ended_runs_first(tmp_path):
    """Segments go from the oldest on, until the rest fits, and their records are noted as lost."""
    segment(tmp_path, OLD, 1, b"a\n" * 50)
    segment(tmp_path, OLD, 2, b"b\n" * 50)
    segment(tmp_path, NEW, 1, b"c\n" * 50)
    assert 200 == losses.make_room(tmp_path, 250)
    assert [(OLD, 2), (NEW, 1)] == [(s.owner, s.number) for s in journal.segments(tmp_path)]
    assert {"journal limit": 50} == losses.noted(tmp_path)


def test_room_is_not_made_by_what_is_still_written(tmp_path):
    """No segment of a living process is given up, not even those it has finished."""
    segment(tmp_path, OLD, 1, b"a\n" * 50)
    last = segment(tmp_path, OLD, 2, b"b\n" * 50)
    segment(tmp_path, NEW, 1, b"c\n" * 50)
    with locked(last.path):
        assert 200 == losses.make_room(tmp_path, 0)
    assert [OLD, OLD] == [s.owner for s in journal.segments(tmp_path)]


def test_junk_named_like_a_segment_does_not_stop_making_room(tmp_path):
    """A directory or a dangling link of a segment's name is passed over."""
    (tmp_path / f"{OLD}-0001.jsonl").mkdir()
    (tmp_path / f"{OLD}-0002.jsonl").symlink_to(tmp_path / "nowhere")
    segment(tmp_path, NEW, 1, b"c\n" * 50)
    losses.make_room(tmp_path, 10)
    assert not journal.segment(tmp_path, NEW, 1).path.exists()


def test_losses_add_up_by_reason(tmp_path):
    """Losses noted by several processes and at several times are added."""
    for reason, records in [("journal limit", 2), ("not writable", 3), ("journal limit", 5)]:
        losses.note(tmp_path, reason, records)
    assert {"journal limit": 7, "not writable": 3} == losses.noted(tmp_path)


def test_many_losses_are_all_added(tmp_path):
    """A file of losses that has grown for days is read to its end."""
    losses.note(tmp_path, "journal limit", 1)
    file = tmp_path / "losses"
    file.write_bytes(file.read_bytes() * 20_000)
    assert {"journal limit": 20_000} == losses.noted(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"reason":"x"}',
        b'{"reason":"x","records":"many"}',
        b'{"reason":"x","records":null}',
        b'{"reason":"x","records":1e999}',
        pytest.param(b"[" * 100_000, id="nested"),
    ],
)
def test_a_damaged_note_of_a_loss_is_passed_over(tmp_path, line):
    """A damaged line among the losses costs no other."""
    losses.note(tmp_path, "journal limit", 1)
    with (tmp_path / "losses").open("ab") as file:
        file.write(line + b"\n")
    losses.note(tmp_path, "journal limit", 2)
    assert {"journal limit": 3} == losses.noted(tmp_path)


def test_losses_of_a_time_are_forgotten(tmp_path):
    """What was noted before it goes, what was noted since then stays, and damaged lines go."""
    assert 0 == losses.forget(tmp_path, 1e12)
    notes = [{"timestamp": t, "reason": "not writable", "records": t} for t in (1, 2, 3, 4)]
    lines = [*map(json.dumps, notes), "{", '{"reason": "odd", "records": 5}']
    (tmp_path / "losses").write_text("\n".join(lines) + "\n")
    assert 1 + 2 + 5 == losses.forget(tmp_path, 3)
    assert {"not writable": 7} == losses.noted(tmp_path)
    losses.note(tmp_path, "not writable", 10)
    assert {0o600} == {mode(path) for path in tmp_path.iterdir()}
    assert 7 == losses.forget(tmp_path, 5)
    assert {"not writable": 10} == losses.noted(tmp_path)
    assert 10 == losses.forget(tmp_path, 1e12)
    assert [] == list(tmp_path.iterdir())
