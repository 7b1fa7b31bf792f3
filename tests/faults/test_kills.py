"""SIGKILL at 200 random moments: each record whose call had returned is there, and the rest too."""

import json
from collections import Counter

from tests.faults.accounts import whole
from tests.scripts import run

KILLS = 200
PROGRAM = """
import json, os, random, signal, sys, threading, time
import agentlog as ao
from tests.faults.host import Host

kills, seed = map(int, sys.argv[1:])
chance = random.Random(seed)
host = Host()

def work(number, threads, **options):
    '''Record until the kill, and tell of each record when its call has returned.'''
    own = Host(**options)
    def record(thread):
        for n in range(50):  # no more, should the kill come late
            with own.client.action("action", params={"child": number}):
                pad = "x" * (n * 97 % 3000)
                own.event("event", child=number, thread=thread, n=n, pad=pad)
                os.write(telling, b"%d %d\\n" % (thread, n))
        signal.pause()
    with own.client.action("work"):
        for thread in range(1, threads):
            threading.Thread(target=ao.bind(record), args=(thread,), daemon=True).start()
        record(0)

for number in range(kills):
    heard, telling = os.pipe()
    pid = os.fork()
    if not pid:
        threads = 1 + number % 3
        work(number, threads, segment_size=60_000 if number % 2 else None, busy=number % 4 == 3)
    os.close(telling)
    told = os.read(heard, chance.randrange(1, 200))
    end = time.perf_counter() + chance.random() * 0.004
    while time.perf_counter() < end:
        pass
    os.kill(pid, signal.SIGKILL)
    while more := os.read(heard, 65536):
        told += more
    os.close(heard)
    assert -signal.SIGKILL == os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(json.dumps(told.decode().splitlines()), flush=True)
    host.event("survivor", child=number)
host.end()
"""


def test_200_kills_lose_nothing_whose_call_had_returned(tmp_path, request):
    """Of one thread and of several, amid rotations too; and what others record goes on."""
    seed = request.config.getoption("randomly_seed", 0)
    ran = run(tmp_path, PROGRAM, str(KILLS), str(seed if isinstance(seed, int) else 0))
    assert (0, "") == (ran.status, ran.stderr)
    *told, account = map(json.loads, ran.stdout.splitlines())
    there = {}
    for event in whole(ran.captured, running=5 * KILLS):
        if event["event_type"] == "event":
            params = event["params"]
            there.setdefault(params["child"], set()).add(f"{params['thread']} {params['n']}")
    assert KILLS == len(told)
    for child, returned in enumerate(told):
        assert set(returned) <= there[child], f"child {child} of seed {seed}"
    assert KILLS == Counter(ran.captured.names())["survivor"]
    assert KILLS + 2 == account["delivered"] == account["accepted"]
