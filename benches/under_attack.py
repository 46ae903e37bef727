#!/usr/bin/env python3
"""Measures one or more builds of pop3-server in turn while they are attacked from this machine.

guessing    wrong passwords from many addresses; how long a right login from elsewhere takes, and the memory
handshakes  thousands of ClientHellos at once; the slowest NOOP of a session meanwhile
names       how long the server takes to answer for users and for unknown names, right after a start

usage: benches/under_attack.py {guessing,handshakes,names} SERVER [SERVER ...]
"""

import argparse
import asyncio
import base64
import contextlib
import itertools
import os
import pathlib
import random
import re
import resource
import signal
import socket
import ssl
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator

CONFIGURATION = """
[users]
file = "users"
[maildir]
root = "mail"
create_missing = true
[login]
plaintext_without_tls = true
"""


class Server:
    """A build of pop3-server with a configuration of its own, on ports that the system chose."""

    def __init__(self, program: str, folder: pathlib.Path, users: str, kinds: tuple[str, ...], more: str = "") -> None:
        (folder / "mail").mkdir()
        (folder / "users").write_text(users)
        listeners = "".join(f'[[listen]]\naddress = "127.0.0.1:0"\nkind = "{kind}"\n' for kind in kinds)
        configuration = folder / "server.toml"
        configuration.write_text(listeners + CONFIGURATION + more)
        self.folder = folder
        self.process = subprocess.Popen(
            [program, "--config", str(configuration)], stdout=subprocess.PIPE, stderr=(folder / "log").open("wb")
        )
        self.ports: list[int] = []
        assert self.process.stdout is not None
        while len(self.ports) < len(kinds):
            self.ports += [int(port) for port in re.findall(r":(\d+)", self.process.stdout.readline().decode())]

    def memory(self) -> int:
        """The resident memory in MiB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", status)
        assert found is not None
        return int(found[1]) // 1024

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


@contextlib.contextmanager
def serving(program: str, users: str, kinds: tuple[str, ...] = ("plain",), more: str = "") -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(program, pathlib.Path(folder), users, kinds, more)
        try:
            yield server
        finally:
            server.stop()


class Session:
    """A connection in clear, the greeting read."""

    def __init__(self, port: int, address: str = "127.0.9.9") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), source_address=(address, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rwb", 0)
        self.file.readline()

    def ask(self, command: str) -> bytes:
        self.file.write(command.encode() + b"\r\n")
        return self.file.readline()

    def close(self) -> None:
        self.socket.close()


def seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


# ---- guessing ----

ADDRESSES = 20
CONNECTIONS = 100


async def guess(port: int, address: str, passwords: Iterator[str]) -> None:
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
            await reader.readline()
            for _ in range(3):
                writer.write(b"USER alice\r\n")
                await reader.readline()
                writer.write(f"PASS {next(passwords)}\r\n".encode())
                if not await reader.readline():
                    break
            writer.close()
        except OSError:
            await asyncio.sleep(0.05)


async def guess_from_everywhere(port: int, passwords: Iterator[str]) -> None:
    guesses = [
        guess(port, f"127.0.0.{number + 2}", passwords) for number in range(ADDRESSES) for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*guesses)


def log_in(port: int) -> None:
    session = Session(port)
    session.ask("USER bob")
    assert session.ask("PASS right-password").startswith(b"+OK")
    session.ask("QUIT")
    session.close()


def guessing(program: str, limit: float = 60) -> None:
    password = b"right-password\nright-password\n"
    for mode in ("repeated", "new"):
        with serving(program, "") as server:
            configuration = str(server.folder / "server.toml")
            for user in ("alice", "bob"):
                command = [program, "--config", configuration, "user", "add", user]
                subprocess.run(command, input=password, check=True, stdout=subprocess.DEVNULL)
            port, base = server.ports[0], server.memory()
            attacker = os.fork()
            if attacker == 0:
                passwords = itertools.repeat("wrong") if mode == "repeated" else map("wrong{}".format, itertools.count())
                asyncio.run(guess_from_everywhere(port, passwords))
            time.sleep(10)
            times, end = [], time.monotonic() + limit
            while len(times) < 100 and time.monotonic() < end:
                times.append(seconds(lambda: log_in(port)))
                time.sleep(0.05)
            under = server.memory()
            os.kill(attacker, signal.SIGKILL)
            os.waitpid(attacker, 0)
            time.sleep(20)
            print(
                f"{program}, {mode} passwords: {len(times)} right logins, median {statistics.median(times):.3f} s, "
                f"worst {max(times):.3f} s; memory {base} MiB before, {under} under the attack, "
                f"{server.memory()} MiB 20 s after it",
                flush=True,
            )


# ---- handshakes ----

HELLOS = 3000
KEYS = {"P-256": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "RSA 4096": ["rsa:4096"]}


def client_hello() -> bytes:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


def burst(port: int, octets: bytes) -> None:
    sockets = []
    for _ in range(HELLOS):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(("127.0.0.1", port))
        sockets.append(one)
    time.sleep(1)
    for one in sockets:
        with contextlib.suppress(OSError):
            one.send(octets)
    time.sleep(2.5)
    for one in sockets:
        one.close()


def worst_noop(server: Server, octets: bytes) -> float:
    session = Session(server.ports[0])
    session.ask("USER alice")
    session.ask("PASS secret")
    attack = threading.Thread(target=burst, args=(server.ports[1], octets))
    attack.start()
    worst, end = 0.0, time.monotonic() + 4
    while time.monotonic() < end:
        worst = max(worst, seconds(lambda: session.ask("NOOP")))
        time.sleep(0.001)
    attack.join()
    session.ask("QUIT")
    session.close()
    return worst * 1000


def handshakes(program: str) -> None:
    hello = client_hello()
    for name, key in KEYS.items():
        with tempfile.TemporaryDirectory() as folder:
            files = ["-keyout", f"{folder}/key.pem", "-out", f"{folder}/certificate.pem"]
            command = ["openssl", "req", "-x509", "-nodes", "-days", "9", "-subj", "/CN=localhost", "-newkey"]
            subprocess.run([*command, *key, *files], check=True, stderr=subprocess.DEVNULL)
            more = (
                f'[limits]\nconnections_per_address = 10000\n'
                f'[tls]\ncertificate = "{folder}/certificate.pem"\nkey = "{folder}/key.pem"\n'
            )
            with serving(program, "alice:{PLAIN}secret\n", ("plain", "tls"), more) as server:
                control = statistics.median(worst_noop(server, b"") for _ in range(3))
                attacked = statistics.median(worst_noop(server, hello) for _ in range(3))
            print(
                f"{program}, {name}: the slowest NOOP, median of 3: {control:.0f} ms beside {HELLOS} silent connections, "
                f"{attacked:.0f} ms beside {HELLOS} ClientHellos",
                flush=True,
            )


# ---- names ----

SAMPLES = 200


def scram_question(port: int, name: str) -> tuple[float, str]:
    session = Session(port)
    first = base64.b64encode(f"n,,n={name},r=abcdefghijklmnop".encode()).decode()
    began = time.perf_counter()
    answer = session.ask(f"AUTH SCRAM-SHA-256 {first}")
    took = time.perf_counter() - began
    session.close()
    found = re.search(r"i=(\d+)", base64.b64decode(answer[2:]).decode())
    return took, found[1] if found else "none"


def password(port: int, name: str) -> float:
    session = Session(port)
    session.ask(f"USER {name}")
    took = seconds(lambda: session.ask(f"PASS {random.random()}"))
    session.close()
    return took


def names(program: str) -> None:
    def ratio(of_users: list[float], of_unknown: list[float]) -> str:
        known, unknown = statistics.median(of_users) * 1000, statistics.median(of_unknown) * 1000
        return f"{known:.2f} ms for users, {unknown:.2f} ms for unknown names, ratio {unknown / known:.2f}"

    for count in (400, 20_000):
        users = "".join(f"user{number}:{{PLAIN}}password{number}\n" for number in range(count))
        # This line goes into the section [login].
        with serving(program, users, more="failure_delay = 0\n") as server:
            port = server.ports[0]
            for when in ("after a start", "after a change of the file"):
                of_users, of_unknown = [], []
                for number in range(SAMPLES):
                    of_users.append(scram_question(port, f"user{number}"))
                    of_unknown.append(scram_question(port, f"nobody{number}"))
                times = ratio([took for took, _ in of_users], [took for took, _ in of_unknown])
                shown = " and ".join(sorted({shown for _, shown in of_users + of_unknown}))
                print(f"{program}, {count} users, SCRAM {when}: {times}; iterations {shown}", flush=True)
                with (server.folder / "users").open("a") as file:
                    file.write(f"{when.replace(' ', '-')}:{{PLAIN}}x\n")
            # In turn, as above: whatever else the machine does meets both.
            pairs = [(password(port, f"user{n}"), password(port, f"nobody{n}")) for n in range(SAMPLES)]
            times = ratio([known for known, _ in pairs], [unknown for _, unknown in pairs])
            print(f"{program}, {count} users, PASS: {times}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    attacks = {"guessing": guessing, "handshakes": handshakes, "names": names}
    parser.add_argument("attack", choices=attacks)
    parser.add_argument("servers", nargs="+", metavar="SERVER")
    arguments = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for server in arguments.servers:
        attacks[arguments.attack](server)


if __name__ == "__main__":
    main()
