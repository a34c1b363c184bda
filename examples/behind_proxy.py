"""An application behind a reverse proxy, with a logging set-up of its own that stays as it is.

    gunicorn --bind 127.0.0.1:8000 'examples.behind_proxy:create_app()'

One proxy in front of it sets ``X-Forwarded-For`` and ``X-Forwarded-Proto``. What the application
prints, through ``logging`` and through structlog, is exactly what it printed before ``AuditLog`` was
added; the records come on top. The viewer is for those who know the word.
"""

from __future__ import annotations

import hmac
import logging
import os
from logging.config import dictConfig

import structlog
from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

from strongroom import AuditLog

log = structlog.get_logger("invoices")

SHARED = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
]


def configure_logging() -> None:
    """One format for structlog's events and for the messages of libraries."""
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": SHARED,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
    }
    dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": formatter},
            "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"handlers": ["out"], "level": "INFO"},
        }
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def may_read_logs() -> bool:
    """Whether this request comes from somebody who knows the word. (Use your own sign-in.)"""
    word = os.environ.get("LOGS_WORD", "")
    given = request.authorization.password if request.authorization else None
    return bool(word) and hmac.compare_digest((given or "").encode(), word.encode())


def create_app(instance: str | None = None, *, audited: bool = True) -> Flask:
    """The application; without ``audited`` it is what it was before."""
    configure_logging()
    app = Flask(__name__, instance_path=instance)
    # How many proxies to believe is for whoever knows them to say; a header alone proves nothing.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]  # as Flask documents it
    if audited:
        AuditLog(app, allow_viewer=may_read_logs)

    @app.post("/invoices/<int:number>/pay")
    def pay(number: int) -> dict[str, int]:
        log.info("invoice_paid", invoice_id=number)
        logging.getLogger("bank").warning("transfer %d is slow", number)
        log.debug("not_printed")
        return {"paid": number}

    @app.get("/fail")
    def fail() -> str:
        try:
            raise ValueError("no money")
        except ValueError:
            log.exception("payment_failed")
        return "failed, and said so"

    return app
