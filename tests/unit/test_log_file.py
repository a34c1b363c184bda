"""The log file: rotation, retention, and whatever may happen to a file that others can reach."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from strongroom.audit.pipeline.log_file import LogFile
from strongroom.audit.pipeline.output import LogFormat, Output
from strongroom.cli import main
from strongroom.errors import SettingsError
from strongroom.settings import load
from tests.logged import log_file, logged, logged_lines, rotated
from tests.unit.making import finished

STAMP = "20200101T000000.{:06d}Z"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the log file is."""
    return tmp_path / "records.jsonl"


def line(count: int, **fields: Any) -> bytes:
    """A record as it stands in the file."""
    return json.dumps(finished(count=count, **fields), separators=(",", ":")).encode() + b"\n"


def write(file: LogFile, *counts: int) -> None:
    """Write a record for each."""
    for count in counts:
        file.write(line(count))


def counts(path: Path) -> list[int]:
    """The ``count`` of every record in the order of the files."""
    return [record["count"] for record in logged(path)]


def ago(**span: float) -> str:
    """A time of the past, as records have it."""
    return (datetime.now(UTC) - timedelta(**span)).isoformat().replace("+00:00", "Z")


def told(text: str) -> list[str]:
    """The events that were said."""
    return [json.loads(said)["event"] for said in text.splitlines()]


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A process of its own, which must end well."""
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from tests.unit.test_log_file import *\n" + script,
            *map(str, arguments),
        ],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


# What is written


@pytest.mark.parametrize("form", ["console", "json", "logfmt"])
@pytest.mark.parametrize("network", [False, True])
def test_json_lines_beside_what_is_printed(
    path: Path, capsys: pytest.CaptureFixture[str], form: LogFormat, network: bool
) -> None:
    output = Output(form, "stderr", network=network, file=log_file(path))
    record = finished(filename="a\nb\u202e.txt", ip_address="192.0.2.7", user_agent="curl-agent")
    output.write(record)
    output.write(finished(event="second"))
    first, second = logged(path)
    assert first["filename"] == "a\nb\u202e.txt"
    assert ("ip_address" in first, "user_agent" in first) == (network, network)
    assert second["event"] == "second"
    assert "second" in capsys.readouterr().err
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("odd", [{"extra": object()}, {"filename": "\ud800"}, {1: 2}])
def test_a_record_that_cannot_be_rendered_is_still_one_line(
    path: Path, odd: dict[Any, Any]
) -> None:
    output = Output("json", "none", file=log_file(path))
    output.write({**finished(), **odd})
    output.write(finished(event="afterwards"))
    assert [record["event"] for record in logged(path)] == ["record_not_rendered", "afterwards"]


# Rotation


def test_rotated_by_size(path: Path) -> None:
    file = log_file(path, max_bytes=1_000)
    write(file, *range(200))
    file.close()
    assert len(rotated(path)) > 20
    assert all(re.fullmatch(r"\.\d{8}T\d{6}\.\d{6}Z\.gz", r.name[13:]) for r in rotated(path))
    assert {r.stat().st_mode & 0o777 for r in rotated(path)} == {0o600}
    assert counts(path) == list(range(200))
    assert path.stat().st_size <= 1_000


def test_a_record_larger_than_a_file_stands_alone(path: Path) -> None:
    file = log_file(path, max_bytes=1_000, compress=False)
    write(file, 1)
    file.write(line(2, filename="x" * 5_000))
    write(file, 3)
    file.close()
    assert counts(path) == [1, 2, 3]
    assert [len(r.read_bytes().splitlines()) for r in rotated(path)] == [1, 1]
    assert all(r.suffix != ".gz" for r in rotated(path))


def test_age_is_that_of_the_first_record(path: Path) -> None:
    path.write_bytes(line(1, timestamp=ago(hours=2)) + line(2, timestamp=ago(hours=1)))
    young = log_file(path, max_age=3 * 3_600)
    write(young, 3)
    young.close()
    assert rotated(path) == []
    old = log_file(path, max_age=1.5 * 3_600)
    write(old, 4, 5)
    old.close()
    assert len(rotated(path)) == 1
    assert [json.loads(text)["count"] for text in path.read_bytes().splitlines()] == [4, 5]


def test_age_passes_while_the_file_is_open(path: Path) -> None:
    file = log_file(path, max_age=0.05)
    write(file, 1)
    time.sleep(0.1)
    write(file, 2)
    file.close()
    assert len(rotated(path)) == 1
    assert counts(path) == [1, 2]


def test_age_begins_anew_when_another_program_empties_the_file(path: Path) -> None:
    file, other = log_file(path, max_age=3_600), log_file(path, max_age=3_600)
    write(file, 1)
    os.truncate(path, 0)
    write(other, 2)
    file._due_at = time.time() - 1  # as if the hour of the first record were over
    write(file, 3)
    assert rotated(path) == []
    assert counts(path) == [2, 3]


def test_names_sort_by_time_though_the_clock_was_set_back(path: Path) -> None:
    later = path.with_name(path.name + ".29990101T000000.999999Z")
    later.write_bytes(line(0))
    file = log_file(path, max_bytes=1, compress=False)
    write(file, 1, 2, 3)
    file.close()
    assert counts(path) == [0, 1, 2, 3]
    assert rotated(path)[1].name.endswith(".29990101T000001.000000Z")


def test_only_our_own_files_are_removed_and_only_the_oldest(path: Path) -> None:
    old = [path.with_name(f"{path.name}.{STAMP.format(number)}") for number in range(5)]
    for number, one in enumerate(old):
        one.write_bytes(line(number))
    foreign = [
        ".1",
        ".lock",
        ".20200101",
        ".29999999T000000.000000Z",
        ".20200101T000000Z.gz",
        "." + STAMP.format(0) + ".bz2",
    ]
    others = [path.with_name(path.name + suffix) for suffix in foreign]
    others.append(path.with_name("other" + path.name + "." + STAMP.format(0)))
    others.append(path.with_name("records.jsonl2." + STAMP.format(0)))
    for other in others:
        other.write_bytes(b"not ours")
    file = log_file(path, max_bytes=1, keep=3)
    write(file, 100, 101)
    file.close()
    assert all(other.read_bytes() == b"not ours" for other in others)
    for other in others:
        other.unlink()
    assert counts(path) == [3, 4, 100, 101]
    assert not any(one.exists() for one in old)


def test_what_a_killed_compression_left_is_finished(path: Path) -> None:
    source = [path.with_name(f"{path.name}.{STAMP.format(number)}") for number in range(3)]
    part = [file.with_name(file.name + ".gz.part") for file in source]
    source[0].write_bytes(line(0))
    part[0].write_bytes(b"half a gzip file, longer than the whole one will be" * 100)
    source[1].write_bytes(line(1))
    first = log_file(path)
    write(first, 3)
    first.close()
    source[1].write_bytes(line(1))  # the copy was complete, and its source not yet gone
    part[2].write_bytes(b"of a file that was removed meanwhile")
    second = log_file(path)
    write(second, 4)
    second.close()
    assert [r.name for r in rotated(path)] == [source[0].name + ".gz", source[1].name + ".gz"]
    assert counts(path) == [0, 1, 3, 4]


def test_a_rotation_that_fails_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 250)  # no room for a longer name
    file = log_file(path, max_bytes=100)
    write(file, *range(50))
    assert counts(path) == list(range(50))
    assert [trouble.event for trouble in file.troubles] == ["log_file_not_rotated"]


def test_a_compression_that_fails_loses_nothing_and_is_tried_again(path: Path) -> None:
    source = path.with_name(path.name + "." + STAMP.format(0))
    source.write_bytes(line(0))
    obstacle = path.with_name(source.name + ".gz.part")
    obstacle.mkdir()
    file = log_file(path, max_bytes=1)
    write(file, 1, 2)
    file.close()
    assert [trouble.event for trouble in file.troubles] == ["log_file_not_swept"]
    obstacle.rmdir()
    write(file, 3)
    file.close()
    assert counts(path) == [0, 1, 2, 3]
    assert all(r.suffix == ".gz" for r in rotated(path))


def test_a_process_that_forks_leaves_compression_to_others(path: Path) -> None:
    usual = log_file(path, max_bytes=1)
    master = LogFile(path, usual._rotation, sweeps=False)
    write(master, 1, 2)
    assert [r.suffix for r in rotated(path)] != [".gz"]
    write(usual, 3)
    usual.close()
    assert [r.suffix for r in rotated(path)] == [".gz", ".gz"]
    assert counts(path) == [1, 2, 3]


# What others do to the file


def test_a_torn_line_stays_alone(path: Path) -> None:
    path.write_bytes(line(1) + line(2)[:30])
    write(log_file(path), 3, 4)
    lines = logged_lines(path)
    assert [json.loads(text)["count"] for text in [lines[0], *lines[2:]]] == [1, 3, 4]
    assert len(lines) == 4


def test_moved_removed_and_emptied(path: Path) -> None:
    file = log_file(path)
    write(file, 1)
    path.rename(path.with_suffix(".old"))
    write(file, 2)
    assert counts(path.with_suffix(".old")) == [1]
    assert counts(path) == [2]
    path.unlink()
    write(file, 3)
    assert counts(path) == [3]
    shutil.copy(path, path.with_suffix(".copy"))  # logrotate's copytruncate
    os.truncate(path, 0)
    write(file, 4)
    assert path.read_bytes().count(b"\0") == 0
    assert counts(path) == [4]
    assert not file.troubles


@pytest.mark.parametrize("what", ["no folder", "a folder", "a link", "a pipe", "a device"])
def test_what_cannot_be_written_is_said_once_and_may_get_better(
    path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    output = Output("json", "none", file=log_file(path))
    output.write(finished(count=1))
    path.unlink()
    if what == "no folder":
        path.parent.rmdir()
    elif what == "a folder":
        path.mkdir()
    elif what == "a pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/null" if what == "a device" else path.with_suffix(".other"))
    for count in range(2, 12):
        output.write(finished(count=count, app="strongroom", pid=7))
    (failed,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert (failed["event"], failed["level"]) == ("log_file_failed", "error")
    assert failed["extra"] == {"log_file": str(path)}
    assert (failed["app"], failed["pid"]) == ("strongroom", 7)
    if what == "no folder":
        path.parent.mkdir()
    elif what == "a folder":
        path.rmdir()
    else:
        path.unlink()
    output.write(finished(count=12))
    output.write(finished(count=13))
    (resumed,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert (resumed["event"], resumed["count"]) == ("log_file_resumed", 10)
    assert counts(path) == [12, 13]


FULL = """
import resource
file = log_file(Path(sys.argv[1]))
output = Output("json", "none", file=file)
write(file, 1)
size = file.path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, resource.RLIM_INFINITY))
for count in (2, 3, 4):
    output.write(finished(count=count))
    assert file.path.stat().st_size == size
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
output.write(finished(count=5))
"""


def test_a_full_disk_leaves_no_torn_line(path: Path) -> None:
    """A limit on the file's size cuts a write short just as a full disk does."""
    done = run(FULL, path)
    assert told(done.stderr) == ["log_file_failed", "log_file_resumed"]
    assert counts(path) == [1, 5]


