#!/bin/sh
# Runs mpop for `pop3-testkit client-check`; see README.md here.
set -eu
if [ "${1-}" = --version ]; then
    mpop --version | sed -n '1s/.*version //p'
    exit
fi
state=$POP3_OUTDIR/mpop
mkdir -p "$state" "$POP3_OUTDIR/mail/tmp" "$POP3_OUTDIR/mail/new" "$POP3_OUTDIR/mail/cur"
[ "$POP3_MODE" = keep ] && keep=on || keep=off
[ "$POP3_TLS" = yes ] && tls="tls on
tls_starttls off
tls_trust_file $POP3_CA" || tls="tls off
auth user"
(umask 077; cat > "$state/mpoprc") <<END
account default
host $POP3_HOST
port $POP3_PORT
user $POP3_USER
password $POP3_PASSWORD
timeout $POP3_TIMEOUT
$tls
keep $keep
uidls_file $state/uidls
delivery maildir $POP3_OUTDIR/mail
END
exec mpop --quiet --file="$state/mpoprc"
