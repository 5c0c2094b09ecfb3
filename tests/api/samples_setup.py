"""Sample calls: apps, actions, configs and what workflows keep."""

from refold_async.api.configs import ConfigField, ConfigWorkflow

from .sample import PAGE, PAGE_QUERY, Sample, delete, get, patch, post, put

V2 = "/api/v2/public"
ACTIONS = "/api/v2/integration-schema/hubspot/actions"

_FILTER = {"slug": "hubspot", "tags": "CRM,Sales", "auth_type": "oauth2"}

APPS = {
    "applications.list": get(
        f"{V2}/application", kwargs={**_FILTER, "ecosystem": False}, query={**_FILTER, "ecosystem": "false"}
    ),
    "applications.get": get(f"{V2}/application/hubspot", "hubspot"),
    "actions.list": get(ACTIONS, "hubspot"),
    "actions.schema": get(f"{ACTIONS}/create_contact", "hubspot", "create_contact"),
    "actions.execute": post(
        f"{ACTIONS}/create_contact/execute",
        "hubspot",
        "create_contact",
        {"email": "a@b.test"},
        kwargs={"effect": "write"},
        body={"email": "a@b.test"},
    ),
}

_PLACE = {"config_id": "c-1", "workflow_id": "w-1"}
_FIELD_HEADERS = {"slug": "hubspot", "disable_field_options": "true"}
_CONFIG = {
    "config_id": "c-1",
    "fields": [ConfigField(id="f-1", value=["a"]), {"id": "f-2", "value": None}],
    "application_data_slots": [{"id": "f-3"}],
    "workflows": [ConfigWorkflow(id="w-1", enabled=True, fields=[ConfigField(id="f-4", value=0)])],
    "labels": {"a": "b"},
    "map_fields_object": {"c": "d"},
    "disable_field_options": True,
}
_CONFIG_BODY = {
    "slug": "hubspot",
    "config_id": "c-1",
    "fields": [{"id": "f-1", "value": ["a"]}, {"id": "f-2", "value": None}],
    "application_data_slots": [{"id": "f-3"}],
    "workflows": [{"id": "w-1", "enabled": True, "fields": [{"id": "f-4", "value": 0}]}],
    "labels": {"a": "b"},
    "map_fields_object": {"c": "d"},
}

CONFIG_FIELDS = {
    "config_fields.list": post(f"{V2}/config/field", "hubspot", headers={"slug": "hubspot"}),
    "config_fields.options": post(
        f"{V2}/config/field/f-1",
        "hubspot",
        "f-1",
        kwargs={**_PLACE, "value": None, "disable_field_options": True},
        query=_PLACE,
        headers=_FIELD_HEADERS,
        body={"value": None},
    ),
    "config_fields.update": put(
        f"{V2}/config/field/f-1",
        "hubspot",
        "f-1",
        ["A", "B"],
        kwargs={**_PLACE, "disable_field_options": True},
        query=_PLACE,
        headers=_FIELD_HEADERS,
        body={"value": ["A", "B"]},
    ),
    "config_fields.delete": delete(
        f"{V2}/config/field/f-1",
        "hubspot",
        "f-1",
        kwargs={**_PLACE, "disable_field_options": True},
        query=_PLACE,
        headers=_FIELD_HEADERS,
    ),
    "config_fields.rule_options": post(
        f"{V2}/config/rule-engine/f-1",
        "hubspot",
        "f-1",
        {"name": "stage"},
        kwargs=_PLACE,
        query=_PLACE,
        headers={"slug": "hubspot"},
        body={"rule_column": {"name": "stage"}},
    ),
}

