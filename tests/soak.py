"""The soak: everything at once, for ten minutes; prints what it did, and a verdict.

    make soak SECONDS=20 SEED=1        or        python tests/soak.py 20 1

Programs (tests/faults/weather.py) live for some seconds and end in every way, in one home, beside
commands that read it, and in every third round beside somebody who wrecks it. Then it is looked
whether each record whose call had returned is there, whether the accounts are right, whether there
is a secret in a file or a byte of ours in a file of the host's, and whether anybody complained.

In every second round the programs (tests/shipping/faults/voyage.py) ship to a moody server, beside
shippers that are killed. In the end all of it has to be there, once per id.

It stands with the tests, as it uses their programs and accounts, and proves; it is no test that
`make test` runs, as it takes long. Its choices come from a seed; what the system makes of them does
not, so a seed that fails may have to be run again.
"""

import collections
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from agentlog.owner import new_owner  # noqa: E402 - where this is
from agentlog.store.home import open_home  # noqa: E402
from tests.faults.weather import ENDS, SECRET  # noqa: E402
from tests.shipping.faults.lab import events_of  # noqa: E402
from tests.shipping.faults.moods import Moody  # noqa: E402
from tests.shipping.server import Server  # noqa: E402

ROUND = 10.0
AT_ONCE = 3
PATIENCE = 30
STATUS = {"exit": 0, "interrupt": -signal.SIGINT, "_exit": 0, "kill": -signal.SIGKILL, "peace": 0}
COMMANDS = (["sessions"], ["replay", "last"], ["replay", "--json", "last"], ["doctor"])