READ_ONLY = """
path = Path(sys.argv[1])
output = Output("json", "none", file=log_file(path))
if os.geteuid() == 0:
    os.setuid(65534)
output.write(finished(count=2))
output.write(finished(count=3))
path.unlink()
output.write(finished(count=4))
"""


def test_a_file_that_may_not_be_written() -> None:
    with tempfile.TemporaryDirectory() as folder:  # one that a process without rights can reach
        Path(folder).chmod(0o777)
        path = Path(folder) / "records.jsonl"
        path.write_bytes(line(1))
        path.chmod(0o444)
        done = run(READ_ONLY, path)
        assert told(done.stderr) == ["log_file_failed", "log_file_resumed"]
        assert counts(path) == [4]


# Processes, threads, signals


DIES_HOLDING = """
file = log_file(Path(sys.argv[1]))
write(file, 1)
if os.fork() == 0:
    print(os.getpid(), flush=True)
    time.sleep(50)
    os._exit(0)
file._locked(1)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_child_does_not_keep_the_lock_of_its_killed_parent(path: Path) -> None:
    command = [sys.executable, "-c", "from tests.unit.test_log_file import *\n" + DIES_HOLDING]
    root = Path(__file__).parents[2]
    with subprocess.Popen([*command, path], cwd=root, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert parent.wait(60) == -signal.SIGKILL
        try:
            write(log_file(path), 2)  # would wait for the child
            os.kill(child, 0)
        finally:
            os.kill(child, signal.SIGKILL)
    assert counts(path) == [1, 2]


FORKS = """
file = log_file(Path(sys.argv[1]), max_bytes=2_000)
write(file, *range(10))
child = os.fork()
if child == 0:
    write(file, *range(100, 200))
    os._exit(0)
