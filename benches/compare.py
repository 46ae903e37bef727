#!/usr/bin/env python3
"""Runs this project's server and Dovecot side by side over the same mail, in turn, and prints ratios.

Dovecot runs in its high-performance login mode (login processes serve many connections), and its mail
processes serve many sessions, too. Both check the same plain secret, so that the servers are compared and
not a password hash. Each figure is the median of interleaved rounds; the last column is ours / Dovecot's.

usage: benches/compare.py [--rounds N] [--seconds S] [--workers W] [--only NAME]
"""

import argparse
import os
import pathlib
import pwd
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
IDLE = 1000
LINE = b"The quick brown fox jumps over the lazy dog, and then it does so again. ok\n"

DOVECOT = """
base_dir = {base}/run
log_path = {base}/dovecot.log
protocols = pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <{base}/cert.pem
ssl_key = <{base}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain
default_internal_user = dovenull
default_login_user = dovenull
default_process_limit = 2000
default_client_limit = 4000
first_valid_uid = 0
first_valid_gid = 0
mail_max_userip_connections = 0
passdb {{
  driver = static
  args = password={{PLAIN}}secret
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={maildirs}/%u
}}
mail_location = maildir:{maildirs}/%u:INDEX={base}/index/%u:CONTROL={base}/index/%u
pop3_lock_session = yes
service pop3-login {{
  inet_listener pop3 {{
    port = {plain}
  }}
  inet_listener pop3s {{
    port = {tls}
    ssl = yes
  }}
  service_count = 0
  process_min_avail = 2
  client_limit = 4000
}}
service pop3 {{
  process_min_avail = 2
  process_limit = 2000
  service_count = 1000
}}
service anvil {{
  chroot =
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""

OURS = """
listen = [
    {{ address = "127.0.0.1:{plain}", kind = "plain" }},
    {{ address = "127.0.0.1:{tls}", kind = "tls" }},
]
tls = {{ certificate = "{base}/cert.pem", key = "{base}/key.pem" }}
users = {{ file = "{base}/users" }}
maildir = {{ root = "{maildirs}" }}
login = {{ plaintext_without_tls = true }}
limits = {{ connections_per_address = 4000 }}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    for _ in range(400):
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"compare: nothing listens on 127.0.0.1:{port} after 20 s")


