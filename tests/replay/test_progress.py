"""Progress: a bar on a terminal, and nothing anywhere else."""

import io
import sys

import pytest

from agentlog.replay.progress import Progress


class Terminal(io.StringIO):
    """A stderr that is seen by somebody."""

    def __init__(self, encoding="utf-8"):
        super().__init__()
        self._encoding = encoding

    encoding = property(lambda self: self._encoding)

    def isatty(self):
        """Say so."""
        return True

    @property
    def rows(self):
        """What was on the line, one after the other."""
        return self.getvalue().split("\r")[1:]


@pytest.fixture
def draw(monkeypatch):
    """Give a function that shows what is left, time after time, and returns the terminal."""

    def draw(*lefts, total=200, clear=0, encoding="utf-8"):
        terminal = Terminal(encoding)
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setattr(sys, "stderr", terminal)
        progress = Progress("shipping", total)
        for left in lefts:
            progress.show(left)
        for _ in range(clear):
            progress.clear()
        return terminal

    return draw


def test_a_bar_grows(draw):
    """From nothing to all of it, over the line that was there."""
    rows = draw(200, 100, 0).rows
    assert [0, 15, 30] == [row.count("\u2501") for row in rows]
    assert ["  0%", " 50%", "100%"] == [row[-4:] for row in rows]
    assert {len("shipping ") + 30 + 5} == {len(row) for row in rows}


def test_the_line_is_left_as_it_was_found(draw):
    """Blank, with the cursor at its beginning; also where nothing was shown."""
    assert "" == draw(clear=1).getvalue()
    bar, blank, end = draw(100, clear=2).rows
    assert ("", "") == (blank.strip(), end)
    assert len(blank) == len(bar)


def test_the_same_again_is_not_drawn_again(draw):
    """It would flicker."""
    assert 1 == len(draw(100, 100, 100).rows)


@pytest.mark.parametrize(
    ("total", "left", "expected"), [(0, 0, "100%"), (100, 250, "  0%"), (100, -1, "100%")]
)
def test_it_stays_between_nothing_and_all(total, left, expected, draw):
    """More may turn out to be left than there was at first."""
    assert expected == draw(left, total=total).rows[-1][-4:]


@pytest.mark.parametrize("columns", [20, 30, 45, 200])
def test_it_fits_into_the_line(columns, monkeypatch, draw):
    """Else it would not be drawn over itself."""
    monkeypatch.setenv("COLUMNS", str(columns))
    assert all(len(row) < columns for row in draw(200, 100, 0).rows)


def test_an_encoding_that_is_not_utf_8_gets_ascii(draw):
    """As everything else does."""
    terminal = draw(100, encoding="latin-1")
    assert terminal.getvalue().isascii()
    assert len(terminal.rows[0].split()) > 1


@pytest.mark.parametrize("stderr", [None, io.StringIO()], ids=["none", "pipe"])
def test_where_nobody_sees_it_there_is_nothing(stderr, monkeypatch):
    """In a pipe, a file, and where there is no stderr at all."""
    monkeypatch.setattr(sys, "stderr", stderr)
    progress = Progress("shipping", 200)
    progress.show(100)
    progress.clear()
    assert stderr is None or "" == stderr.getvalue()
