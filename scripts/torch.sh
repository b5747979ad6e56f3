# Which build of torch: without an NVIDIA GPU the CPU's, so that nobody downloads gigabytes of CUDA in vain. Sourced.

TORCH=2.13.0
TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu

# cpu_index_answers PYTHON: whether PyTorch's own index of CPU builds answers within seconds.
cpu_index_answers() {
    "$1" - "$TORCH_CPU_INDEX/torch/" <<'PROBE'
import sys
import urllib.request

try:
    urllib.request.urlopen(sys.argv[1], timeout=5).read(1)
except OSError:
    sys.exit(1)
PROBE
}

# install_torch PYTHON: into that Python's environment. Where the CPU index does not answer: the plain pin.
install_torch() {
    if "$1" -m pip show torch 2>/dev/null | grep -q "^Version: $TORCH"; then
        return 0
    fi
    if [ "$(uname -s)" = Linux ] && ! has_nvidia_gpu && cpu_index_answers "$1"; then
        "$1" -m pip install --extra-index-url "$TORCH_CPU_INDEX" "torch==$TORCH" && return 0
    fi
    "$1" -m pip install "torch==$TORCH"
}
