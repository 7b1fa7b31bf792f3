"""Random programs: the recorded tree is the program's own tree of calls.

A program is a nest of blocks, calls and generators, some of which fail, are left early, or are
advanced from somewhere else. It keeps its own account of what happened under what; agentlog has to
come to the same.
"""

import asyncio
import contextlib
import contextvars
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

import agentlog as ao
from agentlog.testing import capture_events


class PlannedError(Exception):
    pass


@dataclass
class Call:
    """A call of a program: what kind it is, what it calls, and how it ends."""

    kind: str
    children: list["Call"]
    fails: bool = False
    left_after: int = 99


@dataclass
class Seen:
    """What really happened."""

    name: str
    result: str = "Indeterminate"
    outer: "Seen | None" = None
    children: list["Seen"] = field(default_factory=list)


KINDS = ["block", "function", "generator", "event"]


def calls(kinds):
    """Draw a program: calls of these kinds in each other."""
    return st.recursive(
        st.builds(Call, st.sampled_from(kinds), st.just([]), st.booleans(), st.integers(0, 3)),
        lambda inner: st.builds(
            Call,
            st.sampled_from(kinds),
            st.lists(inner, max_size=4),
            st.booleans(),
            st.integers(0, 4),
        ),
        max_leaves=12,
    )


def below(seen, name):
    """Note a call under another one."""
    child = Seen(name, outer=seen)
    seen.children.append(child)
    return child


def run(call, outer):
    """Run a call under what is `outer` in the program's own account; it never fails outwards."""
    if call.kind == "event":
        below(outer, "event")
        ao.record(ao.Event("event"))
        return
    seen = below(outer, call.kind)
    with contextlib.suppress(PlannedError):
        {"block": block, "function": function, "generator": generator}[call.kind](call, seen)


def body(call, seen):
    """Do what a call does."""
    for child in call.children:
        run(child, seen)
    seen.result = "Fail" if call.fails else "Success"
    if call.fails:
        raise PlannedError


def block(call, seen):
    """Run a call as a block."""
    with ao.action("block"):
        body(call, seen)


@ao.record_action("function", capture_params=False)
def function(call, seen):
    """Run a call as a function."""
    body(call, seen)


@ao.record_action("generator", capture_params=False)
def steps(call, seen):
    """Run a call as a generator."""
    for child in call.children:
        run(child, seen)
        yield
    seen.result = "Fail" if call.fails else "Success"
    if call.fails:
        raise PlannedError


def generator(call, seen):
    """Consume a generator's items, or some, and do something between, which is not its work."""
    for number, _ in enumerate(steps(call, seen)):
        below(seen.outer, "event")
        ao.record(ao.Event("event"))
        if number == call.left_after:
            break


async def run_async(call, outer):
    """Run a call, with tasks and async forms of everything."""
    if call.kind == "event":
        below(outer, "event")
        await asyncio.sleep(0)
        ao.record(ao.Event("event"))
        return
    seen = below(outer, call.kind)
    with contextlib.suppress(PlannedError):
        await {
            "block": async_block, "function": async_function, "generator": async_generator,
            "tasks": tasks, "thread": thread,
        }[call.kind](call, seen)  # fmt: skip


async def async_body(call, seen):
    """Do what a call does."""
    for child in call.children:
        await run_async(child, seen)
    seen.result = "Fail" if call.fails else "Success"
    if call.fails:
        raise PlannedError


async def async_block(call, seen):
    """Run a call as a block."""
    async with ao.action("block"):
        await async_body(call, seen)


@ao.record_action("function", capture_params=False)
async def async_function(call, seen):
    """Run a call as a coroutine."""
    await async_body(call, seen)


@ao.record_action("tasks", capture_params=False)
async def tasks(call, seen):
    """Run the calls below at once."""
    async with asyncio.TaskGroup() as group:
        for child in call.children:
            group.create_task(run_async(child, seen))
    seen.result = "Success"


@ao.record_action("thread", capture_params=False)
async def thread(call, seen):
    """Run the calls below in threads, each with a loop of its own."""
    for child in call.children:
        await asyncio.to_thread(lambda child=child: asyncio.run(run_async(child, seen)))
    seen.result = "Success"


@ao.record_action("generator", capture_params=False)
async def async_steps(call, seen):
    """Run a call as an async generator."""
    for child in call.children:
        await run_async(child, seen)
        yield
    seen.result = "Fail" if call.fails else "Success"
    if call.fails:
        raise PlannedError


