# Sourced by the other scripts: makes .venv and puts into it, and from Debian, what is missing.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s\n' "framecache: $*" >&2; }

# Installs Debian packages as root, or names the command that does.
install_from_debian() {
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing from Debian: $*"
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
  else
    say "something is missing here; on Debian this installs it:"
    say "  sudo apt-get update && sudo apt-get install -y $*"
    exit 1
  fi
}

find_python() {
  local candidate
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
      command -v "$candidate"
      return
    fi
  done
}

# make_venv [EXTRA,...] makes .venv and installs framecache with the extras, unless it is there already.
make_venv() {
  local extras=${1:-} python mark
  mark=".venv/.installed-${extras:-core}"
  if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c '' 2>/dev/null; then
    python=$(find_python)
    if [ -z "$python" ]; then
      install_from_debian python3 python3-venv
      python=$(find_python)
    fi
    [ -n "$python" ] || { say "Python 3.11 or later is needed"; exit 1; }
    # Debian keeps what makes virtual environments in a package of its own.
    "$python" -c 'import ensurepip, venv' 2>/dev/null || install_from_debian python3-venv
    rm -rf .venv
    "$python" -m venv .venv
  fi
  if [ ! -e "$mark" ] || [ setup.cfg -nt "$mark" ] || [ pyproject.toml -nt "$mark" ]; then
    say "installing into .venv (once)"
    PYTHONWARNINGS=ignore .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".${extras:+[$extras]}"
    touch "$mark"
  fi
  # OpenCV's wheel draws windows, and needs two of the system's libraries even where none is opened.
  .venv/bin/python -c 'import cv2' 2>/dev/null || install_from_debian libgl1 libglib2.0-0
  .venv/bin/python -c 'import framecache'
}
