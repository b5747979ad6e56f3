"""Calm colours, each with one meaning."""

from __future__ import annotations

from textual.theme import Theme

THEME = Theme(
    name="sale",
    primary="#7aa2d8",
    secondary="#8a93b0",
    accent="#c3a6e0",
    success="#86b87f",
    warning="#d9b265",
    error="#d9737a",
    foreground="#cfd5e3",
    background="#12151c",
    surface="#171b24",
    panel="#1d222d",
    dark=True,
    variables={
        "quiet": "#8d96ab",
        "faint": "#4d5566",
        "scrollbar": "#2b3343",
        "scrollbar-hover": "#3a455a",
        "scrollbar-active": "#4d5b76",
        "scrollbar-background": "#151922",
        "scrollbar-background-hover": "#151922",
        "scrollbar-background-active": "#151922",
        "scrollbar-corner-color": "#151922",
    },
)
