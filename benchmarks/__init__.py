"""Measurements of the product and of the choices behind it; nothing here is imported by it."""
