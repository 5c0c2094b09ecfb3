"""The asyncio-first Python SDK for Refold."""