async def async_generator(call, seen):
    """Consume it as a task of its own each second time, and leave it early."""
    running = async_steps(call, seen)
    number = 0
    async with contextlib.aclosing(running):
        while number <= call.left_after:
            step = anext(running, "end")
            done = await (asyncio.create_task(awaited(step)) if number % 2 else step)
            if done == "end":
                break
            number += 1


async def awaited(awaitable):
    """Await in a task of its own."""
    return await awaitable


def account(seen):
    """Return the program's account as nested tuples; siblings sorted, as tasks are in no order."""
    return seen.name, seen.result, sorted(map(account, seen.children))


def recorded(captured):
    """Return the recorded tree as nested tuples."""
    lines = {}
    for line in captured.events:
        lines.setdefault(line["parent_id"], []).append(line)

    def tree(parent):
        return sorted((e["event_type"], e["result"], tree(e["id"])) for e in lines.get(parent, []))

    return tree(captured.sessions[0]["id"])


@given(st.lists(calls(KINDS), min_size=1, max_size=4))
def test_the_recorded_tree_is_the_programs_own(program):
    """Of blocks, calls and generators in each other, that end, fail and are left."""
    with capture_events() as captured:
        root = Seen("root")
        for call in program:
            run(call, root)
        assert account(root)[2] == recorded(captured)
        assert ao.current_action() is None


@given(st.lists(calls([*KINDS, "tasks", "thread"]), min_size=1, max_size=3))
def test_the_recorded_tree_of_an_async_program_is_its_own(program):
    """With tasks side by side, threads with loops of their own, and steps made by other tasks."""

    async def main(root):
        for call in program:
            await run_async(call, root)

    with capture_events() as captured:
        ao.start_session()
        root = Seen("root")
        asyncio.run(main(root))
        assert account(root)[2] == recorded(captured)
        assert ao.current_action() is None


COMMANDS = st.tuples(
    st.sampled_from(["open", "close", "begin", "step", "leave", "record"]),
    st.integers(0, 3),
    st.sampled_from(["here", "copy", "empty", "thread"]),
)


@ao.record_action("generator")
def endless(n):
    """Record and open something at every step, and keep it open until the next."""
    step = 0
    while True:
        with ao.action(f"g{n} step {step}"):
            ao.record(ao.Event(f"g{n} event {step}"))
            yield
        step += 1


@given(st.lists(COMMANDS, max_size=25))
def test_generators_advanced_in_any_order_from_anywhere(commands):
    """While actions open and close around them: every event has the parent that it should have."""
    with capture_events() as captured, ThreadPoolExecutor(1) as pool:
        ao.start_session()
        stack, generators, expected, steps = [], {}, {}, {}
        for number, (command, which, where) in enumerate(commands):
            outer = stack[-1][0] if stack else None
            call = {
                "here": lambda function, *args: function(*args),
                "copy": contextvars.copy_context().run,
                "empty": contextvars.Context().run,
                "thread": lambda function, *args: pool.submit(function, *args).result(10),
            }[where]
            if command == "open":
                stack.append((f"a{number}", ao.action(f"a{number}").__enter__()))
                expected[f"a{number}"] = outer
            elif command == "close" and stack:
                stack.pop()[1].__exit__(None, None, None)
            elif command == "record":
                ao.record(ao.Event(f"r{number}"))
                expected[f"r{number}"] = outer
            elif command == "leave" and which in generators:
                call(generators.pop(which)[1].close)
            elif command in ("begin", "step"):
                if which not in generators:
                    generators[which] = f"{number}", endless(number)
                    # A thread or an empty context has no action; the first step finds the parent.
                    expected[f"g{number}"] = outer if where in ("here", "copy") else None
                name, running = generators[which]
                call(next, running)
                steps[name] = steps.get(name, -1) + 1
                expected[f"g{name} step {steps[name]}"] = f"g{name}"
                expected[f"g{name} event {steps[name]}"] = f"g{name} step {steps[name]}"
        for _, running in generators.values():
            running.close()
        while stack:
            stack.pop()[1].__exit__(None, None, None)
        names = {e["id"]: name_of(e) for e in captured.events}
        found = {name_of(e): names.get(e["parent_id"]) for e in captured.events}
        assert expected == found


def name_of(event):
    """Return the name of an event; of a generator, with its number."""
    return f"g{event['params']['n']}" if event["event_type"] == "generator" else event["event_type"]
