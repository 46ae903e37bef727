"""A small fetcher over poplib, with the mistakes that are asked for.

fetcher.py HOST PORT USER PASSWORD OUTDIR TIMEOUT MODE [MISTAKE...]
"""

import os
import poplib
import sys

host, port, user, password, out, timeout, mode = sys.argv[1:8]
mistakes = set(sys.argv[8:])
journal = os.path.join(out, "journal")
mail = os.path.join(out, "mail")
os.makedirs(mail, exist_ok=True)


def known():
    if "no-state" in mistakes or not os.path.exists(journal):
        return set()
    with open(journal) as file:
        return set(file.read().split())


def remember(unique_id):
    with open(journal, "a") as file:
        file.write(unique_id + "\n")


def content(lines):
    if "stuffed" in mistakes:
        lines = [b"." + line if line.startswith(b".") else line for line in lines]
    if "drops-lines" in mistakes:
        lines = lines[:12] + lines[13:]
    return b"".join(line + b"\n" for line in lines)


def store(unique_id, lines):
    if "mbox" in mistakes:
        with open(os.path.join(mail, "inbox"), "ab") as file:
            quoted = [b">" + line if line.startswith(b"From ") else line for line in lines]
            file.write(b"From someone@example.org Mon Jan  2 03:04:05 2023\n" + content(quoted) + b"\n")
    else:
        name = os.path.join(mail, f"{unique_id}.{len(os.listdir(mail))}")
        with open(name + ".part", "wb") as file:
            file.write(content(lines))
        os.rename(name + ".part", name)


wait = None if "patient" in mistakes else int(timeout)
box = poplib.POP3(host, int(port), timeout=wait) if wait else poplib.POP3(host, int(port))
box.user(user)
box.pass_(password)
listed = [line.decode().split() for line in box.uidl()[1]]
seen = known()
later = []
for number, unique_id in listed:
    if unique_id not in seen:
        try:
            lines = box.retr(number)[1]
        except poplib.error_proto:
            if "gives-up" in mistakes:
                raise
            continue
        if "stores-late" in mistakes:
            later.append((unique_id, lines))
        else:
            store(unique_id, lines)
            remember(unique_id)
    if (mode == "delete") != ("wrong-mode" in mistakes):
        box.dele(number)
box.quit()
for unique_id, lines in later:
    store(unique_id, lines)
    remember(unique_id)
