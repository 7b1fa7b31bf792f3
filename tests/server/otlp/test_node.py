"""OpenTelemetry's SDK for Node, at a real collector.

`make test-node` installs it beside the checkout; where it is not, or there is no node, it is
skipped.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.documents import ROOT

PROGRAM = Path(__file__).parent / "node" / "program.cjs"
MODULES = Path(os.environ.get("AGENTLOG_NODE", ROOT / ".node")) / "node_modules"


@pytest.mark.parametrize("form", ["proto", "http"])
def test_the_sdk_for_node(collector, form):
    """In protobuf and in JSON, both of them packed: the same tree."""
    node = shutil.which("node")
    if not node or not MODULES.exists():
        pytest.skip("there is no node with OpenTelemetry's SDK: make test-node")
    done = subprocess.run(
        [node, PROGRAM, collector.base, form],
        env={**os.environ, "NODE_PATH": str(MODULES)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (0, "") == (done.returncode, done.stderr)
    told = collector.get(f"/v1/sessions/{done.stdout.strip()}").json
    session, events = told["session"], {one["event_type"]: one for one in told["events"]}
    assert ("weather", "Success") == (session["event_type"], session["result"])
    assert isinstance(session["params"]["process.pid"], int)
    assert {"city": "Oslo", "days": 2, "hot": False, "rain": 0.5, "tags": ["a", "b"]} == (
        events["plan"]["params"]
    )
    call, failed = events["chat gpt-4o"], events["parse"]
    assert {events["plan"]["id"]} == {call["parent_id"], failed["parent_id"]}
    assert ("llm", "gpt-4o", 12, 3, [{"role": "user", "content": "雨?"}]) == tuple(
        call[name]
        for name in ("action_type", "model", "prompt_tokens", "completion_tokens", "prompt")
    )
    assert (call["id"], {"attempt": 2}) == (
        events["retry"]["parent_id"],
        events["retry"]["params"],
    )
    assert ("Fail", "RangeError", "no") == (
        failed["result"],
        failed["error"]["type"],
        failed["error"]["message"],
    )
    assert call["end_timestamp"] >= call["timestamp"] >= events["plan"]["timestamp"]
