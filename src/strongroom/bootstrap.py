"""The only place that chooses implementations and puts the product together."""

from __future__ import annotations

import os
from dataclasses import dataclass

from flask import Flask

from strongroom import web
from strongroom.accounts import events as account_events
from strongroom.accounts.migrations import ACCOUNTS_SCHEMA
from strongroom.accounts.service import Accounts, Lifetimes
from strongroom.audit.alerting import Alerts, Mail, Webhook
from strongroom.audit.alerting import Destination as AlertDestination
from strongroom.audit.events import Catalogue, Stream
from strongroom.audit.extension import AUDIT_CATALOGUE, AuditLog
from strongroom.audit.ledger.signing import Signing
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.audit.pipeline.log_file import LogFile, Rotation
from strongroom.audit.pipeline.output import Output
from strongroom.audit.retention import Rules
from strongroom.audit.shipping import Destination
from strongroom.audit.shipping.opening import open_exporter
from strongroom.backup import events as backup_events
from strongroom.files import events
from strongroom.files.access import FileServer
from strongroom.files.blobs import Blobs
from strongroom.files.downloads import Downloads
from strongroom.files.migrations import FILES_SCHEMA
from strongroom.files.service import FileService
from strongroom.files.service.part import Limits
from strongroom.files.tus import events as tus_events
from strongroom.files.tus.uploads import ResumableUploads
from strongroom.files.upkeep import Upkeep
from strongroom.files.uploads import Uploads
from strongroom.objects import LocalObjects, ObjectStore
from strongroom.objects.local import sync_folder
from strongroom.settings import Settings
from strongroom.store import Store
from strongroom.store.migrate import migrate
from strongroom.version import __version__
from strongroom.web.app import audit_readers
from strongroom.web.health import COUNTED

SCHEMAS = (AUDIT_SCHEMA, FILES_SCHEMA, ACCOUNTS_SCHEMA)
OWN_CATALOGUE = Catalogue.of(events, tus_events, account_events, backup_events)
CATALOGUE = AUDIT_CATALOGUE | OWN_CATALOGUE
LAYOUT = "web/layout.html"
UPKEEP = "strongroom.upkeep"
"""Where the application keeps its :class:`~strongroom.files.upkeep.Upkeep`."""

SMALLEST_SHARE = 20
"""The disk reserve is at most this part of the disk."""


@dataclass(frozen=True, slots=True)
class Installation:
    """The storage of one installation, opened."""

    settings: Settings
    store: Store
    objects: ObjectStore

    @classmethod
    def open(cls, settings: Settings) -> Installation:
        """Open database and objects; creates what is missing, brings the schema up to date.

        :raises SettingsError: when a setting names something that cannot be used
        :raises OSError: when the data folder cannot be written
        """
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(settings.data.absolute().parent)
        store = Store(settings.database_url)
        migrate(store, *SCHEMAS)
        signing(settings).find_key(store)  # one that cannot be used is told now
        for destination in destinations(settings):
            open_exporter(destination)  # so are these; connects to nothing
        alerts(settings)  # and these
        return cls(settings, store, LocalObjects(settings.objects_folder))

    def audit(self) -> AuditLog:
        """The audit system on this storage, not yet bound to an application."""
        settings = self.settings
        return AuditLog(
            store=self.store,
            viewer="/logs",
            allow_viewer=audit_readers(settings),
            viewer_layout=LAYOUT,
            catalogue=OWN_CATALOGUE,
            counted=COUNTED,
            signing=signing(settings),
            output=output(settings, sweeps=True),
            audit_failure=settings.audit_failure,
            retention=retention(settings),
            destinations=destinations(settings),
            alerts=alerts(settings),
            name="strongroom",
            version=__version__,
        )

    def accounts(self, audit: AuditLog) -> Accounts:
        """Who may come in."""
        return Accounts(self.store, audit, lifetimes(self.settings))

    def files(self, audit: AuditLog, accounts: Accounts) -> FileService:
        """Folders and files."""
        return FileService(
            self.store,
            Blobs(self.objects),
            audit,
            accounts.still_valid,
            limits(self.settings, self.objects),
        )

    def resumable(self, files: FileService, audit: AuditLog) -> ResumableUploads:
        """Uploads that survive a lost connection."""
        return ResumableUploads(
            files,
            self.objects,
            self.store,
            audit,
            max_bytes=self.settings.max_upload_bytes,
            expiry=self.settings.upload_expiry,
        )

    def upkeep(self, files: FileService, resumable: ResumableUploads) -> Upkeep:
        """What is done in the background; the server starts it."""
        days = self.settings.scrub_days
        return Upkeep(self.store, self.objects, files, resumable, scrub_days=days)

    def app(self) -> Flask:
        """The application of one worker process."""
        audit = self.audit()
        accounts = self.accounts(audit)
        files = self.files(audit, accounts)
        max_bytes = self.settings.max_upload_bytes
        server = FileServer(
            files=files,
            uploads=Uploads(files, audit, max_bytes),
            resumable=self.resumable(files, audit),
            downloads=Downloads(files, audit),
            audit=audit,
            people=accounts.people_of_files,
        )
        app = web.create_app(
            self.settings, audit, server, None if self.settings.no_auth else accounts
        )
        app.extensions[UPKEEP] = self.upkeep(files, server.resumable)
        return app


