"""Take the pictures of the pages that README and docs show: `make screenshots`.

A support agent runs, twice on the same ticket, and a dozen of others beside it; and so does the
agent of the demo. All of it is recorded by agentlog, shipped to a real collector, and looked at in
chromium. The rule: nothing is drawn by hand; only the support agent does not wait for the time to
pass, as its clock is one that is turned.
"""

import asyncio
import json
import os
import random
import selectors
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urljoin

from playwright.sync_api import Browser, sync_playwright

import agentlog as ao
from agentlog.testing import Captured, ManualClock, capture_events

IMAGES = Path(__file__).with_name("images")
ROOT = Path(__file__).parent.parent
DEMO = ROOT / "examples" / "research_agent.py"
WITHOUT_EXTRAS = os.pathsep.join([str(ROOT / "tests" / "plain"), str(ROOT)])
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
LARGEST = 150_000

QUESTION = "My parcel 4711 has been under way for twelve days. I want my money back."
SYSTEM = "You are the support agent of a bookshop. Plan first, then act. Be short and kind."
PLAN = [
    "look up the order and its parcel",
    "read what the handbook says on lost parcels",
    "refund what may be refunded",
    "write to the customer",
]
PAGES = ["parcels/lost", "parcels/late", "refunds/how", "refunds/limits", "tone"]


OTHERS = [
    ("research_agent.py", "night", None),
    ("release_notes.py", "docs", None),
    ("research_agent.py", "night", None),
    ("triage.py", "issues", ValueError("no label is called 'wontfix'")),
    ("support_agent.py", "shop", None),
    ("evaluate.py", "night", asyncio.CancelledError()),
    ("triage.py", "issues", None),
    ("support_agent.py", "shop", None),
    ("evaluate.py", "night", ConnectionError("api.openai.com: connection reset")),
    ("release_notes.py", "docs", None),
    ("research_agent.py", "night", None),
    ("support_agent.py", "shop", None),
]


class GatewayTimeoutError(TimeoutError):
    """The other side did not answer."""


class RefundRefusedError(RuntimeError):
    """The bank has said no."""


# -- The agent -------------------------------------------------------------------------------------


async def support(*, limit: int, carrier: float) -> None:
    """Answer a ticket; it fails where the refund is above the limit of the bank."""
    with ao.action("answer_ticket", params={"ticket": 4711, "text": QUESTION}, tags=["refund"]):
        await plan()
        async with asyncio.TaskGroup() as group:
            group.create_task(look_up(carrier))
            await asyncio.sleep(0.04)
            group.create_task(read_handbook())
        await refund(limit)
        await reply()


async def plan() -> None:
    """Let the model say what is to be done."""
    chat = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
    await ask("plan", chat, "\n".join(f"{n}. {step}" for n, step in enumerate(PLAN, 1)), 2.4)


async def ask(name: str, chat: list[dict[str, str]], answer: str, seconds: float) -> None:
    """Have a model answer after so many seconds."""
    with ao.action(name, action_type="llm", model="gpt-4", prompt=chat) as action:
        await asyncio.sleep(seconds)
        action.returns = [{"role": "assistant", "content": answer}]
        spent = sum(len(message["content"]) for message in chat) // 4
        action.update(prompt_tokens=spent + 380, completion_tokens=len(answer) // 4)


@ao.record_action("look_up", capture_params=False)
async def look_up(carrier: float) -> None:
    """Find the order and its parcel, of a carrier that takes so many seconds."""
    with ao.action("get_order", action_type="api", params={"order": 4711}) as action:
        await asyncio.sleep(0.35)
        action.returns = {"total": 84.5, "paid by": "card", "parcel": "JD0146"}
    for attempt in (1, 2, 3):
        try:
            return await track(attempt, carrier)
        except GatewayTimeoutError as error:
            ao.record(ao.Event("retry", params={"after": str(error)}, action_type="log"))
            await asyncio.sleep(0.4 * 2**attempt)
    return None


@ao.record_action("track_parcel", action_type="api", ignore=["carrier"])
async def track(attempt: int, carrier: float) -> str:
    """Ask the carrier, who answers at the second attempt."""
    await asyncio.sleep(carrier)
    if attempt == 1:
        raise GatewayTimeoutError("api.carrier.example did not answer within 1.5 s")
    return "last seen in Leipzig, nine days ago"


@ao.record_action("read_handbook")
async def read_handbook() -> str:
    """Read all pages, and let the model say what matters."""
    for page in PAGES:
        with ao.action("read_page", action_type="tool", params={"page": page}) as action:
            await asyncio.sleep(0.22)
            action.returns = {"words": 240 + 17 * len(page)}
    with ao.action("search", action_type="tool", params={"query": "lost parcel, refund"}) as action:
        await asyncio.sleep(0.16)
        action.returns = ["parcels/lost", "refunds/limits"]
    found = (
        "A parcel that was not seen for a week is lost. The customer may choose: money or books."
    )
    await ask("summarise", [{"role": "user", "content": found}], found, 1.3)
    return found


@ao.record_action("refund")
async def refund(limit: int) -> None:
    """Give back what the model decides."""
    chat = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": "The parcel is lost. What is to be refunded?"},
    ]
    await ask("decide_amount", chat, "All of it: 84.50, and 4.90 for the postage.", 1.7)
    await pay(89.4, limit)


