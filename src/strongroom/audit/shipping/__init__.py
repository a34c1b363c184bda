"""Shipping: records go on to other systems, in order, from cursors over journal and archive.

There is no second queue that could lose something: what a destination has not taken yet is in the
journal or in segments, and a row in the database says how far it has come.
"""

from strongroom.audit.shipping.destination import Destination
from strongroom.audit.shipping.shipping import Shipping

__all__ = ["Destination", "Shipping"]
