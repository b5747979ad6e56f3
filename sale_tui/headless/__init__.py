"""The command line's front end: text on stderr, data on stdout, exit codes."""
