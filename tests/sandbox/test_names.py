"""Faults and questions with names that cannot exist are refused: they would never fire or never match."""

import msgspec
import pytest

from refold_async.sandbox import Fault, Sandbox, UnknownNameError
from refold_async.testing import ScriptedSandbox
from refold_async.testing.scripted import FaultOptions


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(status=500, operation="action.execute"), "no operation 'action.execute'; did you mean 'actions.execute'"),
        (Fault(status=500, operation="linked_account.list"), "did you mean 'linked_accounts.list'"),
        (Fault(status=500, slug="slak"), "no app 'slak'; did you mean 'slack'"),
        (Fault(status=500, slug="Hubspot"), "did you mean 'hubspot'"),
        (Fault(status=500, slug="zzz"), "no app 'zzz'; known are catalog, custom, hubspot, "),
        (Fault(status=500, slug="hubspot", action_id="get_contcat"), "hubspot has no action 'get_contcat'; did you mean 'get_contact'"),
        (Fault(status=500, slug="slack", action_id="get_contact"), "slack has no action 'get_contact'"),
        (Fault(status=500, action_id="get_contcat"), "no app has an action 'get_contcat'; did you mean 'get_contact'"),
    ],
)  # fmt: skip
def test_a_fault_that_cannot_fire_is_refused(fault: Fault, words: str) -> None:
    for add in (lambda: Sandbox(faults=[fault]), lambda: Sandbox().faults.add(fault)):
        with pytest.raises(UnknownNameError) as caught:
            add()
        assert words in str(caught.value)


@pytest.mark.parametrize("method", ["get", "PST", ""])
def test_a_method_that_http_does_not_have_is_refused(method: str) -> None:
    with pytest.raises(ValueError, match="method must be one of 'GET', 'POST'"):
        Fault(status=500, method=method)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500, operation="actions.execute"),
        Fault(status=500, slug="custom"),
        Fault(status=500, slug="hubspot"),
        Fault(status=500, action_id="post_message"),
        Fault(status=500, slug="hubspot", action_id="get_contact", operation="actions.schema"),
    ],
)
def test_a_fault_that_can_fire_is_accepted(fault: Fault) -> None:
    assert list(Sandbox(faults=[fault]).faults) == [fault]


def test_helpers_refuse_invalid_names() -> None:
    sandbox = ScriptedSandbox()
    for use in (
        lambda: sandbox.answer("hubspot", "get_contcat", {}),
        lambda: sandbox.fail("slak", "post_message", status=503),
        lambda: sandbox.assert_ran("hubspot", "create_contcat"),
        lambda: sandbox.assert_not_ran("hubspot", "create_contcat"),
        lambda: sandbox.ledger.count("hubspot", "create_contcat"),
        lambda: sandbox.ledger.writes("hubspt"),
        lambda: sandbox.ledger.reads(action_id="get_contcat"),
    ):
        with pytest.raises(UnknownNameError, match="did you mean"):
            use()
    with pytest.raises(ValueError, match="at least one answer"):
        sandbox.answer("hubspot", "get_contact")


def test_an_action_that_the_sandbox_does_not_have_can_be_declared() -> None:
    sandbox = ScriptedSandbox()
    sandbox.declare("gmail", "send_mail")
    sandbox.declare("hubspot", "merge_contacts")
    sandbox.answer("gmail", "send_mail", {"id": "1"})
    sandbox.fail("hubspot", "merge_contacts", status=503)
    sandbox.assert_not_ran("gmail", "send_mail")
    sandbox.assert_not_ran("hubspot", "create_contact")
    with pytest.raises(UnknownNameError):
        sandbox.answer("gmail", "send_mails", {"id": "1"})


def test_the_keywords_of_fail_are_those_of_a_fault() -> None:
    fields = {field.name for field in msgspec.structs.fields(Fault)}
    own = {"slug", "action_id", "operation", "times", "method", "effect"}
    assert set(FaultOptions.__annotations__) == fields - own


def test_faults_that_never_fired_are_listed() -> None:
    faults = Sandbox().faults
    met, unmet = Fault(status=500, slug="hubspot"), Fault(status=500, slug="slack")
    faults.add(met, unmet, Fault(status=500, slug="playground", probability=0.01))
    target = ("POST", "actions.execute", "hubspot", "get_contact", "demo-user-1", "read")
    from refold_async.sandbox.faults import FaultTarget

    assert faults.inject(FaultTarget(*target)).fault == met  # type: ignore[arg-type]
    assert faults.never_fired() == [unmet]
