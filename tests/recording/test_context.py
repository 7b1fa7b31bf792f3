"""Where an event belongs: tasks, callbacks, copied contexts, threads that know their parent."""

import asyncio
import contextvars

import pytest
import structlog

import agentlog as ao
from agentlog.recording import context
from tests.recording.running import record


def test_tasks_are_children_of_the_action_they_are_made_in(captured):
    """Side by side, each with its own."""

    async def work(n, gate):
        async with ao.action(f"task {n}"):
            await gate.wait()
            record(f"in {n}")

    async def main():
        gate = asyncio.Event()
        async with ao.action("main"):
            tasks = [asyncio.create_task(work(n, gate)) for n in range(3)]
            await asyncio.sleep(0)
            gate.set()
            await asyncio.gather(*tasks)
            record("after")

    asyncio.run(main())
    assert [
        ("main", [*((f"task {n}", [f"in {n}"]) for n in range(3)), "after"])
    ] == captured.tree()  # fmt: skip


def test_a_task_group_is_a_matter_of_its_block(captured):
    """Its tasks are children; one that fails cancels the others, which is no failure of theirs."""

    async def fails(started):
        async with ao.action("fails"):
            await started.wait()
            raise KeyError

    async def waits(started):
        async with ao.action("waits"):
            started.set()
            await asyncio.get_running_loop().create_future()

    async def main():
        started = asyncio.Event()
        async with ao.action("group"), asyncio.TaskGroup() as group:
            group.create_task(fails(started))
            group.create_task(waits(started))

    with pytest.raises(ExceptionGroup):
        asyncio.run(main())
    assert [("group", ["fails", "waits"])] == captured.tree()
    assert [("Fail", None), ("Fail", None), ("Indeterminate", "cancelled")] == [
        (one["result"], one.get("reason")) for one in captured.events
    ]


@pytest.mark.parametrize("how", ["call_soon", "call_later", "task", "future"])
def test_what_runs_after_its_action_hangs_under_what_is_still_open(captured, how):
    """A callback or task whose innermost action has closed: the next one that has not."""

    async def main():
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        def callback(*_):
            record("late")
            done.done() or done.set_result(None)

        async def task():
            await asyncio.sleep(0)
            callback()

        with ao.action("open"):
            with ao.action("closed"), ao.action("closed too"):
                if how == "call_soon":
                    loop.call_soon(callback)
                elif how == "call_later":
                    loop.call_later(0, callback)
                elif how == "task":
                    kept = loop.create_task(task())
                else:
                    future = loop.create_future()
                    future.add_done_callback(callback)
            if how == "future":
                future.set_result(None)
            await done
            if how == "task":
                await kept

    asyncio.run(main())
    assert [("open", [("closed", ["closed too"]), "late"])] == captured.tree()


def test_a_callback_after_all_is_closed_hangs_under_the_session(captured):
    """And an action that it opens is its own work's parent."""

    async def main():
        done = asyncio.get_running_loop().create_future()

        def callback():
            with ao.action("late"):
                record("in late")
            done.set_result(None)

        with ao.action("closed"):
            asyncio.get_running_loop().call_soon(callback)
        await done

    asyncio.run(main())
    assert ["closed", ("late", ["in late"])] == captured.tree()


def test_tasks_that_begin_one_another_without_end_take_no_memory(captured):
    """Each is begun in the action of the one before, which closes soon after."""

    async def step(n, lengths):
        with ao.action("step"):
            following = asyncio.create_task(step(n - 1, lengths)) if n else None
            await asyncio.sleep(0)
            lengths.append(chain_length())
        return following

    async def main():
        lengths = []
        task = asyncio.create_task(step(100, lengths))
        while task:
            task = await task
        return lengths

    assert max(asyncio.run(main())) < 10


@pytest.mark.parametrize("opened", ["session", "attach"])
def test_sessions_that_begin_one_another_without_end_take_no_memory(captured, opened):
    """The same for sessions and remote parents, each begun in the one before."""
    header = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}

    async def step(n, lengths):
        with ao.session() if opened == "session" else ao.attach(header):
            following = asyncio.create_task(step(n - 1, lengths)) if n else None
            await asyncio.sleep(0)
            lengths.append(chain_length())
        return following

    async def main():
        lengths = []
        task = asyncio.create_task(step(100, lengths))
        while task:
            task = await task
        return lengths

    assert max(asyncio.run(main())) < 10


def chain_length():
    """Return how many nodes the context holds."""
    node, length = context.current.get(), 0
    while node is not None:
        node, length = node.outer, length + 1
    return length


def test_to_thread_takes_the_context_along(captured):
    """Its work is a child; `run_in_executor` does so with `bind`."""

    async def main():
        with ao.action("main"):
            await asyncio.to_thread(record, "in thread")
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, ao.bind(record), "in executor")

    asyncio.run(main())
    assert [("main", ["in thread", "in executor"])] == captured.tree()


def test_a_copied_context_has_its_action(captured):
    """As long as it is open; entering in the copy is not seen outside."""
    with ao.action("a"):
        copy = contextvars.copy_context()
        copy.run(record, "in copy")
        inner = copy.run(ao.action("inner").__enter__)
        record("outside")
        copy.run(record, "in inner")
    inner.__exit__(None, None, None)
    copy.run(record, "after")
    assert [("a", ["in copy", ("inner", ["in inner"]), "outside"]), "after"] == captured.tree()


def test_structlogs_contextvars_are_not_ours(captured):
    """Clearing them takes no parent away; ours do not appear among them."""
    with ao.action("a"):
        structlog.contextvars.bind_contextvars(user="x")
        structlog.contextvars.clear_contextvars()
        record("in a")
        assert {} == structlog.contextvars.get_contextvars()
    assert [("a", ["in a"])] == captured.tree()
