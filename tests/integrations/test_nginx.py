"""A real nginx in front of Refold: with its defaults, it drops headers whose names have underscores."""

import pytest

from refold_async import NotFoundError, Refold
from refold_async.sandbox import Sandbox
from tests.services import needs, nginx

CONFIG = "{more} server { listen 127.0.0.1:{port}; location / { proxy_pass %s; } }"


@needs("nginx")
@pytest.mark.parametrize("passes", [False, True])
async def test_a_proxy_must_pass_the_customers_header(sandbox: Sandbox, passes: bool) -> None:
    config = CONFIG.replace("{more}", "underscores_in_headers on;" if passes else "") % sandbox.base_url
    with nginx(config) as server:
        async with Refold(sandbox.api_key, base_url=server.url) as refold:
            actions = refold.account("demo-user-1").actions
            if passes:
                assert (await actions.execute("hubspot", "get_contact", {"limit": "1"})).data["results"]
                return
            with pytest.raises(NotFoundError) as caught:
                await actions.execute("hubspot", "get_contact", {"limit": "1"})
    host = server.url.removeprefix("http://")
    assert f"{host} did not receive the header linked_account_id" in str(caught.value)
    assert "nginx: underscores_in_headers on" in str(caught.value)
