"""Backup and restore, without a server."""
