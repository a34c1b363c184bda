"""The query language: reading and printing it, and what it finds."""
