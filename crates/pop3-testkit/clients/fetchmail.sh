#!/bin/sh
# Runs fetchmail for `pop3-testkit client-check`; see README.md here.
set -eu
if [ "${1-}" = --version ]; then
    fetchmail --nosyslog --fetchmailrc /dev/null --version 2>/dev/null | sed -n '1s/.*release \([0-9.]*\).*/\1/p'
    exit
fi
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
state=$POP3_OUTDIR/fetchmail
mkdir -p "$state" "$POP3_OUTDIR/mail/tmp" "$POP3_OUTDIR/mail/new" "$POP3_OUTDIR/mail/cur"
[ "$POP3_MODE" = keep ] && keep=keep || keep='no keep'
[ "$POP3_TLS" = yes ] && tls="ssl sslcertck sslcertfile $POP3_CA" || tls="sslproto ''"
(umask 077; cat > "$state/fetchmailrc") <<END
set no syslog
set invisible
poll $POP3_HOST protocol pop3 port $POP3_PORT timeout $POP3_TIMEOUT uidl no dns
  user "$POP3_USER" password "$POP3_PASSWORD"
  $tls
  no rewrite
  $keep
  mda "$here/deliver.sh $POP3_OUTDIR/mail"
END
FETCHMAILHOME=$state exec fetchmail --nodetach --pidfile "$state/pid" --fetchmailrc "$state/fetchmailrc"