def make_maildirs(root, users, messages, octets, owner):
    """Each user has as many messages of that size, with LF line ends, as delivery leaves them."""
    header = b"From: ada@example.org\nTo: mrose@example.org\nSubject: figures\n\n"
    content = header + LINE * max(1, (octets - len(header)) // len(LINE))
    for user in range(users):
        home = root / f"u{user}"
        for part in ("tmp", "new", "cur"):
            (home / part).mkdir(parents=True)
        first = None
        for number in range(messages):
            name = home / "cur" / f"{1700000000 + number}.M{number}P1.bench:2,S"
            name.write_bytes(content)
            first = first or name
    subprocess.run(["chown", "-R", f"{owner.pw_uid}:{owner.pw_gid}", str(root)], check=True)


class Dovecot:
    name = "dovecot"

    def __init__(self, base, maildirs, owner):
        self.plain, self.tls = free_port(), free_port()
        self.config = base / "dovecot.conf"
        fields = dict(base=base, maildirs=maildirs, plain=self.plain, tls=self.tls, uid=owner.pw_uid, gid=owner.pw_gid)
        self.config.write_text(DOVECOT.format(**fields))
        (base / "index").mkdir()
        shutil.chown(base / "index", owner.pw_uid, owner.pw_gid)
        self.process = subprocess.Popen(["dovecot", "-F", "-c", str(self.config)], stderr=subprocess.DEVNULL)
        wait_for(self.plain)


class Ours:
    name = "pop3-server"

    def __init__(self, base, maildirs, users):
        self.plain, self.tls = free_port(), free_port()
        config = base / "server.toml"
        (base / "users").write_text("".join(f"u{user}:{{PLAIN}}secret\n" for user in range(users)))
        os.chmod(base / "users", 0o600)
        config.write_text(OURS.format(base=base, maildirs=maildirs, plain=self.plain, tls=self.tls))
        command = [str(TARGET / "pop3-server"), "serve", "--config", str(config)]
        with open(base / "server.log", "w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for(self.plain)


def pids(process):
    """The process and all its descendants."""
    found, waiting = [], [process.pid]
    while waiting:
        pid = waiting.pop()
        found.append(str(pid))
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            waiting += [int(child) for child in (task / "children").read_text().split()]
    return found


def load(*arguments):
    command = [str(TARGET / "pop3-load"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"compare: {' '.join(command)} failed: {done.stderr.strip()}")
    return float(done.stdout.split()[0])


def side_by_side(what, unit, servers, measure, rounds):
    figures = {server.name: [] for server in servers}
    for _ in range(rounds):
        for server in servers:
            figures[server.name].append(measure(server))
    ours, theirs = (statistics.median(figures[server.name]) for server in servers)
    print(f"| {what} | {ours:.1f} {unit} | {theirs:.1f} {unit} | {ours / theirs:.2f} |", flush=True)


def site(parent, users, messages, octets, owner):
    """A directory with mail, a certificate, and both servers running over it."""
    base = pathlib.Path(tempfile.mkdtemp(dir=parent))
    os.chmod(base, 0o755)
    maildirs = base / "mail"
    maildirs.mkdir()
    make_maildirs(maildirs, users, messages, octets, owner)
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-keyout", base / "key.pem", "-out", base / "cert.pem", "-days", "30", "-subj", "/CN=localhost"]
    # A certificate of its own kind of CA would not be accepted as the server's by our TLS library.
    command += ["-addext", names, "-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run(command, check=True, capture_output=True)
    return base, [Ours(base, maildirs, users), Dovecot(base, maildirs, owner)]


def stop(servers):
    for server in servers:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(timeout=60)


def tls_of(base, is_tls):
    return ["--tls", base / "cert.pem"] if is_tls else []


def address(server, is_tls):
    return f"127.0.0.1:{server.tls if is_tls else server.plain}"


def speed(parent, options, owner, mode, unit, messages, octets, label):
    base, servers = site(parent, options.workers, messages, octets, owner)
    for is_tls in (False, True):
        measure = lambda server: load(
            mode, address(server, is_tls), options.seconds, options.workers, *tls_of(base, is_tls)
        )
        for server in servers:
            # Once before it counts: indexes are written and flags are set.
            load("download", address(server, is_tls), 0.1, options.workers, *tls_of(base, is_tls))
        side_by_side(f"{label}, {'TLS' if is_tls else 'plain'}", unit, servers, measure, options.rounds)
    stop(servers)
    shutil.rmtree(base)


def idle(parent, options, owner):
    for is_tls in (False, True):
        base, servers = site(parent, IDLE, 1, 1000, owner)
        # After some sessions, so that what is allocated once for all is there.
        measure = lambda server: load(
            "idle", address(server, is_tls), IDLE, ",".join(pids(server.process)), *tls_of(base, is_tls)
        )
        ours = measure(servers[0])
        limit = 40 if is_tls else 16
        print(f"| idle session, {'TLS' if is_tls else 'plain'} | {ours:.1f} KiB | (limit {limit} KiB) | |", flush=True)
        stop(servers)
        shutil.rmtree(base)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--only", choices=["logins", "small", "large", "idle"])
    options = parser.parse_args()
    if os.geteuid() != 0 or not shutil.which("dovecot"):
        sys.exit("compare: run it as root with Dovecot installed (Debian: dovecot-pop3d); it starts both servers")
    owner = pwd.getpwnam("nobody")
    print("| what | pop3-server | Dovecot | ratio |\n|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as parent:
        os.chmod(parent, 0o755)
        if options.only in (None, "logins"):
            speed(parent, options, owner, "logins", "sessions/s", 1000, 4096, "logins, 1,000 messages")
        if options.only in (None, "small"):
            speed(parent, options, owner, "download", "MB/s", 1000, 4096, "download, 1,000 of 4 KiB")
        if options.only in (None, "large"):
            speed(parent, options, owner, "download", "MB/s", 40, 10 << 20, "download, 40 of 10 MiB")
        if options.only in (None, "idle"):
            idle(parent, options, owner)


if __name__ == "__main__":
    main()
