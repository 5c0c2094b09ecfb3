"""Sample calls: customers, their tokens and credentials, and what the organisation sets up."""

from .sample import CUSTOMER, PAGE, PAGE_QUERY, Sample, delete, get, post, put

V2 = "/api/v2/public"

_CUSTOMERS = {"env_variable_name": "REGION", "env_variable_value": "eu"}
_PROFILE = {"name": "Ada & Co", "udf": {"plan": "gold"}, "auth_credentials": {"key": "k-1"}}
_PROFILE_BODY = {
    "name": "Ada & Co",
    "udf": {"plan": "gold"},
    "your_app": {"auth_credentials": {"key": "k-1"}},
}

LINKED_ACCOUNTS = {
    "linked_accounts.list": get(
        f"{V2}/linked-account", kwargs={**PAGE, **_CUSTOMERS}, query={**PAGE_QUERY, **_CUSTOMERS}
    ),
    "linked_accounts.create": post(
        f"{V2}/linked-account",
        CUSTOMER,
        kwargs=_PROFILE,
        body={"linked_account_id": CUSTOMER, **_PROFILE_BODY},
    ),
    "linked_accounts.upsert": put(
        f"{V2}/linked-account",
        CUSTOMER,
        kwargs=_PROFILE,
        body={"linked_account_id": CUSTOMER, **_PROFILE_BODY},
    ),
    "linked_accounts.get": get(f"{V2}/linked-account/a@b.test", "a@b.test"),
    "linked_accounts.delete": delete(f"{V2}/linked-account/{CUSTOMER}", CUSTOMER),
    "KeyAccount:linked_account.upsert": put(
        f"{V2}/linked-account", kwargs=_PROFILE, body={"linked_account_id": CUSTOMER, **_PROFILE_BODY}
    ),
    "TokenAccount:linked_account.upsert": put(f"{V2}/linked-account", kwargs=_PROFILE, body=_PROFILE_BODY),
    "KeyAccount:linked_account.get": get(f"{V2}/linked-account/{CUSTOMER}"),
    "TokenAccount:linked_account.get": get(f"{V2}/session/active-linked-account"),
    "linked_account.delete_integration": delete(
        f"{V2}/linked-account/integration/hubspot",
        "hubspot",
        kwargs={"auth_type": "oauth2"},
        query={"auth_type": "oauth2"},
        names_account=True,
    ),
}

TOKENS = {
    "session_tokens.create": post(
        f"{V2}/session-token",
        CUSTOMER,
        kwargs={"force_refresh": True},
        query={"force_refresh": "true"},
        body={"linked_account_id": CUSTOMER},
    ),
    "session_token.revoke": post(f"{V2}/session-token/revoke"),
    "hosted_connect.create_url": post(
        f"{V2}/connect-url",
        CUSTOMER,
        {"base_color": "#fff"},
        kwargs={"config_id": "c-1"},
        query={"linked_account_id": CUSTOMER, "config_id": "c-1"},
        body={"base_color": "#fff"},
    ),
    "hosted_connect.properties": get(f"{V2}/hosted-properties"),
    "auth.structure": get(f"{V2}/auth-structure/hubspot", "hubspot"),
    "auth.oauth_url": get(
        f"{V2}/linked-account/integration/oauth-url/zendesk",
        "zendesk",
        kwargs={"fields": {"subdomain": "ada"}},
        query={"subdomain": "ada"},
    ),
}

CREDENTIALS = {
    "credentials.upsert": put(
        f"{V2}/linked-account/default-app/auth-credentials/api_key", "api_key", None, body={"value": None}
    ),
    "credentials.delete": delete(f"{V2}/linked-account/default-app/auth-credentials/api_key", "api_key"),
    "credentials.save_keys": put(
        f"{V2}/linked-account/integration/save-key-credentials/netsuite",
        "netsuite",
        {"account_id": "1"},
        kwargs={"auth_type": "keybased"},
        query={"auth_type": "keybased"},
        body={"account_id": "1"},
    ),
    "credentials.migrate": put(
        f"{V2}/migrate-token",
        "hubspot",
        {"access_token": "t"},
        body={"slug": "hubspot", "auth_object": {"access_token": "t"}},
    ),
}