class Round:
    """One home, with all that goes on in it."""

    program = ROOT / "tests" / "faults" / "weather.py"
    warnings = ("-W", "error")
    expected = "agentlog: cannot write"

    def __init__(self, number, seed, seconds, totals):
        self.name = f"round {number}"
        self.wrecked = number % 3 == 0
        self.chance = random.Random(f"{seed} {number}")
        self.seconds = seconds
        self.totals = totals
        self.troubles = []
        self.told = set()
        self.directory = Path(tempfile.mkdtemp(prefix="agentlog-soak-"))
        self.home = self.directory / "home"
        self.environ = {
            **{name: value for name, value in os.environ.items() if name[:9] != "AGENTLOG_"},
            "AGENTLOG_HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
        }

    def run(self):
        """Let everything go on, and look at what is left; return the troubles."""
        self.end = time.monotonic() + self.seconds
        doing = [self.programs] * AT_ONCE + [self.readers] + self.others()
        chances = [random.Random(self.chance.random()) for _ in doing]
        threads = [
            threading.Thread(target=self._noting_troubles, args=arguments)
            for arguments in zip(doing, chances, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.look()
        if not self.troubles:
            shutil.rmtree(self.directory)
        return self.troubles

    def _noting_troubles(self, do, chance):
        try:
            while time.monotonic() < self.end:
                do(chance)
        except Exception as error:
            self.trouble(f"{do.__name__}: {error!r}")

    def trouble(self, what):
        """Note that something is wrong."""
        self.troubles.append(f"{self.name}: {what[:4000]}")

    def others(self):
        """Return what goes on beside programs and readers."""
        return [self.wrecker] * self.wrecked

    # -- What goes on ------------------------------------------------------------------------------

    def programs(self, chance):
        """Run one program, to whatever end."""
        self.totals["programs"] += 1
        end = chance.choice([*ENDS, "peace", "peace"])
        name = f"{end}-{self.totals['programs']}"
        status, stdout, stderr = self._run(
            self.program,
            *(name, chance.randrange(10**6), chance.uniform(0.3, 3), end),
        )
        self.totals[f"ended by {end}"] += 1
        if status != STATUS[end]:
            self.trouble(f"{name} ended with {status}: {stderr}")
        said = [line for line in stderr.splitlines() if self.expected not in line]
        if said and end != "interrupt":
            self.trouble(f"{name} said: {stderr}")
        if SECRET in stderr:
            self.trouble(f"{name} printed a secret")
        for line in stdout.splitlines(keepends=True):
            if line.startswith("{"):
                self.account(name, json.loads(line))
            elif line.endswith("\n"):
                self.told.add(line.strip())

    def account(self, name, account):
        """Look at the accounts of a process that came to its end."""
        self.totals["accounts"] += 1
        self.totals["records"] += account["accepted"]
        made = sum(account["made"].values())
        if made != account["accepted"]:
            self.trouble(f"{name} made {made} records: {account}")
        self.delivered(name, account, made)

    def delivered(self, name, account, made):
        """Look at what a process says is at its destination."""
        if not self.wrecked and account["delivered"] != made:
            self.trouble(f"{name} did not deliver all: {account}")

    def readers(self, chance):
        """Run a command that reads the home."""
        command = chance.choice(COMMANDS)
        self.totals["commands"] += 1
        status, stdout, stderr = self._run("-m", "agentlog", *command)
        if status not in {0, 1} or "Traceback" in stderr:
            self.trouble(f"{command} ended with {status}: {stderr}")
        if SECRET in stdout:
            self.trouble(f"{command} printed a secret")

    def wrecker(self, chance):
        """Take something away, or put junk in its place."""
        self.totals["times wrecked"] += 1
        local = self.home / "journal" / "local"
        with contextlib.suppress(OSError):
            match chance.randrange(6):
                case 0:
                    shutil.rmtree(self.home)
                case 1:
                    shutil.rmtree(self.home)
                    self.home.touch()
                case 2:
                    self.home.unlink()
                case 3:
                    chance.choice(list(local.iterdir())).unlink()
                case 4:
                    (local / f"{new_owner()}-0001.jsonl").write_bytes(chance.randbytes(999))
                case 5:
                    os.mkfifo(local / f"{new_owner()}-0001.jsonl")
        threading.Event().wait(chance.uniform(0, 0.5))

    def _run(self, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", *self.warnings, *map(str, arguments)],
            cwd=self.directory,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        try:
            stdout, stderr = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGABRT)  # where they stand is told on stderr
            stdout, stderr = process.communicate()
            self.trouble(f"{arguments} hung: {stderr}")
        return process.returncode, stdout, stderr

    # -- What is left ------------------------------------------------------------------------------

    def look(self):
        """Look at the home, and at the host's own files."""
        self.totals["calls that returned"] += len(self.told)
        self.totals["kills"] = self.totals["ended by kill"]
        for path in self.directory.glob("theirs *"):
            if path.stat().st_size:
                self.trouble(f"{path.name} has bytes of ours: {path.read_bytes()[:200]}")
        for path in self.home.rglob("*"):
            if path.is_file() and SECRET.encode() in path.read_bytes():
                self.trouble(f"a secret is in {path}")
        if not self.wrecked:
            missing = self.told - self.marks()
            if missing:
                self.trouble(f"{len(missing)} are missing: {sorted(missing)[:5]}")

    def marks(self):
        """Return the marks of all events in the home."""
        with open_home(self.home) as store:
            return {
                event["params"]["mark"]
                for session in store.sessions()
                for event in store.session(session.id)
                if "mark" in (event.get("params") or {})
            }


class Voyages(Round):
    """A home whose programs ship, all of it to one moody server."""

    program = ROOT / "tests" / "shipping" / "faults" / "voyage.py"
    warnings = ("-W", "error")
    expected = "agentlog: nothing is shipped"

    def run(self):
        """Let everything go on; then the server is well, and takes what is left."""
        self.wrecked = False
        self.moody = Moody(self.chance.random(), self.totals)
        with Server(self.moody) as self.server:
            self.environ |= {"AGENTLOG_ENDPOINT": self.server.url, "AGENTLOG_API_KEY": SECRET}
            return super().run()

    def others(self):
        """Return what goes on beside programs and readers."""
        return [self.shippers]

    def shippers(self, chance):
        """Have a shipper at work for a while; then it is killed."""
        self.totals["shippers"] += 1
        process = subprocess.Popen(
            [sys.executable, "-m", "agentlog", "ship", *chance.choice([[], ["--follow"]])],
            env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0.2, 2))
        process.kill()
        said, _ = process.communicate()
        self.totals["shippers killed"] += process.returncode < 0
        if b"Traceback" in said or SECRET.encode() in said:
            self.trouble(f"a shipper said: {said}")

    def delivered(self, name, account, made):
        """Look at what a process says is at its destination: as much is there."""
        if account["delivered"] + account["pending"] + account["quarantined"] != made:
            self.trouble(f"{name} lost some: {account}")
        there = sum(mark.startswith(f"{name} {account['pid']} ") for mark in self.marks())
        if account["delivered"] > there + 2:  # a session has no mark, and two records
            self.trouble(f"{name} says more than the {there} that are there: {account}")

    def look(self):
        """Ship what is left, and look at what the server has, and at the home."""
        self.moody.well = True
        for arguments in ([], ["--quarantined"]):
            status, stdout, stderr = self._run("-m", "agentlog", "ship", *arguments)
            if status:
                self.trouble(f"ship {arguments} ended with {status}: {stdout}{stderr}")
        if left := [*self.home.glob("journal/*/*.jsonl")]:
            self.trouble(f"{left} are left")
        super().look()
        if SECRET in json.dumps(events_of(self.server)):
            self.trouble("a secret is in a record")

    def marks(self):
        """Return the marks of all events that the server has."""
        there = [versions[0].get("params") or {} for versions in [*self.server.records.values()]]
        return {params["mark"] for params in there if "mark" in params}


def main(seconds="600", seed=""):
    """Soak for some seconds; return the exit status."""
    seed = seed or str(int(time.time()))
    print(f"soaking for {seconds} s, seed {seed}", flush=True)
    totals, troubles, began = collections.Counter(), [], time.monotonic()
    for number in range(1, 10**9):
        left = float(seconds) - (time.monotonic() - began)
        if left <= 0:
            break
        found = (Round if number % 2 else Voyages)(number, seed, min(ROUND, left), totals).run()
        print(f"round {number}: {totals['records']:,} records so far, {len(found)} troubles")
        print(*found, sep="\n", end="\n" * bool(found), flush=True)
        troubles += found
    for what, count in sorted(totals.items()):
        print(f"{count:12,} {what}")
    print("all is well" if not troubles else f"{len(troubles)} troubles, seed {seed}")
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