@ao.record_action("pay", action_type="tool")
async def pay(amount: float, limit: int) -> str:
    """Pay it, if the bank lets so much go."""
    with ao.action("post_refund", action_type="api", params={"amount": amount, "limit": limit}):
        await asyncio.sleep(0.48)
        if amount > limit:
            raise RefundRefusedError(f"402: {amount} is above the limit of {limit} for this key")
    return "refunded"


async def reply() -> None:
    """Write to the customer."""
    chat = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "Write the letter."}]
    letter = "Your parcel seems to be lost, and we are sorry. 89.40 are on their way back to you."
    await ask("write_reply", chat, letter, 2.1)
    with ao.action("send", action_type="api", params={"to": "customer 1187"}):
        await asyncio.sleep(0.2)


async def other(seconds: float, steps: int, problem: BaseException | None) -> None:
    """Do what the others in the list do: some steps, and perhaps a problem."""
    for step in range(1, steps):
        chat = [{"role": "user", "content": f"Part {step}. {QUESTION * (1 + step % 4)}"}]
        await ask(f"part_{step}", chat, QUESTION * 2, seconds / steps)
    with ao.action("finish", action_type="tool"):
        await asyncio.sleep(seconds / steps)
        if problem:
            raise problem


# -- Recording it ----------------------------------------------------------------------------------


