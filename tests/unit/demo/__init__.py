"""The made-up week."""
