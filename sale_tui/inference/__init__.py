"""Models: llama.cpp workers, the scripted model, pool files. Implements ``ports.ChatModel``."""
