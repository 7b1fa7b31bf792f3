"""Records what a version of the SDK sends, and answers as its own server did.

`python -m tests.server.agentops.recording [VERSION...]` runs `program.py` with the Python of each
environment and writes `traffic/<version>.json`: the requests, each with path, headers that mean
something, and body, as text. What tells of the machine is left out, and so are the SDK's own lines
in a traceback.
"""

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.server.agentops.environments import VERSIONS, python_of

HERE = Path(__file__).parent
PROGRAM = HERE / "program.py"
TRAFFIC = HERE / "traffic"
KEY = "11111111-2222-4333-8444-555555555555"
JWT = "a.jwt.of.theirs"
SDK = ("AgentOps SDK Version", "Python Version")
HEADERS = ("X-Agentops-Auth", "X-Agentops-Api-Key", "Authorization", "Content-Type")


def run(python, endpoint, key=KEY, program=PROGRAM):
    """Run the program with an environment's Python; return what it printed."""
    bare = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        [python, program, endpoint, *([key] if key else [])],
        env={**bare, "NO_PROXY": "*", "AGENTOPS_LOGGING_TO_FILE": "false"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert 0 == done.returncode, done.stdout
    return done.stdout


@contextmanager
def listening(requests):
    """Give the address of a server that puts what comes into a list, and says yes."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name: self.headers[name] for name in HEADERS if self.headers[name]}
            requests.append({"path": self.path, "headers": headers, "body": body.decode()})
            answer = json.dumps({"status": "success", "jwt": JWT}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def anonymous(value):
    """Return JSON without what tells of this machine, and of the SDK's own code."""
    if isinstance(value, list):
        return [anonymous(one) for one in value]
    if isinstance(value, str) and value.startswith("Traceback"):
        first, *_, last = value.splitlines(keepends=True)
        return first + last
    if not isinstance(value, dict):
        return value
    if value.get("host_env"):
        sdk = {name: value["host_env"]["SDK"][name] for name in SDK}
        value = {**value, "host_env": {"SDK": sdk, "OS": {"Hostname": "vm", "OS": "Linux"}}}
    return {name: anonymous(one) for name, one in value.items()}


def record(python):
    """Run the program, and return what it sent."""
    requests = []
    with listening(requests) as endpoint:
        run(python, endpoint)
    for request in requests:
        # As the SDK writes it: it is Python's own JSON, with NaN and all.
        request["body"] = json.dumps(anonymous(json.loads(request["body"])))
    return requests


if __name__ == "__main__":
    for version in sys.argv[1:] or VERSIONS:
        traffic = record(python_of(version))
        file = TRAFFIC / f"{version}.json"
        file.write_text(json.dumps(traffic, indent=1) + "\n", encoding="utf-8")
