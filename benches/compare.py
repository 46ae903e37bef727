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
[[listener]]
address = "127.0.0.1:{plain}"
kind = "plain"

[[listener]]
address = "127.0.0.1:{tls}"
kind = "tls"
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
        config.write_text(ours_config(base, maildirs, self.plain, self.tls))
        self.process = subprocess.Popen(
            [str(TARGET / "pop3-server"), "serve", "--config", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=open(base / "server.log", "w"),
        )
        wait_for(self.plain)


def ours_config(base, maildirs, plain, tls):
    raise NotImplementedError
