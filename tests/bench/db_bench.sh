#!/bin/sh
# Conversions by our cvt_cyrusdb and by the real one, on the same records; prints seconds and ratios.
#   tests/bench/db_bench.sh BUILD [RECORDS [ROOTS]]
# BUILD/bin has our programs, $CYRKIT_ORACLE or BUILD/oracle the real ones ("run PROGRAM ARGS"). As root, $CYRUS_USER
# (default nobody) is who the real programs run as.
set -eu
build=$(cd "$1" && pwd)
records=${2:-1000000}
roots=${3:-20000}
oracle=${CYRKIT_ORACLE:-$build/oracle}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/conf/db" "$work/spool"
printf '\000\000\000\001' >"$work/conf/db/skipstamp"
cat >"$work/imapd.conf" <<EOF
configdirectory: $work/conf
partition-default: $work/spool
EOF
CYRUS_USER=${CYRUS_USER:-nobody}
export CYRUS_USER
# Mailbox names and values of about the size that mailboxes.db has; plain ASCII, sorted for every order.
awk -v n="$records" 'BEGIN { for (i = 0; i < n; i++)
  printf "user%08d\t%%(I uniqueid%08d P default V 1795327063 C 1 F 3 M 1795327114 A %%(user%08d lrswipkxtecdan))\n", i, i, i }' \
  >"$work/a.flat"
if [ "$(id -u)" = 0 ]; then chown -R "$CYRUS_USER" "$work"; fi

seconds() { # COMMAND...: run it, seconds to stdout
  start=$(date +%s.%N)
  "$@" >"$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }
  date +%s.%N | awk -v start="$start" '{ printf "%.2f", $1 - start }'
}
compare() { # FROM KIND TO KIND: both programs into new files
  rm -f "$work/$3.ours" "$work/$3.real"
  ours=$(seconds "$build/bin/cvt_cyrusdb" -q -C "$work/imapd.conf" "$work/$1" "$2" "$work/$3.ours" "$4")
  real=$(seconds "$oracle/run" cvt_cyrusdb -C "$work/imapd.conf" "$work/$1" "$2" "$work/$3.real" "$4")
  grep -q 'Conversion failed' "$work/out" && { echo "the real cvt_cyrusdb failed: $2 to $4" >&2; exit 1; }
  printf '%-12s %-12s %9s %9s %8s\n' "$2" "$4" "$ours" "$real" "$(echo "$ours $real" | awk '{ printf "%.1fx", $2 / $1 }')"
}
printf '%s records\n%-12s %-12s %9s %9s %8s\n' "$records" from to "ours s" "real s" faster
compare a.flat flat b twoskip
compare b.ours twoskip c skiplist
compare c.ours skiplist d flat
compare b.ours twoskip e flat
compare d.ours flat f skiplist
compare f.ours skiplist g twoskip
cmp "$work/d.ours" "$work/a.flat" || { echo "records changed" >&2; exit 1; }

echo "$roots quota roots"
awk -v n="$roots" 'BEGIN { for (i = 0; i < n; i++) printf "user.q%08d\t%%(S (%d 1000) M (1) AS (0) NF (1) MODSEQ 3)\n", i, i }' >"$work/q.flat"
mkdir -p "$work/ours" "$work/real"
if [ "$(id -u)" = 0 ]; then chown -R "$CYRUS_USER" "$work"; fi
ours=$(seconds "$build/bin/cvt_cyrusdb" -q -C "$work/imapd.conf" "$work/q.flat" flat "$work/ours/quota" quotalegacy)
real=$(seconds "$oracle/run" cvt_cyrusdb -C "$work/imapd.conf" "$work/q.flat" flat "$work/real/quota" quotalegacy)
printf '%-12s %-12s %9s %9s %8s\n' flat quotalegacy "$ours" "$real" "$(echo "$ours $real" | awk '{ printf "%.1fx", $2 / $1 }')"
compare real/quota quotalegacy h twoskip
