"""Waiting for what happens in the background of an event loop."""

import asyncio


async def until(condition, turns=20_000):
    """Let the loop turn until condition() holds; after so many turns that is a failure."""
    for _ in range(turns):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not happen")
