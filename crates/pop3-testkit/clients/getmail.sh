#!/bin/sh
# Runs getmail6 for `pop3-testkit client-check`; see README.md here.
set -eu
if [ "${1-}" = --version ]; then
    getmail --version | sed 's/getmail //'
    exit
fi
state=$POP3_OUTDIR/getmail
mkdir -p "$state" "$POP3_OUTDIR/mail/tmp" "$POP3_OUTDIR/mail/new" "$POP3_OUTDIR/mail/cur"
[ "$POP3_MODE" = keep ] && delete=false || delete=true
[ "$POP3_TLS" = yes ] && type=SimplePOP3SSLRetriever tls="ca_certs = $POP3_CA" || type=SimplePOP3Retriever tls=
(umask 077; cat > "$state/getmailrc") <<END
[retriever]
type = $type
server = $POP3_HOST
port = $POP3_PORT
username = $POP3_USER
password = $POP3_PASSWORD
timeout = $POP3_TIMEOUT
$tls
[destination]
type = Maildir
path = $POP3_OUTDIR/mail/
[options]
delete = $delete
read_all = false
END
# What getmail 6.18 has for this misses the end of a delivery that was quick, and gives up after a while.
cat > "$state/sitecustomize.py" <<END
import os
from getmailcore.baseclasses import ForkingBase
ForkingBase._prepare_child = lambda self: None
ForkingBase._wait_for_child = lambda self, child: os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
END
export PYTHONPATH="$state" PYTHONDONTWRITEBYTECODE=1
# For each message getmail closes every file that the limit lets it have open; with a large one that takes long.
ulimit -n 64
if [ "$(id -u)" = 0 ]; then
    # getmail refuses to deliver as root.
    chown -R 65534:65534 "$state" "$POP3_OUTDIR/mail"
    set -- setpriv --reuid=65534 --regid=65534 --clear-groups
else
    set --
fi
exec "$@" getmail --getmaildir="$state"
