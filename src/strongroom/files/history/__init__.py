"""A file's history, for auditors: every act on it, the proof of each, and what became of its bytes."""

from strongroom.files.history.pages import history, history_of

__all__ = ["history", "history_of"]
