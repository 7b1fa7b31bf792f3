"""`GET /v1/sessions/{session_id}/export/{form}`: what the command writes, as a file to keep."""

import pytest

from agentlog.server.exports import FORMS
from tests.server.collector import record, session_id


@pytest.fixture(scope="module")
def known(collector):
    """A collector with a session."""
    collector.post([record(event_type="../my 検索\r\n.py"), record(2, params={"query": "検索"})])
    return collector


@pytest.mark.parametrize("form", FORMS)
def test_it_is_what_the_command_writes(form, known, tmp_path):
    """To the byte; a browser saves it under the session's name and id."""
    answer = known.get(f"/v1/sessions/{session_id()}/export/{form}")
    assert 200 == answer.status
    known.command("export", session_id(), f"--{form}", str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == answer.body
    assert answer.headers["Content-Disposition"].startswith(
        f'attachment; filename="_my_.py-{session_id()[:10]}.'
    )
    assert str(len(answer.body)) == answer.headers["Content-Length"]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path", [f"{session_id()}/export/pdf", f"{session_id(9)}/export/csv"], ids=["form", "session"]
)
def test_what_is_not_there_is_a_404(path, known):
    """A form, or a session."""
    assert 404 == known.get(f"/v1/sessions/{path}").status


def test_it_asks_for_the_token(known):
    """As all that reads."""
    assert 401 == known.get(f"/v1/sessions/{session_id()}/export/csv", "").status
