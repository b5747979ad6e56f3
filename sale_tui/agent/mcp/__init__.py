"""Tools of MCP servers that the user has listed: strangers' programs, in the sandbox unless they are trusted."""