CONFIGS = {
    "configs.list": get(f"{V2}/slug/hubspot/configs", "hubspot"),
    "configs.update": put(
        f"{V2}/config",
        "hubspot",
        kwargs=_CONFIG,
        headers={"disable_field_options": "true"},
        body=_CONFIG_BODY,
    ),
    "configs.get_or_create": post(
        f"{V2}/config",
        "hubspot",
        kwargs=_CONFIG,
        headers={"disable_field_options": "true"},
        body=_CONFIG_BODY,
    ),
    "configs.get": get(
        f"{V2}/slug/hubspot/config/c-1",
        "hubspot",
        "c-1",
        kwargs={"tenant_config": True, "disable_field_options": True},
        headers={"disable_field_options": "true"},
        body={"tenant_config": True},
    ),
    "configs.get (default)": get(
        f"{V2}/slug/hubspot/config",
        "hubspot",
        kwargs={"tenant_config": False, "disable_field_options": False},
        headers={"disable_field_options": "false"},
        body={"tenant_config": False},
    ),
    "configs.delete": delete(f"{V2}/slug/hubspot/config/c-1", "hubspot", "c-1"),
    "configs.delete (default)": delete(f"{V2}/slug/hubspot/config", "hubspot"),
    "configs.toggle_workflow": patch(
        f"{V2}/slug/hubspot/config/c-1/workflows/w-1",
        "hubspot",
        "c-1",
        "w-1",
        kwargs={"enabled": False},
        body={"enabled": False},
    ),
}

DATA = {
    "datarefs.list": get(
        f"{V2}/dataref",
        kwargs={**PAGE, "unique": True},
        query={**PAGE_QUERY, "unique": "true"},
        names_account=True,
    ),
    "datarefs.create": post(f"{V2}/dataref", "contacts", body={"refName": "contacts"}),
    "datarefs.get": get(f"{V2}/dataref/con tacts", "con tacts", kwargs=PAGE, query=PAGE_QUERY),
    "datarefs.delete": delete(f"{V2}/dataref/contacts", "contacts"),
    "datarefs.clear": put(f"{V2}/dataref/contacts/clear-records", "contacts"),
    "datarefs.edit_group": put(
        f"{V2}/datarefs/group", ["a", "b"], "crm", body={"refNames": ["a", "b"], "group": "crm"}
    ),
    "datastores.list": get(
        f"{V2}/datastore/config/hubspot",
        "hubspot",
        kwargs={"config_id": "c-1"},
        query={"config_id": "c-1"},
    ),
    "datastores.records": get(
        f"{V2}/datastore/config/hubspot/deals/records",
        "hubspot",
        "deals",
        kwargs={"config_id": "c-1"},
        query={"config_id": "c-1"},
    ),
    "datastores.search": post(
        f"{V2}/datastore/config/hubspot/deals/search",
        "hubspot",
        "deals",
        {"stage": "won"},
        kwargs={"config_id": "c-1"},
        query={"config_id": "c-1"},
        body={"stage": "won"},
    ),
}

TABLES = {
    "tables.list": get(f"{V2}/tables", kwargs={**PAGE, "name": "^l"}, query={**PAGE_QUERY, "name": "^l"}),
    "tables.create": post(
        f"{V2}/tables",
        "leads",
        ["email", "stage"],
        body={"table_name": "leads", "columns": [{"column_name": "email"}, {"column_name": "stage"}]},
    ),
    "tables.records": get(f"{V2}/tables/t-1", "t-1", kwargs=PAGE, query=PAGE_QUERY),
    "tables.search": post(f"{V2}/tables/t-1/search", "t-1", {"stage": "new"}, body={"stage": "new"}),
    "tables.add_records": patch(
        f"{V2}/tables/t-1", "t-1", [{"email": "a@b.test"}], body={"data": [{"email": "a@b.test"}]}
    ),
    "tables.delete": delete(f"{V2}/tables/t-1", "t-1"),
    "tables.delete_record": delete(f"{V2}/tables/t-1/r-1", "t-1", "r-1"),
    "tables.add_columns": patch(
        f"{V2}/tables/t-1/columns/add", "t-1", ["score"], body={"columns": ["score"]}
    ),
    "tables.remove_columns": delete(
        f"{V2}/tables/t-1/columns/remove", "t-1", ["score"], body={"columns": ["score"]}
    ),
    "tables.rename_columns": patch(
        f"{V2}/tables/t-1/columns/rename",
        "t-1",
        {"a": "b", "b": "c"},
        body={"renames": [{"old_name": "a", "new_name": "b"}, {"old_name": "b", "new_name": "c"}]},
    ),
    "tables.edit_group": put(
        f"{V2}/tables/group/edit", ["t-1"], "crm", body={"tableIds": ["t-1"], "group": "crm"}
    ),
}

SETUP_SAMPLES: dict[str, Sample] = {**APPS, **CONFIG_FIELDS, **CONFIGS, **DATA, **TABLES}
