"""The shell: the application, its base template, security headers, errors, health."""

from strongroom.web.app import create_app

__all__ = ["create_app"]
