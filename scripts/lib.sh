# Shared by the scripts beside it; sourced, not run. Bash, with errors fatal.
# shellcheck shell=bash
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

note() { printf '\033[1m%s\033[0m\n' "-- $*" >&2; }
[ -t 2 ] || note() { printf '%s\n' "-- $*" >&2; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# Runs a command as root: as it is, or with sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "needs root (or sudo) for: $*"
  fi
}

# Names in the lists scripts/packages/NAME.txt.
package_list() {
  local list
  for list in "$@"; do
    sed 's/#.*//' "$top/scripts/packages/$list.txt"
  done | awk '{ for (i = 1; i <= NF; i++) print $i }'
}

# Those of the packages on standard input that are not installed.
missing_packages() {
  local package
  while read -r package; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
  done
}

# Runs a command quietly; its output is shown only when it fails.
quietly() {
  local log
  log=$(mktemp)
  if ! "$@" </dev/null >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@"
}

# True when apt knows a version of each package.
apt_knows() {
  local package
  for package in "$@"; do
    apt-cache show --no-all-versions "$package" >/dev/null 2>&1 || return 1
  done
}

# Installs what is missing of the lists; without need for root when nothing is.
install_packages() {
  local missing
  mapfile -t missing < <(package_list "$@" | missing_packages)
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "not a Debian system; please install: ${missing[*]}"
  note "installing ${missing[*]}"
  # A list that is older than the archive points to files that are gone: then it is fetched anew, once.
  if ! apt_knows "${missing[@]}"; then
    quietly apt_get update || die "apt-get update failed"
    quietly apt_get install --no-install-recommends "${missing[@]}" || die "could not install: ${missing[*]}"
  elif ! quietly apt_get install --no-install-recommends "${missing[@]}" 2>/dev/null; then
    quietly apt_get update || die "apt-get update failed"
    quietly apt_get install --no-install-recommends "${missing[@]}" || die "could not install: ${missing[*]}"
  fi
}

# Compilers at the same time: one a core, but not more than one a GiB of free memory.
job_count() {
  local cores free
  cores=$(nproc)
  free=$(awk '/^MemAvailable:/ { print int($2 / 1048576) }' /proc/meminfo)
  [ "$free" -ge 1 ] || free=1
  echo $((cores < free ? cores : free))
}

# build PRESET [TARGET...]: configures when needed and builds into build/PRESET. Uses ccache when it is there.
build() {
  local preset=$1 launcher=() targets=()
  shift
  # Precompiled headers and ccache get along only so.
  export CCACHE_SLOPPINESS=pch_defines,time_macros
  if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
  if [ $# -gt 0 ]; then targets=(--target "$@"); fi
  (cd "$top" && quietly cmake --preset "$preset" "${launcher[@]}") || die "cmake --preset $preset failed"
  (cd "$top" && cmake --build --preset "$preset" --parallel "$(job_count)" "${targets[@]}")
}
