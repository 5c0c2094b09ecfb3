"""A sandbox for tests: script an action's next results, and assert on what ran."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Final, NamedTuple, TypedDict, Unpack

import msgspec

from refold_async.sandbox import Fault, Run, Sandbox
from refold_async.sandbox.apps.action_run import PagingFault
from refold_async.sandbox.faults import Body, Drop, When


class FaultOptions(TypedDict, total=False):
    """The keywords of `ScriptedSandbox.fail`: the fields of a `Fault` that it does not set itself."""

    linked_account_id: str | None
    after: int
    probability: float
    latency: float | tuple[float, float]
    status: int | None
    drop: Drop | None
    truncate: float | None
    garbage: bool | bytes
    node_status: str | None
    hang: bool
    stall: bool
    late: float
    twice: bool
    paging: PagingFault | None
    when: When
    body: Body
    headers: Mapping[str, str]
    message: str | None
    code: str
    http_status: int | None
    data: object


class ScriptedSandbox(Sandbox):
    """A `Sandbox` with scripted results and assertions on the ledger.

    Apps and actions must exist or be `declare`d: a misspelt one would never be met, and its test would
    pass. Seed it with `add_account`, `connect`, `expire` and `disconnect`; make it misbehave with
    `faults.add(Fault(...))`. Its methods can be called while it runs in another thread.
    """

    def answer(
        self,
        slug: str,
        action_id: str,
        *answers: object,
        linked_account_id: str | None = None,
        node_status: str = "Success",
        http_status: int | None = None,
    ) -> None:
        """Script the next results of an action, one per call, in order.

        The action still runs and is in the ledger; only its result, or its refusal, is replaced. An action
        that the sandbox does not have must be `declare`d first, and is not in the ledger.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            action_id: The action.
            answers: The `data` of each of the next calls.
            linked_account_id: Only for this customer's calls; default: all.
            node_status: The action's status; anything but `Success` is a failure.
            http_status: The app's own HTTP status; default: none.

        Raises:
            ValueError: If there is no answer, or the sandbox does not have the app or action.
        """
        if not answers:
            raise ValueError("give the data of at least one answer")
        for data in answers:
            fault = Fault(
                slug=slug,
                action_id=action_id,
                linked_account_id=linked_account_id,
                operation="actions.execute",
                times=1,
                when="after",
                node_status=node_status,
                http_status=http_status,
                data=data,
            )
            self.faults.add(fault)

    def fail(
        self, slug: str, action_id: str, *, times: int | None = 1, **fault: Unpack[FaultOptions]
    ) -> Fault:
        """Make the next calls of an action fail, e.g. `fail("hubspot", "create_contact", status=503)`.

        Args:
            slug: The app.
            action_id: The action.
            times: How many calls fail; `None` for all.
            fault: The failure and the calls it applies to; see `Fault`.

        Returns:
            The fault, for `faults.fired` and `faults.remove`.

        Raises:
            ValueError: If the fault is invalid, or the sandbox does not have the app or action.
        """
        armed = Fault(slug=slug, action_id=action_id, operation="actions.execute", times=times, **fault)
        self.faults.add(armed)
        return armed

    def assert_ran(
        self,
        slug: str,
        action_id: str,
        params: Mapping[str, object] | None = None,
        *,
        linked_account_id: str | None = None,
        times: int = 1,
    ) -> list[Run]:
        """Assert that an action ran exactly `times` times, by default once.

        Args:
            slug: The app.
            action_id: The action.
            params: All of its parameters; default: any. Values are compared with `==`, so
                `unittest.mock.ANY` works.
            linked_account_id: The customer; default: any.
            times: The expected number of runs.

        Returns:
            The matching runs.

        Raises:
            AssertionError: If it ran more or less often; the message shows what ran instead.
            ValueError: If the sandbox does not have the app or action.
        """
        self.names.check_action(slug, action_id)
        expected = ExpectedRuns(slug, action_id, linked_account_id, params)
        return check_ran(self.ledger.runs, expected, times)

    def assert_not_ran(
        self,
        slug: str,
        action_id: str,
        params: Mapping[str, object] | None = None,
        *,
        linked_account_id: str | None = None,
    ) -> None:
        """Assert that an action never ran; see `assert_ran` for the arguments."""
        self.assert_ran(slug, action_id, params, linked_account_id=linked_account_id, times=0)

    def assert_nothing_written(self) -> None:
        """Assert that no write ran.

        Raises:
            AssertionError: If one did; the message shows which.
        """
        check_ran(self.ledger.writes(), ExpectedRuns(), 0)

    def assert_nothing_twice(self) -> None:
        """Assert that no write ran twice for the same customer with the same parameters.

        Raises:
            AssertionError: If one did; the message shows which.
        """
        check_duplicates(self.ledger.duplicates())


_SHOWN: Final = 5


class ExpectedRuns(NamedTuple):
    """The runs that a test expects; `None` matches anything."""

    slug: str | None = None
    action_id: str | None = None
    linked_account_id: str | None = None
    params: Mapping[str, object] | None = None

    def __str__(self) -> str:
        action = "any write" if self.slug is None else f"{self.slug}/{self.action_id}"
        account = "" if self.linked_account_id is None else f" for {self.linked_account_id!r}"
        params = "" if self.params is None else f" with {dict(self.params)!r}"
        return f"{action}{account}{params}"

    def differences(self, run: Run) -> list[str]:
        """Return the differences of a run in words; empty if it matches."""
        found = [
            f"{name} is {actual!r}, not {expected!r}"
            for name, expected, actual in (
                ("slug", self.slug, run.slug),
                ("action_id", self.action_id, run.action_id),
                ("linked_account_id", self.linked_account_id, run.linked_account_id),
            )
            if expected not in {None, actual}
        ]
        return found if self.params is None else found + _differing(self.params, run.params)


def _differing(expected: Mapping[str, object], actual: Mapping[str, object]) -> list[str]:
    missing = [f"{name} is missing" for name in expected if name not in actual]
    surplus = [f"{name} is {actual[name]!r}, and was not expected" for name in actual if name not in expected]
    other = [
        f"{name} is {actual[name]!r}, not {value!r}"
        for name, value in expected.items()
        if name in actual and actual[name] != value
    ]
    return other + missing + surplus


def check_ran(runs: Sequence[Run], expected: ExpectedRuns, times: int) -> list[Run]:
    """Return the expected runs, or raise `AssertionError` with the closest ones."""
    found = [run for run in runs if not expected.differences(run)]
    if len(found) == times:
        return found
    head = f"{expected} ran {_times(len(found))}, not {_times(times)}."
    raise AssertionError("\n".join([head, *(_listed(found) if found else _nearest(runs, expected))]))


def check_duplicates(duplicates: Mapping[Hashable, Sequence[Run]]) -> None:
    """Raise `AssertionError` if there are duplicates."""
    if duplicates:
        runs = [run for group in duplicates.values() for run in group]
        head = f"{len(duplicates)} of the writes ran more than once:"
        raise AssertionError("\n".join([head, *_listed(runs)]))


def _times(number: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")


def _listed(runs: Sequence[Run]) -> list[str]:
    more = [f"  … and {len(runs) - _SHOWN} more"] if len(runs) > _SHOWN else []
    return [f"  {_line(run)}" for run in runs[:_SHOWN]] + more


def _nearest(runs: Sequence[Run], expected: ExpectedRuns) -> list[str]:
    if not runs:
        return ["Nothing ran."]
    ranked = sorted(runs, key=lambda run: (len(expected.differences(run)), run.number))[:_SHOWN]
    lines = [f"  {_line(run)}\n      {'; '.join(expected.differences(run))}" for run in ranked]
    return [f"Of the {len(runs)} runs, these are the closest:", *lines]


def _line(run: Run) -> str:
    done = "done" if run.ok else "refused by the app"
    params = msgspec.json.encode(run.params).decode()
    return f"#{run.number} {run.slug}/{run.action_id} for {run.linked_account_id!r}: {params} ({done})"


class NeverFiredWarning(UserWarning):
    """A scripted result or fault that no call of the test has met."""


def never_fired_message(faults: Sequence[Fault]) -> str:
    """Return the faults in words."""
    lines = [f"  {_described(fault)}" for fault in faults[:_SHOWN]]
    more = [f"  … and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
    return "\n".join(["scripted for this test, but no call met it:", *lines, *more])


def _described(fault: Fault) -> str:
    fields = msgspec.structs.asdict(fault)
    defaults = msgspec.structs.asdict(Fault(status=500))
    given = [f"{name}={value!r}" for name, value in fields.items() if value != defaults[name]]
    return f"Fault({', '.join(given)})"
