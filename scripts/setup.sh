#!/usr/bin/env bash
# Make .venv ready: system libraries, a Python, the plugin and (as first argument) a dependency
# group. Does nothing when nothing has changed since the last time.
set -euo pipefail
cd "$(dirname "$0")/.."
group="${1:-}"

# "what to look for" "Debian package that has it"; Qt's xcb plugin, Mesa and the virtual screen
needed=(
  "xvfb-run xvfb" "xauth xauth"
  "libGL.so.1 libgl1" "libEGL.so.1 libegl1" "libOpenGL.so.0 libopengl0"
  "libGLX_mesa.so.0 libglx-mesa0" "libEGL_mesa.so.0 libegl-mesa0"
  "libglib-2.0.so.0 libglib2.0-0" "libdbus-1.so.3 libdbus-1-3"
  "libfontconfig.so.1 libfontconfig1" "libfreetype.so.6 libfreetype6"
  "libxkbcommon.so.0 libxkbcommon0" "libxkbcommon-x11.so.0 libxkbcommon-x11-0"
  "libX11-xcb.so.1 libx11-xcb1" "libxcb-cursor.so.0 libxcb-cursor0"
  "libxcb-icccm.so.4 libxcb-icccm4" "libxcb-image.so.0 libxcb-image0"
  "libxcb-keysyms.so.1 libxcb-keysyms1" "libxcb-randr.so.0 libxcb-randr0"
  "libxcb-render-util.so.0 libxcb-render-util0" "libxcb-render.so.0 libxcb-render0"
  "libxcb-shape.so.0 libxcb-shape0" "libxcb-shm.so.0 libxcb-shm0"
  "libxcb-sync.so.1 libxcb-sync1" "libxcb-xfixes.so.0 libxcb-xfixes0"
  "libxcb-xinerama.so.0 libxcb-xinerama0" "libxcb-xkb.so.1 libxcb-xkb1"
)

suitable() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1
}

version() {
  "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

complete() {
  "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

find_python() {
  local name
  for name in ${PYTHON:-python3.13 python3.12 python3.11 python3.10 python3 python}; do
    if suitable "$name"; then
      echo "$name"
      return
    fi
  done
}

is_debian_root() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null
}

# On Debian as root: install. Elsewhere: say in one line what is missing, and go on.
system_packages() {
  if [ $# = 0 ]; then
    return
  elif is_debian_root; then
    echo "Installing system packages: $*"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
  elif command -v apt-get >/dev/null; then
    echo "Missing system packages; install them with: sudo apt-get install $*" >&2
  else
    echo "Missing system libraries; install what your distribution calls: $*" >&2
  fi
}

missing_libraries() {
  local libraries entry
  libraries="$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null || true)"
  for entry in "${needed[@]}"; do
    if ! command -v "${entry% *}" >/dev/null && [[ "$libraries" != *"${entry% *} "* ]]; then
      echo "${entry#* }"
    fi
  done
}

stamp=".venv/.set-up${group:+-$group}"
state="$(cat pyproject.toml scripts/setup.sh | cksum) $PWD ${PYTHON:-}"
if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$state" ]; then
  exit 0
fi

if [ "$(uname -s)" = Linux ]; then
  # shellcheck disable=SC2046  one word a package
  system_packages $(missing_libraries)
fi

wanted="$(version "${PYTHON:-.venv/bin/python}")"
if ! suitable .venv/bin/python || [ "$wanted" != "$(version .venv/bin/python)" ]; then
  python="$(find_python)"
  if [ -z "$python" ] && [ -z "${PYTHON:-}" ]; then
    system_packages python3 python3-venv
    python="$(find_python)"
  fi
  if [ -z "$python" ]; then
    echo "Python 3.10 or newer is needed${PYTHON:+; $PYTHON is not}." >&2
    exit 1
  fi
  if ! complete "$python"; then
    # Debian keeps venv apart, one package for every version
    system_packages "python$(version "$python")-venv"
  fi
  "$python" -m venv --clear .venv
fi

echo "Setting up .venv (the first time this takes some minutes) ..."
# gigabytes may come down: a person at a terminal wants to see that they do
quiet=$([ -t 1 ] || echo --quiet)
.venv/bin/python -m pip install --quiet --upgrade "pip>=25.1"
.venv/bin/python -m pip install $quiet --editable ".[all]" ${group:+--group "$group"}
echo "$state" >"$stamp"
