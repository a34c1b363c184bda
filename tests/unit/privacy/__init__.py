"""Forgetting and reporting, on real databases and real segments."""
