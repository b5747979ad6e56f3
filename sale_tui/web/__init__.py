"""The web: search engines, and pages fetched so that no private address is ever asked."""
