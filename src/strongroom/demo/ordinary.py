"""What happens in the clinic every day: people and programs list and download, and now and then fail."""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from strongroom.accounts.events import LoginFailed, LoginSucceeded
from strongroom.audit.events import Outcome
from strongroom.audit.events.ledger import Heartbeat
from strongroom.audit.events.web import AccessDenied
from strongroom.demo.cabinet import CLINICAL, OFFICE, Cabinet, File
from strongroom.demo.drawing import Skewed
from strongroom.demo.people import ANA, BEN, LENA, MIA, PEOPLE, TOM, Person
from strongroom.demo.week import DAY, DAYS, HOUR, MINUTE, Visit, Visitor, Week, make
from strongroom.files.events import DownloadFailed, FilesListed, VersionsListed

_HOURS: Final = (1, 1, 1, 1, 1, 2, 8, 30, 70, 90, 95, 80, 45, 70, 85, 80, 60, 30, 12, 6, 4, 3, 2, 1)
"""How much happens in each hour of the day, compared with the others."""

_HOUR_SUMS: Final = tuple(accumulate(_HOURS))
_WEEKEND: Final = 0.2
_PROGRAM_SHARE: Final = 0.3
_PROGRAM: Final = "lab-interface/2.4"
_PROGRAM_ADDRESS: Final = "10.4.0.20"
_READERS: Final = frozenset((ANA, TOM, MIA, BEN, LENA))
"""Who may read what is clinical."""


class Ordinary:
    """Fills a week with ordinary visits.

    :param files: that nothing happens to but that they are read
    """

    def __init__(self, week: Week, cabinet: Cabinet, files: Sequence[File]) -> None:
        self._week = week
        self._cabinet = cabinet
        self._files = files
        self._skewed = Skewed(len(files), 0.6)
        self._counts = Counter(file.folder for file in files)
        self._busy = [one for one in PEOPLE if one.share]
        self._shares = tuple(accumulate(one.share for one in self._busy))
        self._days = self._day_sums()
        self._sessions: dict[tuple[Person, int], tuple[str, int]] = {}

    def fill(self, records: int) -> None:
        """Visits until there are about so many records; a heartbeat an hour comes on top."""
        week = self._week
        while len(week.records) < records:
            moment = self._moment()
            if moment is None:
                continue
            if week.source.random() < _PROGRAM_SHARE:
                self._program(moment)
            else:
                self._person(moment)
        self._sign_in()
        first = week.at(DAYS, 0)
        for moment in range(first, week.end, HOUR):
            week.by_itself(moment, Heartbeat())

    def session(self, person: Person, moment: int) -> str:
        """The session that somebody has on that day; it began before the first of its visits."""
        day = moment // DAY
        known = self._sessions.get((person, day))
        session_id, first = known or (self._week.new_id(day * DAY), moment)
        self._sessions[person, day] = session_id, min(first, moment)
        return session_id

    def _day_sums(self) -> tuple[float, ...]:
        """The share of each day, the oldest first; 1970-01-01 was a Thursday."""
        today = self._week.midnight // DAY
        days = range(today - DAYS, today + 1)
        return tuple(accumulate(_WEEKEND if day % 7 in (2, 3) else 1.0 for day in days))

    def _moment(self) -> int | None:
        source, week = self._week.source, self._week
        days_ago = DAYS - bisect(self._days, source.random() * self._days[-1])
        hour = bisect(_HOUR_SUMS, source.random() * _HOUR_SUMS[-1])
        moment = week.at(days_ago, hour + source.random())
        # All that is there was stored in the first morning.
        return moment if week.at(DAYS, 8.5) < moment < week.end - MINUTE else None

    def _program(self, moment: int) -> None:
        visitor = Visitor(ANA, _PROGRAM_ADDRESS, _PROGRAM, token_id=ANA.token_id)
        make(self._week, moment, visitor, self._read(moment, ANA, 0.35))

    def _person(self, moment: int) -> None:
        source = self._week.source
        person = self._busy[bisect(self._shares, source.random() * self._shares[-1])]
        visitor = Visitor(person, person.desk, person.agent, self.session(person, moment))
        make(self._week, moment, visitor, self._read(moment, person, 0.55))

    def _read(self, moment: int, person: Person, downloads: float) -> Visit:
        """Something that somebody reads, or would like to."""
        file, luck = self._files[self._skewed.draw(self._week.source)], self._week.source.random()
        closed = file.folder.startswith((CLINICAL, OFFICE)) and person not in _READERS
        if closed or (file.folder == OFFICE and person is not ANA):
            if luck > 0.04 or moment > self._week.bad_night:  # they know by now
                return self._listing("/Rota", luck)
            return _missed(file, "permission_missing")
        if luck < downloads:
            size = len(file.now.document.content)
            return Visit("GET", file.path, 200, (self._cabinet.download(file),), sent=size)
        if luck < downloads + 0.1:
            return Visit("GET", file.path, 304, sent=0)
        if luck > 0.995:
            return Visit("GET", "/admin/users", 403, (_DENIED,)) if person is not ANA else _HOME
        if luck > 0.985:
            return _missed(file, "file_not_found", f"old {file.name}")
        if luck > 0.96:
            seen = VersionsListed(file_id=file.file_id, filename=file.name, count=1)
            return Visit("GET", f"/files/{file.file_id}/versions", 200, (seen,), sent=9_400)
        return self._listing(file.folder, luck)

    def _listing(self, folder: str, luck: float) -> Visit:
        count = self._counts[folder]
        listed = FilesListed(count=count, folder=folder, folder_id=self._cabinet.folders[folder])
        size = 8_000 + count * 1_100 + int(luck * 100)
        return Visit("GET", "/files", 200, (listed,), sent=size)

    def _sign_in(self) -> None:
        """The beginning of each session; now and then somebody mistypes."""
        source = self._week.source
        for (person, _day), (session_id, first) in self._sessions.items():
            visitor = Visitor(None, person.desk, person.agent)
            moment = first - source.randrange(20, 50) * 1_000_000
            if source.random() < 0.12:
                wrong = LoginFailed(
                    reason="sign_in_failed", status=401, target_user_id=person.user_id
                )
                make(
                    self._week,
                    moment - 9_000_000,
                    visitor,
                    Visit("POST", "/sign-in", 401, (wrong,)),
                )
            entered = LoginSucceeded(target_user_id=person.user_id, target_session_id=session_id)
            make(self._week, moment, visitor, Visit("POST", "/sign-in", 303, (entered,)))


_DENIED: Final = AccessDenied(reason="permission_missing", status=403, missing="accounts:manage")
_HOME: Final = Visit("GET", "/admin/users", 200, sent=14_000)


def _missed(file: File, reason: str, name: str | None = None) -> Visit:
    """A download that comes to nothing."""
    name = name or file.name
    failed = DownloadFailed(
        outcome=Outcome.DENIED, reason=reason, status=404, filename=name, folder=file.folder
    )
    return Visit("GET", f"/api/v1/files{file.folder}/{name}", 404, (failed,))
