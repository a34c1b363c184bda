"""Records leave in every format, whole and in order, or it is said what is missing."""