_DEFINITIONS = {"scope": "org", "var_format": "url", "name": "^API"}
_VALUES = {"variable_definition_id": "d-1", "workflow_id": "w-1"}

ENV_VARIABLES = {
    "env_variables.list_definitions": get(
        f"{V2}/env/definitions", kwargs={**PAGE, **_DEFINITIONS}, query={**PAGE_QUERY, **_DEFINITIONS}
    ),
    "env_variables.get_definition": get(f"{V2}/env/definitions/d-1", "d-1"),
    "env_variables.get": get(
        f"{V2}/env/value/d-1",
        "d-1",
        kwargs={"workflow_id": "w-1", "environment": "test"},
        query={"workflow_id": "w-1", "environment": "test"},
        names_account=True,
    ),
    "env_variables.set": post(
        f"{V2}/env/values",
        "d-1",
        "https://a.test",
        kwargs={"workflow_id": "w-1"},
        body={"variable_definition_id": "d-1", "value": "https://a.test", "workflow_id": "w-1"},
    ),
    "KeyAccount:env_variables.set": post(
        f"{V2}/env/values",
        "d-1",
        "",
        body={"variable_definition_id": "d-1", "value": "", "linked_account_id": CUSTOMER},
    ),
    "env_variables.list": get(
        f"{V2}/env/values/workflow",
        "workflow",
        kwargs={**PAGE, **_VALUES},
        query={**PAGE_QUERY, **_VALUES},
        names_account=True,
    ),
    "env_variables.delete": delete(f"{V2}/env/values/v-1", "v-1"),
}

_HOOK = {
    "webhook_type": "custom",
    "webhook_body": {"text": "{{event}}"},
    "webhook_headers": {"X-From": "refold"},
    "description": "ours",
    "method": "PUT",
    "slug": "hubspot",
    "workflow_ids": ["w-1"],
    "is_enabled": False,
}
_NEW_HOOK = {**_HOOK, "webhook_description": "all of it", "group": "billing"}
_TARGET = {"webhook_url": "https://a.test/hook", "webhook_events": ["Connection Expired"]}

WEBHOOKS = {
    "webhooks.list": get(f"{V2}/webhook"),
    "webhooks.create": post(
        f"{V2}/webhook", *_TARGET.values(), kwargs=_NEW_HOOK, body={**_TARGET, **_NEW_HOOK}
    ),
    "webhooks.get": get(f"{V2}/webhook/h-1", "h-1"),
    "webhooks.update": put(
        f"{V2}/webhook/h-1", "h-1", kwargs={**_TARGET, **_HOOK}, body={**_TARGET, **_HOOK}
    ),
    "webhooks.delete": delete(f"{V2}/webhook/h-1", "h-1"),
    "webhooks.edit_group": put(
        f"{V2}/webhooks/group/edit", ["h-1", "h-2"], "", body={"webhookIds": ["h-1", "h-2"], "group": ""}
    ),
}

_EVENT = {"name": "paid", "response": '{"sum": 1}', "json_schema": {"type": "object"}}

EVENT_DEFINITIONS = {
    "Refold:events.list": get(f"{V2}/application/event"),
    "Refold:events.create": post(
        f"{V2}/application/event",
        "paid",
        '{"sum": 1}',
        kwargs={"json_schema": {"type": "object"}},
        body=_EVENT,
    ),
    "Refold:events.get": get(f"{V2}/application/event/e-1", "e-1"),
    "Refold:events.update": put(
        f"{V2}/application/event/e-1",
        "e-1",
        "paid",
        '{"sum": 1}',
        kwargs={"json_schema": {"type": "object"}},
        body=_EVENT,
    ),
    "Refold:events.delete": delete(f"{V2}/application/event/e-1", "e-1"),
    "human_tasks.get": get(f"{V2}/human-tasks/t-1", "t-1"),
    "human_tasks.submit": post(
        f"{V2}/human-tasks/t-1", "t-1", {"approved": True}, body={"data": {"approved": True}}
    ),
}

ACCOUNT_SAMPLES: dict[str, Sample] = {
    **LINKED_ACCOUNTS,
    **TOKENS,
    **CREDENTIALS,
    **ENV_VARIABLES,
    **WEBHOOKS,
    **EVENT_DEFINITIONS,
}
