"""Backup and restore: a whole installation in a folder, taken while it runs, and put back with care.

Spans what the database, the archive and the object store keep; see docs/backup.md.
"""
