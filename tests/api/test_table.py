"""The table of operations: 102 of 102, against the facts kept here and the service's own specification."""

from collections import Counter

from refold_async.api import operations as table
from refold_async.api.operations import OPERATIONS
from tests.reference import needs_reference

from . import specification
from .recorder import Row, row_of, rows, shape
from .surface import SAMPLES, methods


def _key(method: str, path: str) -> tuple[str, str]:
    return method, shape(path)


ROWS = {_key(row["method"], row["path"]): row for row in rows()}


def test_every_documented_operation_is_declared() -> None:
    assert len(ROWS) == len(rows()) == 102
    assert set(ROWS) <= {_key(each.method, each.path) for each in OPERATIONS}


def test_only_the_waited_for_workflow_is_declared_twice() -> None:
    counted = Counter(_key(each.method, each.path) for each in OPERATIONS)
    assert [key for key, count in counted.items() if count > 1] == [
        ("POST", "/api/v2/public/workflow/{}/execute")
    ]


def test_no_two_share_a_name() -> None:
    assert len({each.name for each in OPERATIONS}) == len(OPERATIONS)


def test_each_is_assigned_to_a_constant_of_its_name() -> None:
    for each in OPERATIONS:
        assert getattr(table, each.name.replace(".", "_").upper()) is each


READS = {
    "config_fields.list",
    "config_fields.options",
    "config_fields.rule_options",
    "datastores.search",
    "tables.search",
}
REPEATABLE = {
    "configs.get_or_create",
    "configs.toggle_workflow",
    "env_variables.set",
    "executions.stop",
    "hosted_connect.create_url",
    "session_token.revoke",
    "session_tokens.create",
    "tables.create",
    "workflows.draft",
}
NOT_REPEATABLE = {
    "configs.delete",
    "configs.delete_default",
    "credentials.delete",
    "datarefs.clear",
    "datarefs.delete",
    "linked_account.delete_integration",
    "linked_accounts.delete",
    "tables.remove_columns",
    "workflows.publish",
}


def test_which_posts_read_and_which_changes_may_be_repeated() -> None:
    usual = {
        "GET": "read", "POST": "write", "PATCH": "write", "PUT": "idempotent", "DELETE": "idempotent",
    }  # fmt: skip
    documented = [each for each in OPERATIONS if _key(each.method, each.path) in ROWS]
    assert {each.name: each.effect for each in documented if each.effect != usual[each.method]} == {
        **dict.fromkeys(READS, "read"),
        **dict.fromkeys(REPEATABLE, "idempotent"),
        **dict.fromkeys(NOT_REPEATABLE, "write"),
    }


TWINS = {
    "linked_account_id": "sent as the header, which takes precedence over the query",
    "include-headers": "sent as the header",
    "account_id": "`linked_account_id` in the body is its newer name",
    "payload": "an upsert's fields are sent flat",
    "trigger": "`event` is its other name",
    "slug": "an event's app is named in the path",
    "tags": "a filter of the list, and one app is named by its slug",
    "ecosystem": "a filter of the list",
    "auth_type": "a filter of the list",
}
"""Parameters that have another way to be said, and are not sent where they stand here."""

UNSENT = {
    "GET /api/v2/public/application": {"linked_account_id"},
    "GET /api/v2/public/application/{slug}": {"linked_account_id", "tags", "ecosystem", "auth_type"},
    "PUT /api/v2/public/linked-account/default-app/auth-credentials/{key}": {"linked_account_id"},
    "DELETE /api/v2/public/linked-account/default-app/auth-credentials/{key}": {"linked_account_id"},
    "POST /api/v2/public/linked-account": {"account_id"},
    "PUT /api/v2/public/linked-account": {"account_id", "payload"},
    "POST /api/v2/public/event/{slug}": {"trigger"},
    "POST /api/v2/public/event/trigger": {"slug", "trigger"},
    "POST /api/v2/public/workflow/{workflowId}/execute": {"include-headers"},
}


def _names(row: Row, *kinds: str) -> set[str]:
    return {name.rstrip("*") for kind in kinds for name in row.get(kind, [])}


def test_a_method_can_send_every_parameter_and_field() -> None:
    sent: dict[tuple[str, str], set[str]] = {}
    for method in methods():
        for sample in method.samples.values():
            row = row_of(sample.method, sample.path)
            if row is None:  # the table may be ahead of the facts kept here
                continue
            names = sent.setdefault(_key(row["method"], row["path"]), set())
            names |= {*sample.query, *(sample.body if isinstance(sample.body, dict) else ())}
            names |= {"linked_account_id"} if sample.names_account else set()
    missing = {
        f"{row['method']} {row['path']}": lacking
        for key, row in ROWS.items()
        if (lacking := _names(row, "query", "fields") - sent[key])
    }
    headers = {
        f"{row['method']} {row['path']}": lacking
        for key, row in ROWS.items()
        if (lacking := _names(row, "header") - _sent_headers(key) - {"linked_account_id"})
    }
    for place, names in headers.items():
        missing.setdefault(place, set()).update(names)
    assert missing == UNSENT
    assert set().union(*UNSENT.values()) == set(TWINS)


def _sent_headers(key: tuple[str, str]) -> set[str]:
    return {
        name
        for sample in SAMPLES.values()
        if (row := row_of(sample.method, sample.path)) and _key(row["method"], row["path"]) == key
        for name in sample.headers
    }


@needs_reference
def test_the_facts_kept_here_are_those_of_the_specification() -> None:
    for method, path, operation in specification.operations():
        row = ROWS[_key(method, path)]
        assert row["accepts"] == _accepts(operation)
        for kind in ("query", "header"):
            told = [
                f"{each['name']}{'*' if each.get('required') else ''}"
                for each in specification.parameters(operation)
                if each["in"] == kind
            ]
            assert row.get(kind, []) == told, (method, path)
        assert row.get("fields", []) == _fields(operation), (method, path)
        assert str(row["status"]) in operation["responses"]


def _accepts(operation: specification.Schema) -> str:
    kinds = {kind for each in operation["security"] for kind in each}
    return {
        frozenset[str](): "none",
        frozenset({"Org API Key"}): "key",
        frozenset({"Linked Account Token"}): "token",
    }.get(frozenset(kinds), "either")


def _fields(operation: specification.Schema) -> list[str]:
    body = specification.resolve(operation.get("requestBody") or {})
    if not body:
        return []
    schema = specification.resolve(body["content"]["application/json"]["schema"])
    required = schema.get("required", [])
    return [f"{name}{'*' if name in required else ''}" for name in schema.get("properties", {})]
