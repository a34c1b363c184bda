"""Events of the audit system itself: the watchers are watched."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.audit.events.event import Event, Level, Outcome, Stream, declare


@declare("application_started", stream=Stream.OPS, levels=Level.INFO)
class ApplicationStarted(Event):
    """A process of the application began to serve."""


@declare("application_stopped", stream=Stream.OPS, levels=Level.INFO)
class ApplicationStopped(Event):
    """A process of the application stopped in good order."""


@declare("logs_viewed", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO})
class LogsViewed(Event):
    """Somebody searched the records or opened one."""

    count: int
    extra: Mapping[str, object] | None = None


@declare("logs_view_failed", stream=Stream.AUDIT, levels={Outcome.FAILED: Level.WARNING})
class LogsViewFailed(Event):
    """A search that could not be understood, or a record that is not there."""

    reason: str


@declare("logs_viewed_unrecorded", stream=Stream.OPS, levels={Outcome.FAILED: Level.ERROR})
class LogsViewedUnrecorded(Event):
    """Somebody looked at the logs while the audit stream could not be written."""


@declare("log_export_started", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO})
class LogExportStarted(Event):
    """Records begin to leave; ``extra`` says which, and in which format.

    Durable before the first of them does, so that an export which a crash cuts off is known too.
    """

    extra: Mapping[str, object]


@declare(
    "logs_exported",
    stream=Stream.AUDIT,
    levels={Outcome.SUCCESS: Level.INFO, Outcome.FAILED: Level.WARNING},
)
class LogsExported(Event):
    """An export of records ended; failed where it was refused, cut off, or is not whole.

    ``count``, ``file_size_bytes`` and ``sha256`` are of what was exported, also where it was cut off;
    ``extra`` says which records were asked for, in which format, and which are missing.
    """

    outcome: Outcome
    reason: str | None = None
    count: int
    file_size_bytes: int | None = None
    sha256: str | None = None
    extra: Mapping[str, object]


@declare("records_dropped", stream=Stream.OPS, levels={Outcome.FAILED: Level.ERROR})
class RecordsDropped(Event):
    """Records of the ops stream were lost because the journal could not be written."""

    count: int


@declare("message_logged", stream=Stream.OPS, levels=Level.INFO)
class MessageLogged(Event):
    """A library logged a sentence through the standard library, at a level of its own."""

    extra: Mapping[str, object]


@declare("import_started", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO})
class ImportStarted(Event):
    """The first records of an import came into the stream imported."""

    extra: Mapping[str, object]


@declare(
    "records_imported",
    stream=Stream.AUDIT,
    levels={Outcome.SUCCESS: Level.INFO, Outcome.FAILED: Level.ERROR},
)
class RecordsImported(Event):
    """An import of other programs' logs ended; failed where it did not come to its end."""

    outcome: Outcome
    count: int
    extra: Mapping[str, object]


@declare("records_pruned", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO})
class RecordsPruned(Event):
    """Records were deleted since a rule of retention says so.

    ``extra`` has their stream and numbers, the rule, how far each stream was pruned before, and of
    audit records the root of the tree over their entries, whose hashes stay.
    """

    count: int
    extra: Mapping[str, object]


@declare("network_dropped", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO})
class NetworkDropped(Event):
    """Addresses and agents of old audit records were deleted since a rule of retention says so.

    ``extra`` has their numbers.
    """

    count: int
    extra: Mapping[str, object]


@declare("hold_placed", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO})
class HoldPlaced(Event):
    """Records must be kept until a hold is released; ``extra`` says which, and who placed it."""

    filename: str | None = None
    extra: Mapping[str, object]


@declare("hold_released", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO})
class HoldReleased(Event):
    """A hold holds no more; ``extra`` says which, and who released it."""

    extra: Mapping[str, object]


@declare("forgetting_started", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO})
class ForgettingStarted(Event):
    """From here on records lose what is personal in them, since somebody is to be forgotten.

    ``extra`` has how many parts, and the digest of the exact list of sequence numbers: no other
    record may lose anything because of it.
    """

    count: int
    target_user_id: str | None = None
    extra: Mapping[str, object]


@declare("person_forgotten", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO})
class PersonForgotten(Event):
    """Nothing that was to be forgotten was found any more in any file of the installation.

    ``extra`` has the same as when it was started.
    """

    count: int
    extra: Mapping[str, object]


@declare("privacy_reported", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO})
class PrivacyReported(Event):
    """Somebody was told all that is held about a person, or about an address."""

    count: int
    target_user_id: str | None = None
    extra: Mapping[str, object]
