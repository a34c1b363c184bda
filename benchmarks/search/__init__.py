"""Search, sealing, size and export over many records."""
