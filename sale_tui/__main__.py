"""``python -m sale_tui``."""

from sale_tui.cli import main

main()
