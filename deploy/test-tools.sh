#!/usr/bin/env bash
# Tools that some tests use and pip cannot bring: Chromium (the pages), Dovecot (a real IMAP server), HAProxy, Node (stock
# clients of our streams and webhooks). Says what it installs, or what the tests go without. Quick when all is there.
set -euo pipefail

# find TOOL: Debian keeps servers in sbin, which is not on every PATH.
find_tool() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" 2>/dev/null; }

missing=()
need() { # need TOOL PACKAGE WHAT
    local where
    if where=$(find_tool "$1"); then
        echo "    $1: $where"
    else
        missing+=("$1|$2|$3")
    fi
}

need chromium chromium "the tests of the pages in a browser"
need dovecot dovecot-imapd "the tests against a real IMAP server"
need node nodejs "the tests of stock clients in Node"
need haproxy haproxy "the tests behind the load balancer"

[ ${#missing[@]} -eq 0 ] && exit 0

packages=()
for entry in "${missing[@]}"; do
    IFS='|' read -r _ package _ <<<"$entry"
    packages+=("$package")
done

if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
    echo "    installing with apt-get: ${packages[*]}"
    log=$(mktemp)
    if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
        echo "    apt-get did not succeed; its last lines:"
        tail -n 5 "$log" | sed 's/^/        /'
    fi
    rm -f "$log"
else
    echo "    not installing ${packages[*]}: that needs apt-get and root"
fi

for entry in "${missing[@]}"; do
    IFS='|' read -r tool package what <<<"$entry"
    if where=$(find_tool "$tool"); then
        echo "    $tool: $where (installed)"
    else
        echo "    $tool: NOT FOUND, so $what are skipped (package $package)"
    fi
done
