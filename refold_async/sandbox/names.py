"""The names that a fault may have: a misspelt one would never fire, and the test would pass."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping

from refold_async.sandbox.api.applications import DEFAULT_APP
from refold_async.sandbox.apps import App
from refold_async.sandbox.faults import Fault


class UnknownNameError(ValueError, LookupError):
    """A name of an operation, app or action that the sandbox does not have."""


class KnownNames:
    """The operations, apps and actions of a sandbox, and the actions declared for tests.

    Args:
        operations: The names of the operations.
        apps: The apps by their slugs.
    """

    def __init__(self, operations: Iterable[str], apps: Mapping[str, App]) -> None:
        self._operations = frozenset(operations)
        self._actions = {
            slug: frozenset(action.action_id for action in app.actions) for slug, app in apps.items()
        }
        self._actions.setdefault(DEFAULT_APP, frozenset())

    def declare(self, slug: str, action_id: str) -> None:
        """Allow an action that the sandbox does not have, so that its results can be scripted."""
        self._actions[slug] = self._actions.get(slug, frozenset()) | {action_id}

    def check(self, fault: Fault) -> None:
        """Check a fault's names.

        Raises:
            UnknownNameError: If the sandbox does not know one.
        """
        if fault.operation is not None and fault.operation not in self._operations:
            raise _unknown(f"no operation {fault.operation!r}", fault.operation, self._operations)
        self.check_action(fault.slug, fault.action_id)

    def check_action(self, slug: str | None, action_id: str | None) -> None:
        """Check an app's slug and an action; `None` is any.

        Raises:
            UnknownNameError: If the sandbox does not know one.
        """
        if slug is not None and slug not in self._actions:
            raise _unknown(f"no app {slug!r}", slug, self._actions, _DECLARE)
        known = self._actions.values() if slug is None else [self._actions[slug]]
        actions = frozenset[str]().union(*known)
        if action_id is not None and action_id not in actions:
            problem = f"{'no app' if slug is None else slug} has an action {action_id!r}"
            raise _unknown(
                problem if slug is None else problem.replace(" an ", " no "), action_id, actions, _DECLARE
            )


_DECLARE = "; declare(slug, action_id) allows one that the sandbox does not have"


def _unknown(problem: str, name: str, known: Collection[str], otherwise: str = "") -> UnknownNameError:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    nearest = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(sorted(known)[:10])}"
    return UnknownNameError(f"{problem}{nearest}{otherwise}")