class Turning(selectors.DefaultSelector):
    """Turns the clock instead of waiting, so that a minute of an agent takes a moment."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> Any:
        """Return what is ready now, at the time that it would have been waited for."""
        if timeout:
            self._clock.advance(timeout + 1e-5)  # times of this size are not told more exactly
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose time is that of a clock."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(Turning(clock))
        self.time = clock.time  # type: ignore[method-assign]


Work = Callable[[], Awaitable[None]]


def recorded(name: str, start: float, tags: list[str], work: Work) -> list[dict[str, Any]]:
    """Return what a program of this name has written by now, if it was begun at `start`."""
    clock = ManualClock(start)
    with (
        patch.object(sys, "argv", [name]),
        capture_events(clock=clock) as captured,
        asyncio.Runner(loop_factory=lambda: Loop(clock)) as runner,
    ):
        runner.run(in_session(captured, tags, work))
    texts = (line.decode().replace(__file__, f"/srv/agents/{name}") for line in captured.records)
    records = map(json.loads, texts)
    return [one for one in records if one.get("end_timestamp", one.get("timestamp")) < time.time()]


def demonstrated() -> list[dict[str, Any]]:
    """Return what the demo writes, which asks its model by the client of OpenAI."""
    with tempfile.TemporaryDirectory(prefix="agentlog-") as home:
        subprocess.run(  # noqa: S603 - this very Python
            [sys.executable, DEMO], env={**os.environ, "AGENTLOG_HOME": home}, check=True
        )
        texts = (line.decode() for line in Captured(ao.Client(home=home)).records)
        return [json.loads(text.replace(str(ROOT), "/srv/agents")) for text in texts]


async def in_session(captured: Captured, tags: list[str], work: Work) -> None:
    """Work in a session of its own; that it fails is what is to be seen."""
    with suppress(Exception, asyncio.CancelledError), captured.client.session(tags=tags):
        await work()


def runs() -> Iterator[list[dict[str, Any]]]:
    """Yield the runs, the newest first; the first two are of the agent that is looked at."""
    now = time.time()
    shop = ["shop", "refunds"]
    yield recorded("support_agent.py", now - 190, shop, lambda: support(limit=50, carrier=1.5))
    yield recorded("support_agent.py", now - 847, shop, lambda: support(limit=100, carrier=0.6))
    chance = random.Random(8)
    for number, (name, tag, problem) in enumerate(OTHERS):
        seconds, steps = chance.uniform(4, 240), chance.randrange(3, 60)
        start = now - 35 if number == 0 else now - 1260 * number - chance.uniform(900, 1500)
        work = partial(other, seconds + 60 * (number == 0), steps, problem)
        yield recorded(name, start, [tag], work)


# -- Looking at it ---------------------------------------------------------------------------------


@contextmanager
def collector(directory: Path, **environ: str) -> Iterator[str]:
    """Serve a store of its own; the address lets one in."""
    command = [sys.executable, "-m", "agentlog", "serve", "--port", "0", "--no-browser"]
    process = subprocess.Popen(  # noqa: S603 - this very Python
        [*command, "--store", str(directory / "store.db")],
        env={**os.environ, "AGENTLOG_HOME": str(directory), **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    try:
        yield process.stdout.readline().strip() if process.stdout else ""
    finally:
        process.terminate()
        process.wait()


def ship(address: str, records: list[dict[str, Any]]) -> None:
    """Hand a run to the collector."""
    request = urllib.request.Request(  # noqa: S310 - an address of ours
        urljoin(address, "/v1/events"),
        json.dumps({"events": records}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
        receipt = json.load(answer)
    if receipt["refused"]:
        raise SystemExit(f"refused: {receipt['refused']}")


def look(browser: Browser, name: str, address: str, path: str, seen: str, height: int) -> None:
    """Take a picture of a page, once what is to be seen is there."""
    context = browser.new_context(viewport={"width": 1280, "height": height})
    page = context.new_page()
    page.goto(address)
    page.goto(urljoin(address, path))
    page.locator(seen).first.wait_for()
    target = IMAGES / f"{name}.png"
    page.screenshot(path=target)
    context.close()
    if target.stat().st_size > LARGEST:
        raise SystemExit(f"{target} is larger than {LARGEST} bytes")
    print(target)


def look_at_runs(browser: Browser, directory: Path, told: list[list[dict[str, Any]]]) -> None:
    """Take the pictures of the support agent, the others beside it."""
    now, before = (run[0]["session_id"] for run in told[:2])
    with collector(directory) as address:
        for records in told:
            ship(address, records)
        look(browser, "session", address, f"/sessions/{now}", "#pane .error-traceback", 680)
        look(browser, "sessions", address, "/", ".space .cost:not(:empty)", 494)
        look(browser, "compare", address, f"/compare/{before}/{now}", "#rows pre", 760)


def look_at_demo(browser: Browser, directory: Path, records: list[dict[str, Any]]) -> None:
    """Take the picture of the demo, where no prices are known: its model has none."""
    called = next(one for one in records if one.get("event_type") == "ChatCompletion")
    path = f"/sessions/{called['session_id']}#e={called['id']}"
    with collector(directory, PYTHONPATH=WITHOUT_EXTRAS) as address:
        ship(address, records)
        look(browser, "llm-calls", address, path, "#pane .message", 720)


def main() -> None:
    """Record, then look: in this order, as a browser's loop would be in the way of the agents'."""
    told, demo = list(runs()), demonstrated()
    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="agentlog-") as directory,
        sync_playwright() as playwright,
    ):
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        look_at_runs(browser, Path(directory, "runs"), told)
        look_at_demo(browser, Path(directory, "demo"), demo)
        browser.close()


if __name__ == "__main__":
    main()
