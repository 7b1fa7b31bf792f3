"""Shipper: what can be wrong with the disk, and with the descriptors, costs no record."""

import os
import resource
import shutil
import sys
from contextlib import contextmanager

import pytest

from agentlog.shipping import quarantine
from agentlog.shipping.claim import Claim
from agentlog.shipping.shipper import NOTHING
from tests import warm
from tests.shipping.destinations import Run, left, records, written
from tests.shipping.driving import refusing


@pytest.mark.parametrize("name", ["shipper", "quarantine", "status", "status.new"])
def test_a_directory_in_the_place_of_a_file(name, tmp_path):
    """It is tried again in a second, and when it is gone, all is well."""
    left(tmp_path, records(20))
    (tmp_path / name).mkdir()
    run = Run(tmp_path, refusing(7))
    assert None is run.steps() or name.startswith("status")
    if name == "shipper":
        assert "the journal cannot be written: Is a directory" == run.shipper.status.trouble
    (tmp_path / name).rmdir()
    assert NOTHING == run.steps()
    assert {*range(20)} == {*run.poster.ids}
    assert 1 == len(quarantine.entries(tmp_path))
    assert 19 == run.shipper.delivered


@contextmanager
def limited(kind, value=0):
    """Let the process have no more than this of something."""
    soft, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (value, hard))
    try:
        yield
    finally:
        resource.setrlimit(kind, (soft, hard))


def test_a_full_disk_does_not_make_it_send_again_and_again(tmp_path):
    """Where no byte can be written, not even the name of who has the claim."""
    left(tmp_path, records(1200))
    run = Run(tmp_path)
    with limited(resource.RLIMIT_FSIZE):
        run.steps(20)
    assert NOTHING == run.steps()
    assert [*range(1200)] == run.poster.ids


def test_a_full_disk_does_not_make_it_send_again_what_a_running_process_has_written(tmp_path):
    """Its segment cannot be deleted, and the cursor cannot be written."""
    with written(tmp_path, records(700)):
        run = Run(tmp_path)
        with limited(resource.RLIMIT_FSIZE):
            run.steps(20)
            assert 700 == sum(cursor.delivered for cursor in run.shipper.unsaved.values())
        assert NOTHING == run.steps()
    assert [*range(700)] == run.poster.ids


def test_a_home_that_is_removed_under_it(tmp_path):
    """What comes then is shipped, by one of those who want to."""
    home = tmp_path / "home"
    left(home, records(600))
    run = Run(home)
    run.step()
    shutil.rmtree(home)
    left(home, records(5, 1000))
    others = Claim(home)
    assert others.take()
    assert None is run.steps(5)
    others.let_go()
    assert NOTHING == run.steps()
    assert {*range(1000, 1005)} <= {*run.poster.ids}


@pytest.mark.parametrize("length", [1, 40])
def test_no_record_is_lost_for_want_of_a_descriptor(length, tmp_path):
    """Whenever there is none, for however long: nothing is taken for torn, gone or settled."""
    ran = warm.run(
        [sys.executable, "-W", "error", "-m", "tests.shipping.windows", str(tmp_path), str(length)],
        env={**os.environ, "PYTHONPATH": warm.PLAIN},
        cwd=warm.ROOT,
    )
    assert (0, b"shipped\n", b"") == (ran.returncode, ran.stdout, ran.stderr)
