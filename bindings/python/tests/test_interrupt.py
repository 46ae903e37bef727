"""Ctrl-C while the client waits."""

import signal
import socket
import subprocess
import sys
import threading

import pytest
from servers import PATIENCE, ThreadServer, Wire

# Waits in the main thread, as a program does, and says which exception came out.
PROGRAM = """
import sys, pop3
try:
    print("waiting", flush=True)
    client = pop3.Client(sys.argv[1], password="x", security=pop3.Security[sys.argv[2]], timeout=600)
    client.noop()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def interrupted(url: str, security: str, waiting: threading.Event | None) -> str:
    """What the program prints when it gets SIGINT while it waits."""
    command = [sys.executable, "-c", PROGRAM, url, security]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        # A shell starts what runs in the background with SIGINT ignored, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        if waiting is not None:
            assert waiting.wait(PATIENCE)
        # A signal may come just before the system call that it should interrupt; a person presses again.
        for _ in range(int(PATIENCE * 5)):
            process.send_signal(signal.SIGINT)
            try:
                process.wait(0.2)
                break
            except subprocess.TimeoutExpired:
                continue
        else:
            process.kill()
        return process.stdout.read()


@pytest.mark.parametrize(("scheme", "security"), [("url", "INSECURE_PLAIN"), ("pops", "IMPLICIT_TLS")])
def test_while_the_server_says_nothing(scheme: str, security: str) -> None:
    waiting, over = threading.Event(), threading.Event()

    def serve(wire: Wire) -> None:
        waiting.set()
        over.wait(PATIENCE)

    with ThreadServer(serve) as server:
        try:
            assert interrupted(getattr(server, scheme), security, waiting) == "interrupted\n"
        finally:
            over.set()


def test_while_the_connection_is_made() -> None:
    # Whoever comes when nobody takes connections and the queue is full gets no answer.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        host, port = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        try:
            for connection in waiting:
                connection.setblocking(False)
                connection.connect_ex((host, port))
            assert interrupted(f"pop://x@{host}:{port}", "INSECURE_PLAIN", None) == "interrupted\n"
        finally:
            for connection in waiting:
                connection.close()
