"""Configs: install an app for a linked account, read and change how it is set up, uninstall it."""

from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Reply, success
from refold_async.sandbox.resources.configs import Config, Configs, show_config
from refold_async.sandbox.resources.reading import flag, require, text
from refold_async.sandbox.resources.refusals import not_in_sandbox, refused
from refold_async.sandbox.routing import Route


async def install(call: Call) -> Reply:
    """Get a config, or create it with the fields and workflows of the body."""
    slug, config_id = _named(call)
    configs = call.account.own(Configs)
    config = configs.find(slug, config_id)
    if config is None:
        config = configs.add(slug, config_id)
        config.write(call.params)
    return _show(call, config)


async def update(call: Call) -> Reply:
    """Write fields and workflows over an installed config's."""
    slug, config_id = _named(call)
    config = call.account.own(Configs).get(slug, config_id)
    config.write(call.params)
    return _show(call, config)


async def get(call: Call) -> Reply:
    """An installed config; the account's own where no id is given."""
    if call.params.get("tenant_config"):
        raise not_in_sandbox("A tenant config")
    return _show(call, _config(call))


async def delete(call: Call) -> Reply:
    """Uninstall a config; the account's own where no id is given."""
    config = _config(call)
    call.account.own(Configs).remove(config.slug, config.config_id)
    return success({"message": "Installation Deleted Success"})


async def list_ids(call: Call) -> Reply:
    """The ids of the account's configs of an app."""
    slug = call.path_params["slug"]
    return success(
        [
            {"_id": config.id, "config_id": config.config_id}
            for config in call.account.own(Configs)
            if config.slug == slug
        ]
    )


async def toggle_workflow(call: Call) -> Reply:
    """Switch one workflow of a config on or off."""
    config = _config(call)
    require(call.params, "enabled")
    workflow = config.workflow(call.path_params["workflowId"])
    config.enabled[workflow.id] = call.params["enabled"] is True
    return success({"workflows": config.show_workflows()})


def _named(call: Call) -> tuple[str, str]:
    """The slug and config id of a body; refuses an unknown app."""
    require(call.params, "slug")
    slug = text(call.params, "slug")
    if slug not in call.organisation.apps:
        message = f"Application with app_type '{slug}' not found for org {call.organisation.id}"
        raise refused(404, message, "INVALID_APP_ID")
    return slug, text(call.params, "config_id") or call.account.account_id


def _config(call: Call) -> Config:
    config_id = call.path_params.get("configId", call.account.account_id)
    return call.account.own(Configs).get(call.path_params["slug"], config_id)


def _show(call: Call, config: Config) -> Reply:
    options = flag(call, "disable_field_options") is not True
    return success(show_config(call.organisation, config.slug, config, options=options))


_BASE = "/api/v2/public/config"
_OF_APP = "/api/v2/public/slug/{slug}/config"
_ONE = _OF_APP + "/{configId}"

ROUTES = (
    Route("configs.get_or_create", "POST", _BASE, install, "account_key"),
    Route("configs.update", "PUT", _BASE, update, "account"),
    Route("configs.get_default", "GET", _OF_APP, get, "account_key"),
    Route("configs.delete_default", "DELETE", _OF_APP, delete, "account_key"),
    Route("configs.get", "GET", _ONE, get, "account_key"),
    Route("configs.delete", "DELETE", _ONE, delete, "account_key"),
    Route("configs.toggle_workflow", "PATCH", _ONE + "/workflows/{workflowId}", toggle_workflow, "account"),
    Route("configs.list", "GET", _OF_APP + "s", list_ids, "account"),
)
