# Read by CMake right after llama.cpp's own project() call; see scripts/setup.sh.

# We use the C API alone: without the command line tools' common library the build takes half the time.
set(LLAMA_BUILD_COMMON OFF)

# ggml's AMX kernels crash on quantised models (ggml-org/llama.cpp issue 20824); without them the repacked
# AVX-512 kernels are used. A compiler that does not know the flags does not know AMX either.
include(CheckCCompilerFlag)
foreach(unit tile int8 bf16)
    check_c_compiler_flag("-mamx-${unit}" COMPILER_KNOWS_AMX_${unit})
    if(COMPILER_KNOWS_AMX_${unit})
        string(APPEND CMAKE_C_FLAGS " -mno-amx-${unit}")
        string(APPEND CMAKE_CXX_FLAGS " -mno-amx-${unit}")
    endif()
endforeach()
