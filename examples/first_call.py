import asyncio

from refold_async import Refold


async def main() -> None:
    async with Refold() as refold:  # REFOLD_API_KEY, REFOLD_BASE_URL
        account = refold.account("demo-user-1")
        actions = await account.actions.list("hubspot")
        schema = await account.actions.schema("hubspot", "create_contact")
        result = await account.actions.execute("hubspot", "get_contact", {"limit": "1"})
        print(len(actions), "actions;", len(schema), "parameters;", result.data["results"][0]["id"])


asyncio.run(main())
