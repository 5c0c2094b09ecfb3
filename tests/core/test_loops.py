"""One client over several event loops, in a process of its own where any warning is an error."""

import asyncio
import os
import subprocess
import sys
import threading

import pytest

from refold_async import Refold, RefoldError
from refold_async.sandbox import SandboxThread

TWO_RUNS = """
import asyncio, gc, sys
from refold_async import Refold

refold = Refold("tk_sandbox", base_url=sys.argv[1])

async def plain():
    asyncio.get_running_loop().slow_callback_duration = 60  # a loaded machine is no fault
    actions = await refold.account("demo-user-1").actions.list("hubspot")
    await refold.account("demo-user-1").actions.execute("hubspot", "get_contact", {"limit": "1"})
    return len(actions)

async def closed():
    async with refold:
        return await plain()

counts = [asyncio.run(run()) for run in (plain, plain, closed, closed)] if sys.argv[2] == "mixed" \\
    else [asyncio.run(globals()[sys.argv[2]]()) for _ in range(2)]
assert len(set(counts)) == 1 and counts[0] > 5, counts
assert len(refold._sessions._open) <= 1
del refold
gc.collect()
print("done")
"""


@pytest.mark.parametrize("ways", ["plain", "closed", "mixed"])
@pytest.mark.parametrize("transport", ["fast", "public"])
def test_a_client_serves_one_loop_after_the_other(ways: str, transport: str) -> None:
    with SandboxThread() as sandbox:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-X", "dev", "-c", TWO_RUNS, sandbox.base_url, ways],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "REFOLD_TRANSPORT": transport},
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_a_client_serves_two_threads_at_once() -> None:
    with SandboxThread() as sandbox:
        refold = Refold(sandbox.api_key, base_url=sandbox.base_url)
        met = threading.Barrier(2)
        failures: list[BaseException] = []

        async def calls() -> None:
            met.wait()
            await asyncio.gather(*(refold.account("demo-user-1").actions.list("hubspot") for _ in range(5)))

        def work() -> None:
            try:
                asyncio.run(calls())
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        asyncio.run(refold.aclose())


def test_closing_does_not_wait_for_a_stopped_loop() -> None:
    with SandboxThread() as sandbox:
        refold = Refold(sandbox.api_key, base_url=sandbox.base_url)
        standing = asyncio.new_event_loop()
        standing.run_until_complete(refold.account("demo-user-1").actions.list("hubspot"))
        asyncio.run(asyncio.wait_for(refold.aclose(), 5))
        standing.run_until_complete(standing.shutdown_asyncgens())
        standing.close()


def test_closing_reaches_a_loop_in_another_thread() -> None:
    with SandboxThread() as sandbox:
        refold = Refold(sandbox.api_key, base_url=sandbox.base_url)
        ready, end = threading.Event(), threading.Event()

        async def calls() -> None:
            await refold.account("demo-user-1").actions.list("hubspot")
            ready.set()
            await asyncio.to_thread(end.wait)

        thread = threading.Thread(target=asyncio.run, args=(calls(),))
        thread.start()
        ready.wait()
        [session] = refold._sessions._open.values()
        asyncio.run(asyncio.wait_for(refold.aclose(), 5))
        assert session.closed
        end.set()
        thread.join()


@pytest.mark.parametrize(("drain", "ends"), [(0.0, "ClosedError"), (30.0, "done")])
@pytest.mark.parametrize("stops", [True, False])
def test_closing_drains_a_loop_in_another_thread(drain: float, ends: str, stops: bool) -> None:
    """Whether that loop stops with its call, as `run_until_complete` does, or continues."""
    with SandboxThread() as sandbox:
        refold = Refold(sandbox.api_key, base_url=sandbox.base_url)
        ended: list[str] = []
        closed = threading.Event()

        async def call() -> None:
            try:
                await refold.account("demo-user-1").actions.execute("playground", "sleep", {"seconds": 0.3})
                ended.append("done")
            except RefoldError as error:
                ended.append(type(error).__name__)
            if not stops:
                await asyncio.to_thread(closed.wait)

        def work() -> None:
            loop = asyncio.new_event_loop()
            loop.run_until_complete(call())
            closed.wait()
            loop.run_until_complete(asyncio.sleep(0.01))  # what closing has started there
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

        async def close() -> None:
            while not sandbox.requests:  # noqa: ASYNC110 - another thread fills it
                await asyncio.sleep(0.01)
            await asyncio.wait_for(refold.aclose(drain=drain), 10)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            asyncio.run(close())
        finally:
            closed.set()
            thread.join()
        assert ended == [ends]


def test_closing_does_not_wait_for_a_loop_that_is_blocked() -> None:
    with SandboxThread() as sandbox:
        refold = Refold(sandbox.api_key, base_url=sandbox.base_url)
        ready, end = threading.Event(), threading.Event()

        async def block() -> None:
            await refold.account("demo-user-1").actions.list("hubspot")
            ready.set()
            end.wait()

        thread = threading.Thread(target=asyncio.run, args=(block(),))
        thread.start()
        try:
            ready.wait()
            asyncio.run(asyncio.wait_for(refold.aclose(), 10))
        finally:
            end.set()
            thread.join()


def test_two_threads_close_at_once() -> None:
    with SandboxThread() as sandbox:
        refold = Refold(sandbox.api_key, base_url=sandbox.base_url)
        met = threading.Barrier(3)
        failures: list[BaseException] = []

        async def call_and_close() -> None:
            await refold.account("demo-user-1").actions.list("hubspot")
            await asyncio.to_thread(met.wait)
            await refold.aclose()

        def work() -> None:
            try:
                asyncio.run(call_and_close())
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []


FORKED = """
import asyncio, gc, os, sys
from refold_async import Refold

refold = Refold("tk_sandbox", base_url=sys.argv[1])

async def call():
    return len(await refold.account("demo-user-1").actions.list("hubspot"))

async def child():
    await asyncio.wait_for(refold.aclose(drain=30), 10)
    async with refold:
        assert await call()

async def parent():
    await call()
    pid = os.fork()
    if pid == 0:
        try:
            asyncio.run(child())
            gc.collect()
        except BaseException as error:
            print(repr(error))
            os._exit(1)
        os._exit(0)
    status = await asyncio.to_thread(os.waitpid, pid, 0)
    assert await asyncio.wait_for(call(), 10)
    await refold.aclose()
    print(status[1])

asyncio.run(parent())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system forks no processes")
@pytest.mark.parametrize("transport", ["fast", "public"])
def test_a_forked_process_closes_without_its_parents_loop(transport: str) -> None:
    """And its parent's connections still work."""
    with SandboxThread() as sandbox:
        done = subprocess.run(
            [sys.executable, "-c", FORKED, sandbox.base_url],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "REFOLD_TRANSPORT": transport},
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


def test_the_rate_limit_outlives_a_loop() -> None:
    refold = Refold("tk_1", base_url="https://app.refold.ai")
    buckets = []

    async def bucket() -> None:
        session = await refold._requester.session()
        buckets.append(session.bucket)

    asyncio.run(bucket())
    asyncio.run(bucket())
    assert buckets[0] is buckets[1]