write(file, *range(10, 100))
assert os.waitpid(child, 0)[1] == 0
write(file, 200)
file.close()
"""


def test_parent_and_child_write_on(path: Path) -> None:
    run(FORKS, path)
    assert sorted(counts(path)) == list(range(201))


INTERRUPTED = """
file = log_file(Path(sys.argv[1]), max_bytes=20_000)
handled = []
def handle(*_):
    handled.append(len(handled))
    file.write(line(1_000_000 + handled[-1]))
signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.0003, 0.0003)
count = 0
while len(handled) < 500:
    file.write(line(count))
    count += 1
signal.setitimer(signal.ITIMER_REAL, 0)
file.close()
print(count, len(handled))
"""


def test_a_signal_handler_may_log_while_a_record_is_written(path: Path) -> None:
    done = run(INTERRUPTED, path)
    written, handled = map(int, done.stdout.split())
    wanted = [*range(written), *(1_000_000 + number for number in range(handled))]
    assert sorted(counts(path)) == wanted


# Settings and doctor


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(SettingsError, match="log_file: "):
        load(log_file="a\0b")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60", 60), ("90s", 90), ("90m", 5_400), ("24h", 86_400), ("1.5d", 129_600), ("7 D", 604_800)],
)
def test_durations(text: str, seconds: int) -> None:
    assert load(log_file_max_age=text).log_file_max_age == seconds


@pytest.mark.parametrize("text", ["", "x", "1w", "-1h", "1h30m", "59"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(SettingsError, match="log_file_max_age: "):
        load(log_file_max_age=text)


def test_the_defaults() -> None:
    settings = load()
    assert (settings.log_file, settings.log_path) == ("", None)
    assert (settings.log_file_max_bytes, settings.log_file_max_age) == (100_000_000, 86_400)
    assert (settings.log_file_keep, settings.log_file_compress) == (14, True)
    assert load(log_file="a/b").log_path == Path("a/b").absolute()


def test_doctor_tells_whether_the_file_can_be_written(path: Path, tmp_path: Path) -> None:
    def found(setting: Path | str) -> dict[str, Any]:
        environment = {"STRONGROOM_LOG_FILE": str(setting)}
        arguments = ["doctor", "--json", "--data", str(tmp_path / "data")]
        done = CliRunner().invoke(main, arguments, env=environment)
        findings = {finding["check"]: finding for finding in json.loads(done.stdout)}
        result: dict[str, Any] = findings.get("log file", {})
        return result

    assert found("") == {}
    assert found(path)["state"] == "ok"
    assert not path.exists()
    path.write_bytes(line(1))
    assert found(path)["state"] == "ok"
    assert counts(path) == [1]
    for wrong in (tmp_path, tmp_path / "missing" / "x.jsonl", path / "below"):
        assert found(wrong)["state"] == "bad"
