"""What takes long: one at a time, few who wait, and an end that waits for none."""

import asyncio
import subprocess
import sys
import threading

import pytest
from starlette.exceptions import HTTPException

from agentlog.server.turns import MOST_WAITING, Turns, aside
from tests.server.collector import PATIENCE

ENDLESS = """
import asyncio, threading
from agentlog.server.turns import Turns, aside

async def work():
    asyncio.get_running_loop().call_soon(closing.set)
    await aside(threading.Event().wait)

async def main():
    await Turns(closing).have(work)

closing = asyncio.Event()
asyncio.run(main())
"""


async def refusal(task):
    """Return what a refused task was told."""
    with pytest.raises(HTTPException) as error:
        await task
    return error.value.status_code, set(error.value.headers)


def test_there_is_one_at_a_time_and_few_wait():
    """Who comes when there are enough is told to come again."""
    over, doing, most = threading.Event(), [], []

    async def work():
        doing.append(1)
        most.append(len(doing))
        await aside(lambda: over.wait(PATIENCE))
        return doing.pop()

    async def ask():
        turns = Turns(asyncio.Event())
        tasks = [asyncio.ensure_future(turns.have(work)) for _ in range(MOST_WAITING + 1)]
        await asyncio.sleep(0)
        assert (503, {"Retry-After"}) == await refusal(turns.have(work))
        over.set()
        await asyncio.gather(*tasks)
        await turns.have(work)

    asyncio.run(ask())
    assert [1] * (MOST_WAITING + 2) == most


def test_what_fails_takes_nobody_s_turn():
    """Its error goes to who asked."""

    async def ask():
        turns = Turns(asyncio.Event())
        for _ in range(MOST_WAITING + 2):
            with pytest.raises(ZeroDivisionError):
                await turns.have(lambda: aside(lambda: 1 / 0))

    asyncio.run(ask())


def test_who_waits_is_told_that_it_stops():
    """At once, be it his turn or not."""
    over = threading.Event()

    async def ask():
        closing = asyncio.Event()
        turns = Turns(closing)
        asked = [turns.have(lambda: aside(lambda: over.wait(PATIENCE))) for _ in range(3)]
        tasks = [asyncio.ensure_future(one) for one in asked]
        await asyncio.sleep(0)
        closing.set()
        assert [(503, {"Retry-After"})] * 3 == [await refusal(task) for task in tasks]

    asyncio.run(ask())
    assert not over.is_set()
    over.set()


def test_no_end_waits_for_it():
    """The process ends while the work goes on."""
    ended = subprocess.run(
        [sys.executable, "-c", ENDLESS], capture_output=True, timeout=PATIENCE, check=False
    )
    assert b"503" in ended.stderr.splitlines()[-1]
