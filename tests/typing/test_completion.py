"""What an editor or IPython completes, by jedi, which knows less than a type checker."""

import jedi  # type: ignore[import-untyped]
import pytest


def completed(opened: str, expression: str) -> set[str]:
    """Return the public names that complete an expression inside `async with`."""
    source = (
        "from refold_async import Account, Refold, SessionManager\n"
        "async def main():\n"
        f"    async with {opened}:\n"
        f"        {expression}"
    )
    script = jedi.Script(source)
    names = {each.name for each in script.complete(line=4, column=8 + len(expression))}
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize(
    ("opened", "expression", "names"),
    [
        ("Refold() as refold", "refold.", {"account", "batch", "run", "linked_accounts", "aclose"}),
        ("Refold() as refold", "refold.account('a').", {"actions", "workflows", "linked_account_id"}),
        ("Refold() as refold", "refold.account('a').actions.", {"list", "schema", "execute"}),
        ("Refold() as refold, refold.batch([]) as outcomes", "outcomes.", {"in_order", "summary", "stop"}),
        ("SessionManager() as manager", "manager.", {"client", "account", "aclose"}),
        ("Account.from_token('t') as account", "account.", {"actions", "session_token", "aclose"}),
    ],
)
def test_names_are_completed_inside_async_with(opened: str, expression: str, names: set[str]) -> None:
    assert names <= completed(opened, expression)
