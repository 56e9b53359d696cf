"""A network between a browser and a server of this machine: a proxy that holds up what passes, and lets only so much
through."""

import asyncio
import socket
import threading


class Distance:
    """A port of 127.0.0.1 behind which is another one, as near as it is until `set` says how far away.

    What is carried stays in order; each direction takes half of the round trip. `bandwidth` is that of all connections
    together, from the server to the browser.
    """

    def __init__(self, port):
        self.target, self.port = port, None
        self.delay, self.bandwidth, self.free = 0.0, None, 0.0
        self.ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()
        if not self.ready.wait(10):
            raise RuntimeError("the proxy did not start")

    def set(self, rtt, bandwidth=None):
        """rtt: milliseconds; bandwidth: kilobits per second, None for no limit."""
        self.delay, self.bandwidth = rtt / 2000, bandwidth and 125 * bandwidth

    async def _serve(self):
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        await server.serve_forever()

    async def _accept(self, reader, writer):
        try:
            inner, outer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        for each in (writer, outer):
            each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.gather(self._pipe(reader, outer), self._pipe(inner, writer, narrow=True), return_exceptions=True)

    async def _pipe(self, reader, writer, narrow=False):
        loop, queue = asyncio.get_running_loop(), asyncio.Queue()

        async def put():
            while (item := await queue.get()) is not None:
                due, data = item
                if (wait := due - loop.time()) > 0:
                    await asyncio.sleep(wait)
                writer.write(data)
                await writer.drain()
            writer.close()

        task = asyncio.create_task(put())
        try:
            while data := await reader.read(65536):
                due = loop.time()
                if narrow and self.bandwidth:
                    due = self.free = max(self.free, due) + len(data) / self.bandwidth
                queue.put_nowait((due + self.delay, data))
        except ConnectionError:
            pass
        queue.put_nowait(None)
        await task
