"""How a test in Python uses `pop3-testkit serve --json`; run with the program's path as its argument."""

import contextlib
import json
import poplib
import ssl
import subprocess
import sys


@contextlib.contextmanager
def served(*arguments):
    """A server for the time of a test; its end comes with that of this process at the latest."""
    command = [sys.argv[1], "serve", "--json", "--until-stdin-closes", "--transcripts", "-", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        site = json.loads(process.stdout.readline())
        site["next_session"] = lambda: json.loads(process.stdout.readline())
        yield site
        process.stdin.close()
        assert process.wait() == 0, process.returncode


def fetch(client, user):
    client.user(user["name"])
    client.pass_(user["password"])
    count, _ = client.stat()
    messages = [b"\r\n".join(client.retr(number)[1]) for number in range(1, count + 1)]
    client.dele(1)
    client.quit()
    return messages


def plain_and_encrypted():
    with served() as site:
        user = site["users"][0]
        context = ssl.create_default_context(cafile=site["ca_file"])
        messages = fetch(poplib.POP3(site["host"], site["port"]), user)
        assert len(messages) == 3 and b"\r\n.\r\n..and" in messages[0], messages
        session = site["next_session"]()
        assert session["commands"][:2] == ["USER alice", "PASS *"], session
        assert [message["number"] for message in session["removed"]] == [1], session

        client = poplib.POP3("localhost", site["port"])
        client.stls(context)
        assert len(fetch(client, user)) == 2
        assert site["next_session"]()["tls"]

        client = poplib.POP3_SSL("localhost", site["tls_port"], context=context)
        assert len(fetch(client, user)) == 1


def faults_and_profiles():
    with served("--profile", "maillennium", "--fault", "RETR 2: answer -ERR cannot be read") as site:
        client = poplib.POP3(site["host"], site["port"])
        assert client.getwelcome().startswith(b"+OK Maillennium"), client.getwelcome()
        client.user("alice")
        client.pass_("wonderland")
        assert client.uidl()[1][0].startswith(b"1   "), client.uidl()
        try:
            client.retr(2)
        except poplib.error_proto as error:
            assert b"cannot be read" in error.args[0], error
        else:
            raise AssertionError("message 2 could be read")
        client.quit()


plain_and_encrypted()
faults_and_profiles()
print("fine")
