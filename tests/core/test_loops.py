"""One client over several event loops, in a process of its own where any warning is an error."""

import asyncio
import os
import subprocess
import sys
import threading

import pytest

from refold_async import Refold
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


def test_closing_waits_for_no_loop_that_stands_still() -> None:
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


def test_the_rate_limit_outlives_a_loop() -> None:
    refold = Refold("tk_1", base_url="https://app.refold.ai")
    buckets = []

    async def bucket() -> None:
        session = await refold._requester.session()
        buckets.append(session.bucket)

    asyncio.run(bucket())
    asyncio.run(bucket())
    assert buckets[0] is buckets[1]
