"""What `refold mcp` refuses before it serves."""

import pytest

from refold_async.cli.program import run

ALLOW = ("--allow", "hubspot:get_contact")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--account", "a", "--http", "0", *ALLOW), "--account is refused with --http"),
        (ALLOW, "name the account"),
        (("--account", "a"), "allow something"),
        (("--account", "a", "--allow", "hubspot"), "give SLUG:ID,ID, not 'hubspot'"),
        (("--account", "a", *ALLOW), "REFOLD_API_KEY is not set"),
        (("--account", "a", *ALLOW, "--max-bytes", "10"), "--max-bytes"),
        (("--account", "a", *ALLOW, "--writes", "yes"), "--writes"),
    ],
)
def test_refuses_what_cannot_work(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.delenv("REFOLD_API_KEY", raising=False)
    assert run(["mcp", *arguments]) == 2
    out, err = capsys.readouterr()
    assert message in " ".join(err.split())
    assert not out
