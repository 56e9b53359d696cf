"""The event loop of the notebook, where there is one."""

import asyncio


def running_loop() -> asyncio.AbstractEventLoop | None:
    """That of this thread, or None."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
