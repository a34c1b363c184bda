"""One database: the engine, the writer and its units of work, migrations."""

from strongroom.store.database import Store
from strongroom.store.unit import Participant, UnitOfWork

__all__ = ["Participant", "Store", "UnitOfWork"]
