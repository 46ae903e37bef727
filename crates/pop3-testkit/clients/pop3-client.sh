#!/bin/sh
# Runs pop3-client for `pop3-testkit client-check`; see README.md here.
set -eu
program=${POP3_CLIENT:-pop3-client}
if [ "${1-}" = --version ]; then
    "$program" --version | sed 's/.* //'
    exit
fi
[ "$POP3_MODE" = delete ] && set -- --delete || set --
if [ "$POP3_TLS" = yes ]; then
    scheme=pops
    set -- "$@" --ca-file "$POP3_CA"
else
    scheme=pop
    set -- "$@" --insecure-plain
fi
export POP3_PASSWORD
exec "$program" fetch "$scheme://$POP3_USER@$POP3_HOST:$POP3_PORT" --maildir "$POP3_OUTDIR/mail" \
    --timeout "$POP3_TIMEOUT" "$@"
