#!/bin/sh
# Sets up .venv for sale-tui on Linux or macOS: all of it the first time, nothing the second.
#
#   scripts/setup.sh [run|dev]     run: what the app needs (default)   dev: the tests' and linters' needs as well
#
# Installs what the system lacks (venv, a C++ compiler, bubblewrap) where it may, else says in one line what to type.
# The full log is .venv/setup.log. Plain POSIX sh: the shells of Debian and macOS both run it.
set -eu
export PATH="${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}"

profile=${1:-run}
case $profile in
    run) target='.' ;;
    dev) target='.[dev]' ;;
    *) echo "usage: scripts/setup.sh [run|dev]" >&2; exit 2 ;;
esac

cd "$(dirname "$0")/.."
root=$(pwd)
venv=$root/.venv
log=$venv/setup.log
system=$(uname -s)
. "$root/scripts/narrate.sh"
. "$root/scripts/system.sh"
. "$root/scripts/torch.sh"

# Everything that the result depends on; a stamp with this key says that there is nothing to do.
key=$({ cat pyproject.toml requirements.lock scripts/*.sh scripts/llama.cmake; uname -sm; echo "$root"; find_nvcc; has_nvidia_gpu && echo GPU; } \
    2>/dev/null | cksum | tr -d ' ')
if [ -x "$venv/bin/sale-tui" ] && [ "$system" = Linux ] && ! command -v bwrap >/dev/null 2>&1; then
    # Said at every start, not only at the first: without it the app offers no python tool.
    say "bubblewrap is missing, so code of the models cannot run here; install it, e.g.: sudo apt-get install bubblewrap"
fi
if [ -x "$venv/bin/sale-tui" ] && [ "$(cat "$venv/stamps/dev" 2>/dev/null)" = "$key" ]; then
    exit 0
fi
if [ -x "$venv/bin/sale-tui" ] && [ "$(cat "$venv/stamps/$profile" 2>/dev/null)" = "$key" ]; then
    exit 0
fi

pip() {
    "$venv/bin/python" -m pip --disable-pip-version-check --no-input "$@"
}

make_venv() {
    [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
    mkdir -p "$venv/stamps" "$venv/wheels"
    pip --version | grep -qE '^pip (2[4-9]|[3-9][0-9])' || pip install --upgrade 'pip>=24'
}

llama_requirement() {
    sed -n 's/^ *"\(llama-cpp-python==[^"]*\)".*/\1/p' pyproject.toml
}

# A wheel in .venv/wheels is reused as long as what it was built from is the same.
build_llama() {
    want="$(llama_requirement) $1 $(cksum <scripts/llama.cmake) $(uname -m) $("$venv/bin/python" -V)"
    if [ "$(cat "$venv/stamps/llama" 2>/dev/null)" = "$want" ] && ls "$venv"/wheels/llama_cpp_python-*.whl >/dev/null 2>&1; then
        return 0
    fi
    rm -f "$venv"/wheels/llama_cpp_python-*.whl
    # --no-cache-dir: a wheel that pip keeps from elsewhere was not built with these flags.
    CMAKE_ARGS="-DLLAVA_BUILD=OFF -DCMAKE_PROJECT_llama.cpp_INCLUDE='$root/scripts/llama.cmake' $1 ${CMAKE_ARGS:-}" \
        CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-$(getconf _NPROCESSORS_ONLN)}" \
        CUDACXX="${CUDACXX:-$(find_nvcc || :)}" \
        "$venv/bin/python" -m pip --disable-pip-version-check wheel -v --no-deps --no-cache-dir --no-binary llama-cpp-python -w "$venv/wheels" "$(llama_requirement)" || return 1
    pip install --no-index --no-deps --force-reinstall "$venv"/wheels/llama_cpp_python-*.whl || return 1
    printf '%s' "$want" >"$venv/stamps/llama"
}

build_llama_cuda_or_cpu() {
    build_llama '-DGGML_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES=native' && return 0
    echo "the CUDA build failed; building for the CPU"
    build_llama ''
}

# The locked versions first: what the tests ran with. An index that lacks one of them gets the newest that is allowed.
install_project() {
    pip install --find-links "$venv/wheels" --constraint requirements.lock --editable "$target" && return 0
    echo "the locked versions cannot all be had here; taking the newest allowed ones"
    pip install --find-links "$venv/wheels" --editable "$target"
}

# An environment that another Python made, or that lost its own, is of no use.
if [ -e "$venv/bin" ] && ! "$venv/bin/python" -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    rm -rf "$venv"
fi
mkdir -p "$venv"
: >"$log"
began=$(now)
say "Setting up sale-tui in .venv: about three minutes the first time."

step "1/5 looking at the system" provide_system
require_system
python=$(find_python)
step "2/5 making the virtual environment with $("$python" -V)" make_venv
step "3/5 installing torch" install_torch "$venv/bin/python"
case $system in
    Darwin)
        step "4/5 compiling llama.cpp for Metal, about two minutes" build_llama '-DGGML_METAL=ON' ;;
    *)
        if has_nvidia_gpu && find_nvcc >/dev/null; then
            step "4/5 compiling llama.cpp for this NVIDIA GPU, which takes a while" build_llama_cuda_or_cpu
        else
            if has_nvidia_gpu; then
                say "    an NVIDIA GPU is here but its compiler (nvcc) is not: llama.cpp will use the CPU; install CUDA and run make setup again"
            fi
            step "4/5 compiling llama.cpp, about two minutes" build_llama ''
        fi ;;
esac
step "5/5 installing sale-tui and its libraries" install_project
printf '%s' "$key" >"$venv/stamps/$profile"
say "Ready after $(elapsed "$began"). The log is .venv/setup.log."
