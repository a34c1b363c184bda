"""Two WSGI servers side by side, for the work a file server gives them."""
