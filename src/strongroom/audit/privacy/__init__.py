"""Privacy: what is held of somebody, and forgetting it without touching the evidence."""
