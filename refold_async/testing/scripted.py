"""A sandbox for tests: script an action's next answers, and assert on what ran."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refold_async.sandbox import Fault, Run, Sandbox
from refold_async.testing.expecting import Expected, check_duplicates, check_ran


class ScriptedSandbox(Sandbox):
    """A `Sandbox` with what tests want beside: scripted answers, and assertions on the ledger.

    Seed it with `add_account`, `connect`, `expire` and `disconnect`; make it misbehave with
    `faults.add(Fault(...))`. All of it can be used from the test's thread while the sandbox runs in its own.
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
        """Script the next answers of an action: one for each call, in their order.

        The action runs all the same, so that the ledger has it; what it would have answered is
        replaced, a refusal too: an action that the sandbox does not have answers as well, and is in
        no ledger.

        Args:
            slug: The app, as `hubspot`.
            action_id: The action.
            answers: What each of the next calls gets as `data`.
            linked_account_id: Of whose calls; default: everybody's.
            node_status: How the action ends; another than `Success` makes it fail.
            http_status: The app's own status; default: none.
        """
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

    def fail(self, slug: str, action_id: str, *, times: int | None = 1, **fault: Any) -> Fault:
        """Let the next calls of an action fail: `fail("hubspot", "create_contact", status=503)`.

        Args:
            slug: The app.
            action_id: The action.
            times: How many calls fail; `None` for all.
            fault: What happens to them, and to whose; see `Fault`.

        Returns:
            The fault, for `faults.fired` and `faults.remove`.
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
        """Assert that an action ran, so often and no more: by default, once.

        Args:
            slug: The app.
            action_id: The action.
            params: With which parameters, all of them; default: any. A value may be anything that
                compares, as `unittest.mock.ANY`.
            linked_account_id: For which customer; default: any.
            times: How often.

        Returns:
            The runs.

        Raises:
            AssertionError: It ran more or less often; the message shows what ran instead.
        """
        expected = Expected(slug, action_id, linked_account_id, params)
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
        """Assert that no write ran at all.

        Raises:
            AssertionError: One did; the message shows which.
        """
        check_ran(self.ledger.writes(), Expected(), 0)

    def assert_nothing_twice(self) -> None:
        """Assert that no write ran twice for the same customer with the same parameters.

        Raises:
            AssertionError: One did; the message shows which.
        """
        check_duplicates(self.ledger.duplicates())
