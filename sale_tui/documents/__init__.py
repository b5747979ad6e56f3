"""The user's own documents: read, kept in an index that outlives the session, found by words and by meaning."""
