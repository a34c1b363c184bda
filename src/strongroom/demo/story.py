"""What happens in the week beside the ordinary: the first morning, some changes, and one bad night.

The bad night is what there is to find. Somebody far away tries passwords, in vain; then goes on with a
session that Tom has begun at his desk, takes the patients' files, opens the folder to everyone, and
deletes one file. Nothing in it is marked: it shows by what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from strongroom.accounts.events import LoginBlocked, LoginFailed
from strongroom.audit.events import Event
from strongroom.demo.cabinet import CLINICAL, OFFICE, Cabinet, File
from strongroom.demo.documents import documents, revised
from strongroom.demo.ordinary import Ordinary
from strongroom.demo.people import ANA, BEN, DMITRI, LENA, MIA, TOM, Person
from strongroom.demo.week import DAYS, HOUR, MINUTE, SECOND, Visit, Visitor, Week, make
from strongroom.files.events import FilesListed, FolderPermissionChanged

FAR_AWAY: Final = "203.0.113.77"
"""Where the bad night comes from; of a range for documentation (RFC 5737)."""

_SCRIPT: Final = "python-requests/2.32.3"
_CHANGED: Final = 8
"""Files, the last ones of the first morning, that are changed in the week."""


def first_morning(week: Week, cabinet: Cabinet) -> tuple[Sequence[File], Sequence[File]]:
    """Ana brings everything there is; the files that stay as they are, and those that are changed."""
    moment = week.at(DAYS, 8.0)
    visitor = Visitor(ANA, ANA.desk, "curl/8.14.1", token_id=ANA.token_id)
    every = list(documents(week.source))
    week.source.shuffle(every)
    stored = []
    for document in every:
        file, event = cabinet.store(moment, document, ANA)
        received = len(document.content)
        moment = make(week, moment, visitor, Visit("PUT", file.path, 201, (event,), 300, received))
        moment += week.source.randrange(2, 11) * SECOND
        stored.append(file)
    clinical = [file for file in stored if file.folder.startswith(CLINICAL)]
    changed = clinical[-_CHANGED:]
    return [file for file in stored if file not in changed], changed


def changes(week: Week, cabinet: Cabinet, ordinary: Ordinary, files: Sequence[File]) -> None:
    """Files are replaced, renamed, deleted by mistake and had back, and one is deleted for good."""
    for number, (file, days_ago) in enumerate(zip(files, (6, 6, 5, 5, 4, 4, 3, 3), strict=True)):
        person = (MIA, BEN, LENA)[number % 3]
        hands = _Hands(week, ordinary, person, week.at(days_ago, 9.3 + number * 0.7))
        hands.do("GET", file.path, 200, cabinet.download(file))
        document = revised(week.source, file.now.document)
        event = cabinet.replace(hands.moment, file, document, person)
        hands.do("PUT", file.path, 204, event, received=len(document.content))
        if number % 2:
            renamed = cabinet.rename(hands.moment, file, f"final {file.name}")
            hands.do("POST", "/files/rename", 303, renamed)
        if number % 3 == 0:
            hands.do("DELETE", file.path, 204, cabinet.trash(hands.moment, file, person))
            hands.do("POST", "/files/restore", 303, cabinet.restore(hands.moment, file))
        hands.do("GET", file.path, 200, cabinet.download(file))
    hands = _Hands(week, ordinary, ANA, week.at(4, 16.2))
    document = replace(files[0].now.document, folder=OFFICE, name="budget 2027 wrong.csv")
    file, stored = cabinet.store(hands.moment, document, ANA)
    hands.do("PUT", file.path, 201, stored, received=len(document.content))
    hands.do("DELETE", file.path, 204, cabinet.trash(hands.moment, file, ANA))
    hands.do("POST", "/trash/purge", 303, cabinet.purge(file))


def bad_night(week: Week, cabinet: Cabinet, ordinary: Ordinary, lost: File) -> None:
    """What there is to find.

    :param lost: the file that is deleted, which nobody reads afterwards
    """
    moment = week.bad_night
    stranger = Visitor(None, FAR_AWAY, _SCRIPT)
    for number in range(23):
        person = (LENA, MIA, TOM, DMITRI)[number % 4]
        wrong = LoginFailed(reason="sign_in_failed", status=401, target_user_id=person.user_id)
        blocked = LoginBlocked(reason="sign_in_blocked", status=429, target_user_id=person.user_id)
        event = wrong if number < 16 else blocked
        make(week, moment, stranger, Visit("POST", "/sign-in", event.status, (event,)))
        moment += week.source.randrange(3, 14) * SECOND
    stolen = ordinary.session(TOM, moment - 10 * HOUR)
    thief = Visitor(TOM, FAR_AWAY, _SCRIPT, stolen)
    moment += 11 * MINUTE
    patients = [file for file in cabinet.files if file.folder.startswith(CLINICAL)]
    for folder in sorted({file.folder for file in patients}):
        inside = [file for file in patients if file.folder == folder]
        folder_id = cabinet.folders[folder]
        listed = FilesListed(count=len(inside), folder=folder, folder_id=folder_id)
        moment = make(week, moment, thief, Visit("GET", "/api/v1/files", 200, (listed,), 5_200))
        for file in inside:
            size = len(file.now.document.content)
            visit = Visit("GET", file.path, 200, (cabinet.download(file),), size)
            moment = make(week, moment, thief, visit) + week.source.randrange(1, 9) * SECOND
    opened = FolderPermissionChanged(
        folder_id=cabinet.folders[CLINICAL],
        folder=CLINICAL,
        permission="read",
        previous_permission="none",
    )
    cabinet.open_to_all(CLINICAL)
    form = f"/folders/{cabinet.folders[CLINICAL]}/permissions"
    moment = make(week, moment + MINUTE, thief, Visit("POST", form, 303, (opened,), received=92))
    moment += 2 * MINUTE
    deleted = cabinet.trash(moment, lost, TOM)
    make(week, moment, thief, Visit("DELETE", lost.path, 204, (deleted,), 0))


class _Hands:
    """Somebody at their desk who does one thing after the other."""

    def __init__(self, week: Week, ordinary: Ordinary, person: Person, moment: int) -> None:
        self.person = person
        self.moment = moment
        self._week = week
        session = ordinary.session(person, moment)
        self._visitor = Visitor(person, person.desk, person.agent, session)

    def do(self, method: str, path: str, status: int, event: Event, *, received: int = 0) -> None:
        """One thing; the next comes some seconds later."""
        visit = Visit(method, path, status, (event,), 420, received)
        ended = make(self._week, self.moment, self._visitor, visit)
        self.moment = ended + self._week.source.randrange(8, 90) * SECOND
