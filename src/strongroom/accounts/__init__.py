"""People: accounts, sessions, tokens, sign-in, and their pages. Knows nothing of files."""
