# What the system must have: Python >= 3.11 with venv, a C++ compiler, and on Linux bubblewrap. Sourced by setup.sh.

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    # The last one is Homebrew's, which a shell of macOS does not always have in its path.
    for candidate in python3 python3.13 python3.12 python3.11 python3.14 /opt/homebrew/bin/python3; do
        if command -v "$candidate" >/dev/null 2>&1 && is_new_enough "$candidate"; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

has_nvidia_gpu() {
    command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L 2>/dev/null | grep -q '^GPU'
}

find_nvcc() {
    command -v nvcc || { [ -x /usr/local/cuda/bin/nvcc ] && echo /usr/local/cuda/bin/nvcc; }
}

has_compiler() {
    command -v c++ >/dev/null 2>&1 || command -v g++ >/dev/null 2>&1 || command -v clang++ >/dev/null 2>&1
}

# Python's own venv needs ensurepip, which Debian and Ubuntu pack apart.
has_venv() {
    "$1" -c 'import venv, ensurepip' 2>/dev/null
}

package_manager() {
    for manager in apt-get dnf pacman zypper brew; do
        if command -v "$manager" >/dev/null 2>&1; then
            echo "$manager"
            return 0
        fi
    done
    return 1
}

# package_of MANAGER NEED: what that manager calls it.
package_of() {
    case $1:$2 in
        apt-get:python) if apt-cache show python3.12 >/dev/null 2>&1; then echo python3.12 python3.12-venv
                        elif apt-cache show python3.11 >/dev/null 2>&1; then echo python3.11 python3.11-venv
                        else echo python3 python3-venv; fi ;;
        apt-get:venv) "$found" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])' ;;
        apt-get:compiler) echo g++ ;;
        dnf:python) echo python3.12 ;;
        zypper:python) echo python312 ;;
        brew:python) echo python@3.13 ;;
        pacman:python) echo python ;;
        dnf:compiler | zypper:compiler) echo gcc-c++ ;;
        pacman:compiler) echo gcc ;;
        brew:compiler) echo gcc ;;
        *:venv) ;;
        *) echo "$2" ;;
    esac
}

install_line() {
    case $1 in
        apt-get) echo "apt-get install -y --no-install-recommends" ;;
        dnf) echo "dnf install -y" ;;
        pacman) echo "pacman -S --needed --noconfirm" ;;
        zypper) echo "zypper --non-interactive install" ;;
        brew) echo "brew install" ;;
    esac
}

# Empty for root and Homebrew, `sudo -n` where that asks no password; fails where we may not install.
privilege() {
    if [ "$1" = brew ] || [ "$(id -u)" -eq 0 ]; then
        return 0
    fi
    command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null && echo "sudo -n"
}

list_missing() {
    found=$(find_python) || found=
    if [ -z "$found" ]; then
        echo python
    elif ! has_venv "$found"; then
        echo venv
    fi
    has_compiler || echo compiler
    if [ "$system" = Linux ] && ! command -v bwrap >/dev/null 2>&1; then
        echo bubblewrap
    fi
}

# Installs what is missing where it may; require_system then says what is missing still.
provide_system() {
    missing=$(list_missing | xargs)
    [ -n "$missing" ] || return 0
    echo "missing: $missing"
    manager=$(package_manager) && sudo=$(privilege "$manager") || return 0
    [ "$manager" != apt-get ] || $sudo apt-get update || :
    # shellcheck disable=SC2046,SC2086  # lists of words
    DEBIAN_FRONTEND=noninteractive $sudo $(install_line "$manager") $(packages_for "$manager" $missing) || :
}

packages_for() {
    found=$(find_python) || found=
    packaging=$1
    shift
    for need in "$@"; do
        package_of "$packaging" "$need"
    done
}

in_words() {
    separator=
    for need in "$@"; do
        case $need in
            python) need='Python 3.11 or newer' ;;
            venv) need="Python's venv" ;;
            compiler) need='a C++ compiler' ;;
        esac
        printf '%s%s' "$separator" "$need"
        separator=', '
    done
}

# One line that says what is missing and what to type. Without bubblewrap alone the app runs, but offers no python tool.
require_system() {
    missing=$(list_missing | xargs)
    [ -n "$missing" ] || return 0
    if manager=$(package_manager); then
        # shellcheck disable=SC2086  # a list of words
        cure="sudo $(install_line "$manager") $(packages_for "$manager" $missing | xargs)"
    else
        cure="install it with your system's package manager"
    fi
    case "$system $manager" in
        Darwin*) cure='xcode-select --install; and Python 3.11 or newer from python.org or Homebrew' ;;
    esac
    # shellcheck disable=SC2086  # a list of words
    if [ "$missing" = bubblewrap ]; then
        say "    bubblewrap is missing, so code of the models cannot run here; type: $cure"
    else
        fail "this system lacks $(in_words $missing); type: $cure"
    fi
}
