"""The search engine that the settings name."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from urllib.parse import urlsplit

from sale_tui.errors import ConfigurationFault
from sale_tui.web.engines import BraveEngine, DdgsEngine, Engine, SearxEngine, TavilyEngine
from sale_tui.web.keys import find_key, how_to_give

NO_DDGS = "pip install 'sale-tui[web]'"


def choose_engine(name: str, searxng_url: str = "", key_of: Callable[[str], str] = find_key) -> Engine | None:
    """The engine of that name; None for ``none``. Raises ConfigurationFault where something of it is missing."""
    match name:
        case "none":
            return None
        case "searxng":
            return SearxEngine(_checked(searxng_url))
        case "ddgs":
            if importlib.util.find_spec("ddgs") is None:
                raise ConfigurationFault("search_engine: the library ddgs is not installed", NO_DDGS)
            return DdgsEngine()
        case "brave" | "tavily":
            key = key_of(name)
            if not key:
                raise ConfigurationFault(f"search_engine: there is no key for {name}", how_to_give(name))
            return BraveEngine(key) if name == "brave" else TavilyEngine(key)
        case _:
            raise ConfigurationFault(f"search_engine: there is none named {name!r}", "see the README on web search")


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good:
        shown = f"{url[:80]!r} is no web address" if url else "it is not set"
        raise ConfigurationFault(f"searxng_url: {shown}", "give the address of your SearXNG: http://127.0.0.1:8080")
    return url
