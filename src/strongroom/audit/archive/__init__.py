"""Immutable segments of records: their columns, their files, and the index of them."""