def lifetimes(settings: Settings) -> Lifetimes:
    """How long sessions last."""
    return Lifetimes(settings.session_idle, settings.session_lifetime)


def limits(settings: Settings, objects: ObjectStore) -> Limits:
    """How much there may be. On a small disk the reserve is a part of it, and no more."""
    reserve = settings.disk_reserve_bytes
    if isinstance(objects, LocalObjects):
        disk = os.statvfs(settings.objects_folder)
        reserve = min(reserve, disk.f_blocks * disk.f_frsize // SMALLEST_SHARE)
    return Limits(settings.user_quota_bytes, reserve, settings.trash_days)


def signing(settings: Settings) -> Signing:
    """How the ledger of this installation is signed."""
    return Signing(
        origin=settings.origin,
        key=settings.ledger_key or str(settings.data.absolute() / "ledger.key"),
        copies=settings.checkpoint_copies,
        verify_seconds=settings.verify_every * 3600.0,
    )


def retention(settings: Settings) -> Rules:
    """What is deleted from the archive, and when."""
    return Rules(
        max_age={
            Stream.AUDIT: settings.audit_max_age,
            Stream.OPS: settings.ops_max_age,
            Stream.IMPORTED: settings.imported_max_age,
        },
        max_bytes={
            Stream.AUDIT: settings.audit_max_bytes,
            Stream.OPS: settings.ops_max_bytes,
            Stream.IMPORTED: settings.imported_max_bytes,
        },
        network_age=settings.audit_network_age,
    )


def destinations(settings: Settings) -> tuple[Destination, ...]:
    """Where records are sent.

    :raises SettingsError: when an address cannot be used
    """
    found = []
    for name, given in settings.shipping.items():
        values = given.model_dump(exclude={"begin", "streams"})
        streams = tuple(Stream(stream) for stream in given.streams)
        found.append(
            Destination(name, streams=streams, from_oldest=given.begin == "oldest", **values)
        )
    return tuple(found)


def alerts(settings: Settings) -> Alerts:
    """Who is told of critical records.

    :raises SettingsError: when a destination is none
    """
    destinations: list[AlertDestination] = []
    if settings.alert_webhook:
        destinations.append(Webhook(settings.alert_webhook))
    if settings.alert_mail:
        sender = settings.alert_mail_from or settings.alert_mail[0]
        destinations.append(Mail(settings.smtp_server, settings.alert_mail, sender))
    return Alerts(destinations, f"{settings.public_address}logs/")


def output(settings: Settings, *, sweeps: bool = False) -> Output:
    """Where this process prints records.

    :param sweeps: compress and remove rotated log files, in a thread; not for a process that forks
    """
    file = None
    if settings.log_path is not None:
        rotation = Rotation(
            settings.log_file_max_bytes,
            settings.log_file_max_age,
            settings.log_file_keep,
            settings.log_file_compress,
        )
        file = LogFile(settings.log_path, rotation, sweeps=sweeps)
    return Output(settings.log_format, settings.log_output, network=settings.log_network, file=file)


def create_app(settings: Settings) -> Flask:
    """The whole product as a WSGI application, for one worker process."""
    return Installation.open(settings).app()
