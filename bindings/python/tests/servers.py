"""The servers that the tests talk to: the real one, one made of ``pop3.proto.Server``, and ones that misbehave."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, assert_never

from pop3 import proto

CHECKOUT = Path(__file__).resolve().parents[3]

# Long enough for a busy machine; no test waits for it unless something is wrong.
PATIENCE = 60.0


def server_program() -> Path:
    """The binary ``pop3-server``."""
    if given := os.environ.get("POP3_SERVER_BIN"):
        return Path(given)
    built = CHECKOUT / "target/debug/pop3-server"
    if built.exists():
        return built
    raise FileNotFoundError(
        f"there is no {built}, and POP3_SERVER_BIN names none; build it with `cargo build -p pop3-server`"
    )


class RealServer:
    """The binary in a directory of its own, with its sample messages, on ports that the system chose."""

    user = "demo"

    def __init__(self, home: Path, address: str = "127.0.0.1") -> None:
        self.home = home
        self._log = (home.parent / "server.log").open("wb")
        self._process = subprocess.Popen(
            [
                str(server_program()),
                "--data",
                str(home),
                "--listen-stls",
                f"{address}:0",
                "--listen-tls",
                f"{address}:0",
            ],
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        try:
            self.stls, self.tls = self._wait_until_it_listens()
        except BaseException:
            self.stop()
            raise
        self.ca_file = home / "certificate.pem"
        self.password = (home / "password").read_text().strip()

    def _wait_until_it_listens(self) -> tuple[str, str]:
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line.decode())
            if found := re.match(r"Listening on (\S+) \(STLS\) and (\S+) \(TLS\)", said[-1]):
                return found[1], found[2]
        raise RuntimeError("the server ended without listening: " + "".join(said))

    @property
    def pops(self) -> str:
        """The URL for implicit TLS."""
        return f"pops://{self.user}@{self.tls}"

    @property
    def pop(self) -> str:
        """The URL for STLS."""
        return f"pop://{self.user}@{self.stls}"

    def deliver(self, message: bytes) -> None:
        """Adds a message to the maildrop of the user."""
        command = [str(server_program()), "deliver", "--data", str(self.home), self.user]
        subprocess.run(command, input=message, check=True, timeout=PATIENCE)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()


class ThreadServer:
    """Serves every connection with ``serve``, one after the other, in a thread of this process."""

    def __init__(self, serve: Callable[[Wire], None]) -> None:
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._failure: BaseException | None = None
        host, port = self._listener.getsockname()
        self.url = f"pop://mrose@{host}:{port}"
        self.pops = f"pops://mrose@{host}:{port}"

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            try:
                with connection:
                    connection.settimeout(PATIENCE)
                    self._serve(Wire(connection))
            except ConnectionError:
                pass
            except BaseException as failure:
                self._failure = failure
                return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._listener.close()
        if self._failure is not None and error is None:
            raise self._failure


class Wire:
    """The server's end of a connection, for a conversation by hand."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._lines = connection.makefile("rb")
        self.heard: list[bytes] = []

    def say(self, *lines: bytes) -> None:
        self.socket.sendall(b"".join(line + b"\r\n" for line in lines))

    def hear(self) -> bytes:
        """The next line of the client; ``b""`` when it has closed."""
        line = self._lines.readline().rstrip(b"\r\n")
        self.heard.append(line)
        return line

    def answer(self, **responses: bytes | Sequence[bytes]) -> None:
        """Answers the client's commands by keyword, ``-ERR`` where there is none, until it says QUIT or closes."""
        while line := self.hear():
            keyword = line.split(b" ")[0].decode().upper()
            response = responses.get(keyword, b"+OK" if keyword == "QUIT" else b"-ERR no")
            self.say(*([response] if isinstance(response, bytes) else response))
            if keyword == "QUIT":
                return


@dataclass
class Maildrop:
    """What a server made of ``pop3.proto.Server`` serves: one user's messages by unique-id."""

    messages: dict[str, bytes]
    name: str = "mrose"
    password: str = "tanstaaf"
    rejection: proto.Rejection | None = None
    is_stuck: bool = False
    reasons: list[proto.CloseReason] = field(default_factory=list)

    def info(self) -> list[proto.MessageInfo]:
        return [
            proto.MessageInfo(proto.message_octets(message), unique_id)
            for unique_id, message in self.messages.items()
        ]

    def remove(self, numbers: Sequence[int]) -> None:
        unique_ids = list(self.messages)
        for number in numbers:
            del self.messages[unique_ids[number - 1]]

    def answer(self, server: proto.Server, event: proto.ServerEvent) -> bytes:
        """Answers one event; gives octets of a message to write before anything else."""
        match event:
            case proto.PasswordLogin(name, password):
                if self.rejection is not None:
                    server.reject(self.rejection)
                elif (name, password) == (self.name, self.password):
                    server.accept(self.info())
                else:
                    server.reject(proto.Rejection.BAD_CREDENTIALS)
            case proto.Retrieve(number, _):
                server.begin_message()
                octets = server.send_body(list(self.messages.values())[number - 1])
                server.end_message()
                return octets
            case proto.Update(deletions, _):
                if self.is_stuck:
                    server.finish_update(proto.UpdateOutcome.SOME_NOT_REMOVED)
                else:
                    self.remove(deletions)
                    server.finish_update(proto.UpdateOutcome.REMOVED)
            case proto.Close(reason):
                self.reasons.append(reason)
            case proto.ApopLogin() | proto.SaslLogin() | proto.SaslResponse():
                server.reject(proto.Rejection.UNSUPPORTED_MECHANISM)
            case proto.SaslCancelled() | proto.StartTls():
                pass
            case _:
                assert_never(event)
        return b""

    def serve(self, wire: Wire) -> None:
        """The run loop of ``pop3.proto`` over a socket, without TLS."""
        server = proto.Server(proto.Policy(allow_plaintext_without_tls=True, stls=False))
        while True:
            while octets := server.data_to_send():
                wire.socket.sendall(octets)
            event = server.next_event()
            if event is proto.NEED_DATA:
                server.receive_data(wire.socket.recv(65536))
            elif event is not proto.PAUSED:
                assert not isinstance(event, proto.Wait)
                wire.socket.sendall(self.answer(server, event))
                if isinstance(event, proto.Close):
                    break
        while octets := server.data_to_send():
            wire.socket.sendall(octets)
