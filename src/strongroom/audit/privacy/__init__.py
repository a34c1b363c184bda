"""Privacy: what is held of somebody, and forgetting it without touching the evidence."""

from strongroom.audit.privacy.forgetting import Forgetter, Outcome, Scope
from strongroom.audit.privacy.subject import Address, Person, Subject

__all__ = ["Address", "Forgetter", "Outcome", "Person", "Scope", "Subject"]
