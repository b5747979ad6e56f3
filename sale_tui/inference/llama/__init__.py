"""One worker process per GGUF file over llama.cpp's C API."""
