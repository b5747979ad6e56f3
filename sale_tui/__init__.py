"""sale-tui: local models bid for your task; the best value runs it."""

__version__ = "0.1.0"
