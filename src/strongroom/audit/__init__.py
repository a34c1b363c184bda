"""The audit system: structured records, a journal, a viewer. Knows nothing of files."""
