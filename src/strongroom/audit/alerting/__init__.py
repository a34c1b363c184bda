"""Alerts: critical records are told at once, to a webhook or by mail."""

from strongroom.audit.alerting.mail import Mail
from strongroom.audit.alerting.message import Alert, Message, trial
from strongroom.audit.alerting.outbox import Destination
from strongroom.audit.alerting.thread import Alerting, Alerts
from strongroom.audit.alerting.webhook import Webhook

__all__ = ["Alert", "Alerting", "Alerts", "Destination", "Mail", "Message", "Webhook", "trial"]
