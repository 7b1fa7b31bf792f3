"""The configurations in examples/collector: taken by the programs that they are for.

Where such a program is not installed, its test is skipped.

What they say of agentlog is looked at everywhere.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.commandline import agentlog

EXAMPLES = Path(__file__).parents[2] / "examples" / "collector"


def lines_of(name):
    """Return the text of an example without its comments."""
    text = (EXAMPLES / name).read_text()
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


def checked(program, *arguments):
    """Let a program say what is wrong with its configuration."""
    if not shutil.which(program):
        pytest.skip(f"there is no {program} here")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_options_in_the_examples_are_there():
    """Whatever they tell agentlog to do, it does."""
    lines = [line for path in EXAMPLES.iterdir() for line in path.read_text().splitlines()]
    told = [line for line in lines if re.search("agentlog (serve|keys)|CMD|root-path", line)]
    options = set(re.findall(r"--[a-z-]+", "\n".join(told))) - {"--rm"}
    known = agentlog("serve", "--help").stdout + agentlog("keys", "--help").stdout
    assert {"--store", "--allow-host", "--host", "--keep", "--no-browser", "--root-path"} == options
    assert set() == {option for option in options if f" {option}" not in known}


def test_caddy_takes_its_example():
    """`caddy adapt` reads it."""
    path = str(EXAMPLES / "Caddyfile")
    status, said = checked("caddy", "adapt", "--adapter", "caddyfile", "--config", path)
    assert 0 == status, said
    assert "127.0.0.1:4380" in said


def test_nginx_takes_its_example(tmp_path):
    """`nginx -t` reads it, here without the certificate that is not there."""
    server = re.sub(
        r"(listen 443) ssl;|ssl_\w+ .*;", r"listen 8443;", lines_of("nginx.conf"), count=1
    )
    server = re.sub(r"ssl_\w+ .*;", "", server)
    here = f"pid {tmp_path}/pid; error_log {tmp_path}/log; events {{}}"
    temporary = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"{here} http {{ access_log off; {temporary} {server} }}")
    status, said = checked("nginx", "-t", "-p", str(tmp_path), "-c", str(whole))
    assert 0 == status, said


def test_systemd_takes_its_example(tmp_path):
    """`systemd-analyze verify` finds nothing, here with a program that is there."""
    unit = tmp_path / "agentlog.service"
    unit.write_text(lines_of("agentlog.service").replace("/opt/agentlog/bin/agentlog", "/bin/true"))
    assert (0, "") == checked("systemd-analyze", "verify", str(unit))
