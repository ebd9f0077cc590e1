"""The asyncio edge, part by part."""
