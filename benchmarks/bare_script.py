"""What one would write with aiohttp instead of `refold execute`, for the question `command`."""

import argparse
import asyncio
import json
import os

import aiohttp


async def execute(base_url: str, account: str, action: str, params: dict[str, str]) -> None:
    """Execute an action of HubSpot and print the answer."""
    headers = {"x-api-key": os.environ["REFOLD_API_KEY"], "linked_account_id": account}
    url = f"{base_url}/api/v2/integration-schema/hubspot/actions/{action}/execute"
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(url, json=params) as response,
    ):
        response.raise_for_status()
        print(json.dumps(await response.json(), indent=2))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("account")
    parser.add_argument("action")
    parser.add_argument("params", nargs="*", type=lambda pair: pair.split("=", 1))
    parser.add_argument("--base-url", default=os.environ.get("REFOLD_BASE_URL"))
    given = parser.parse_args()
    asyncio.run(execute(given.base_url, given.account, given.action, dict(given.params)))
