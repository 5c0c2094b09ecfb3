"""API keys from a coroutine: called once per session, and once more for all calls that got a 401."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from refold_async import AuthenticationError, DeadlineExceededError, Options, Refold, SettingsError
from refold_async.sandbox import Fault, Sandbox

from .changing import change


class Vault:
    """A secrets manager that counts how often it is asked."""

    def __init__(self, key: str, *, delay: float = 0.0) -> None:
        self.key = key
        self.delay = delay
        self.asked = 0
        self.was_asked = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self) -> str:
        self.asked += 1
        self.was_asked.set()
        await asyncio.sleep(self.delay)
        if self.failure is not None:
            raise self.failure
        return self.key


async def read(refold: Refold) -> None:
    await refold.account("demo-user-1").actions.execute("hubspot", "get_contact", {"limit": "1"})


async def write(refold: Refold, email: str) -> None:
    await refold.account("demo-user-1").actions.execute("hubspot", "create_contact", {"email": email})


async def test_the_source_is_called_once_per_session(sandbox: Sandbox, options: Options) -> None:
    vault = Vault(sandbox.api_key, delay=0.01)
    async with Refold(vault, **options) as refold:
        await asyncio.gather(*(read(refold) for _ in range(50)))
    assert vault.asked == 1


async def test_the_source_is_not_called_before_the_first_call(options: Options) -> None:
    vault = Vault("tk")
    async with Refold(vault, **options) as refold:
        refold.account("demo-user-1")
    assert vault.asked == 0


async def test_a_key_rotated_in_flight_costs_one_fetch_and_no_call(
    sandbox: Sandbox, options: Options
) -> None:
    vault = Vault(sandbox.api_key, delay=0.01)
    async with Refold(vault, **options) as refold:
        await read(refold)
        sandbox.add_api_key("tk_new")
        sandbox.remove_api_key("tk_sandbox")
        vault.key = "tk_new"
        await asyncio.gather(*(write(refold, f"{n}@example.com") for n in range(100)))
    assert vault.asked == 2
    assert len(sandbox.ledger.writes()) == 100
    assert not sandbox.ledger.duplicates()


async def test_a_hundred_refused_calls_fetch_the_key_once(sandbox: Sandbox, options: Options) -> None:
    vault = Vault("tk_wrong", delay=0.02)
    async with Refold(vault, **options) as refold:
        results = await asyncio.gather(*(read(refold) for _ in range(100)), return_exceptions=True)
    assert {type(result) for result in results} == {AuthenticationError}
    assert vault.asked == 2
    assert len(sandbox.requests) == 100, "sent again with the key that was refused"
    assert sandbox.ledger.runs == []


async def test_a_corrected_key_is_used_by_the_next_call(sandbox: Sandbox, options: Options) -> None:
    vault = Vault("tk_wrong")
    async with Refold(vault, **options) as refold:
        with pytest.raises(AuthenticationError):
            await read(refold)
        vault.key = sandbox.api_key
        await read(refold)


async def test_a_source_that_fails_sends_nothing_and_is_the_cause(sandbox: Sandbox, options: Options) -> None:
    vault = Vault(sandbox.api_key)
    vault.failure = ConnectionRefusedError("vault-7.internal holds tk_sandbox")
    async with Refold(vault, **options) as refold:
        with pytest.raises(SettingsError) as caught:
            await read(refold)
        assert caught.value.fate == "not_sent"
        assert caught.value.operation == "actions.execute"
        assert caught.value.__cause__ is vault.failure
        assert "ConnectionRefusedError" in str(caught.value)
        assert "tk_sandbox" not in str(caught.value)
        vault.failure = None
        await read(refold)


async def test_a_source_that_fails_after_a_401_leaves_the_401(sandbox: Sandbox, options: Options) -> None:
    vault = Vault(sandbox.api_key)
    async with Refold(vault, **options) as refold:
        await read(refold)
        sandbox.add_api_key("tk_new")
        sandbox.remove_api_key("tk_sandbox")
        vault.failure = ConnectionRefusedError()
        with pytest.raises(AuthenticationError) as caught:
            await read(refold)
    assert caught.value.fate == "rejected"
    assert isinstance(caught.value.__cause__, SettingsError)
    assert any("ConnectionRefusedError" in note for note in caught.value.__notes__)


async def test_a_source_that_hangs_is_bounded_by_the_deadline(sandbox: Sandbox, options: Options) -> None:
    vault = Vault(sandbox.api_key, delay=60)
    async with Refold(vault, **change(options, timeout=0.05)) as refold:
        with pytest.raises(DeadlineExceededError, match="source returned no secret") as caught:
            await read(refold)
        assert caught.value.fate == "not_sent"
        vault.delay = 0
        await read(refold)
    assert len(sandbox.ledger.runs) == 1


async def test_a_source_that_hangs_after_a_401_is_bounded_too(sandbox: Sandbox, options: Options) -> None:
    vault = Vault("tk_wrong")
    async with Refold(vault, **change(options, timeout=1)) as refold:
        sandbox.faults.add(Fault(latency=0.01))
        call = asyncio.create_task(read(refold))
        await vault.was_asked.wait()
        vault.delay = 60
        with pytest.raises(AuthenticationError) as caught:
            await call
    assert any("before the deadline" in note for note in caught.value.__notes__)


async def test_a_cancelled_key_request_does_not_cancel_the_others(sandbox: Sandbox, options: Options) -> None:
    vault = Vault(sandbox.api_key, delay=0.05)
    async with Refold(vault, **options) as refold:
        first = asyncio.create_task(read(refold))
        await asyncio.sleep(0.01)
        second = asyncio.create_task(read(refold))
        await asyncio.sleep(0.01)
        first.cancel()
        await second
        with pytest.raises(asyncio.CancelledError):
            await first


@pytest.mark.parametrize("answer", ["", "two words", None, 7])
async def test_an_invalid_key_is_refused(options: Options, answer: object) -> None:
    async def source() -> object:
        return answer

    async with Refold(source, **options) as refold:  # type: ignore[arg-type]
        with pytest.raises(SettingsError, match="api_key"):
            await read(refold)


async def test_two_sources_share_no_session(sandbox: Sandbox, options: Options) -> None:
    sources: list[Callable[[], Awaitable[str]]] = [Vault(sandbox.api_key), Vault("tk_wrong")]
    async with Refold(sources[0], **options) as good, Refold(sources[1], **options) as bad:
        await read(good)
        with pytest.raises(AuthenticationError):
            await read(bad)
        await read(good)
