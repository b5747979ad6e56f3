"""Bids, jury, refinement and award: paper.md section 1, over ports alone."""
