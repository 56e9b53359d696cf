"""Letting the kernel look while a cell runs: what pages have said of their widgets is handled, and nothing else.

Needed where pages do not use subshells (VS Code, Colab, JupyterLab with that switched off, ipykernel before 7): there
what they say waits in the kernel's main thread until the cell is over. Other cells wait as ever. jupyter_ui_poll solves
the same problem for ipykernel 6.
"""

import sys
import threading
from contextlib import suppress
from typing import Any

COMMS = ("comm_open", "comm_msg", "comm_close")


def kernel_here() -> Any:
    """The kernel of this process if it is one of ipykernel, or None: others keep their messages elsewhere."""
    ipython, ipykernel = sys.modules.get("IPython"), sys.modules.get("ipykernel.kernelbase")
    if ipython is None or ipykernel is None:
        return None
    kernel = getattr(ipython.get_ipython(), "kernel", None)
    return kernel if isinstance(kernel, ipykernel.Kernel) else None


def waits() -> bool:
    """Whether something has come in that waits for the end of the cell which this thread runs."""
    kernel = kernel_here()
    if kernel is None or threading.current_thread() is not threading.main_thread():
        return False
    if kernel.get_parent("shell").get("header", {}).get("msg_type") != "execute_request":
        return False  # not in a cell: what a widget has called is handled, and the next one comes after it
    stream, _ = _stream(kernel)
    return stream is not None and bool(stream.socket.poll(0))


def look(kernel: Any) -> None:
    """Handle what pages have said of widgets. In the main thread, inside a cell."""
    stream, more = _stream(kernel)
    if stream is None:
        return
    while stream.socket.poll(0):
        message = stream.socket.recv_multipart(copy=False)
        if _is_of_widgets(kernel, message):
            _handle(kernel, kernel.dispatch_shell(message, **more))
        else:
            stream._run_callback(stream._recv_callback, message)  # it waits, as it would have


def _stream(kernel):
    """Where the messages for the main thread come in, and how they are handled beside a cell; None: pages have a thread
    that listens to them."""
    thread = getattr(kernel, "shell_channel_thread", None)
    if thread is None:
        return kernel.shell_stream, {}
    if thread.manager.list_subshell():
        return None, {}
    beside = "concurrent" in (kernel.dispatch_shell.__func__.__kwdefaults__ or {})  # since ipykernel 7.4
    main = thread.manager.get_shell_channel_to_subshell_pair(None)
    return main.to_stream, {"concurrent": True} if beside else {}


def _is_of_widgets(kernel, message):
    with suppress(Exception):  # whatever else it is, the kernel says it
        _, frames = kernel.session.feed_identities(message, copy=False)
        return kernel.session.deserialize(frames, content=False, copy=False)["header"]["msg_type"] in COMMS
    return False


def _handle(kernel, handling):
    """Handle it now, and be in the cell again afterwards: what that prints belongs to it."""
    parent, identity = kernel.get_parent("shell"), _identity(kernel)
    usual = getattr(kernel, "saved_sigint_handler", None)
    try:
        while True:
            handling.send(None)  # it waits for nothing
    except StopIteration:
        pass
    finally:
        kernel.set_parent(identity, parent, channel="shell")
        if usual is not None:
            kernel.saved_sigint_handler = usual


def _identity(kernel):
    """Of whom the cell was asked."""
    if hasattr(kernel, "_get_shell_context_var"):  # ipykernel 7
        return kernel._get_shell_context_var(kernel._shell_parent_ident)
    return kernel._parent_ident["shell"]
