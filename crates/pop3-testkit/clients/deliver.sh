#!/bin/sh
# Stores the message on the standard input in the Maildir that is named: in tmp first, then in new.
set -eu
file=$(mktemp "$1/tmp/$(date +%s).XXXXXXXXXX")
cat > "$file"
mv "$file" "$1/new/"
