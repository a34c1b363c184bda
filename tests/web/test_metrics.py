"""``/metrics`` of the production server: what it tells, and whom."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as old_text_to_families
from prometheus_client.samples import Sample

from strongroom.permissions import Permission
from tests.serving import Installation
from tests.web.household import Household
from tests.web.wire import JSON, PATIENCE, put, send

_SENT = [("PUT", "201"), ("GET", "404")]

Serve = Callable[..., Installation]


def samples(server: Installation) -> dict[tuple[str, ...], float]:
    """All numbers, by name and the values of labels in their order; read by the official parser."""
    answer = send(server, "GET", "/metrics")
    assert answer.status == 200
    assert answer.header("Content-Type").startswith("application/openmetrics-text; version=1.0.0")
    found: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(answer.text):  # type: ignore[no-untyped-call]  # theirs
        for sample in family.samples:
            assert key(sample) not in found
            found[key(sample)] = sample.value
    return found


def key(sample: Sample) -> tuple[str, ...]:
    return (sample.name, *(value for _, value in sorted(sample.labels.items())))


def test_of_all_workers_also_of_those_that_died(serve: Serve) -> None:
    server = serve(workers=2)
    for number in range(4):
        put(server, f"{number}.txt")
        send(server, "GET", "/nowhere")
    deadline = time.monotonic() + PATIENCE
    while True:  # a request is counted when it has ended, a moment after its answer
        before = samples(server)
        counted = [before.get(("strongroom_requests_total", *of)) for of in _SENT]
        started = before.get(("strongroom_events_total", "application_started", ""))
        if (counted, started) == ([4, 4], 2):  # the other worker may come a moment later too
            break
        assert time.monotonic() < deadline, (counted, started)
    assert before["strongroom_events_total", "file_uploaded", "success"] == 4
    assert before["strongroom_request_body_bytes_total",] > 0
    assert before["strongroom_disk_free_bytes", "data"] > 0
    assert before["strongroom_unsealed_records", "audit"] >= 4
    assert before["strongroom_requests_in_progress",] == 1  # this one

    workers = {record["pid"] for record in server.records("event:application_started")}
    assert len(workers) == 2
    deadline = time.monotonic() + PATIENCE
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    while True:  # until both have heirs
        try:
            after = samples(server)
        except OSError:
            after = {}
        if after.get(("strongroom_events_total", "application_started", "")) == 4:
            break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert after["strongroom_requests_in_progress",] == 1
    fell = {
        name: (before[name], after.get(name))
        for name in before
        if name[0].endswith(("_total", "_count", "_bucket")) and after.get(name, 0) < before[name]
    }
    assert fell == {}
    assert server.records("path:/metrics") == []  # counted, not recorded
    # A scrape is counted once it has ended, a moment after its answer is read.
    while samples(server)["strongroom_requests_counted_total", "metrics"] < 2:
        assert time.monotonic() < deadline


def test_the_older_format_for_who_asks_for_it(server: Installation) -> None:
    answer = send(server, "GET", "/metrics", headers={"Accept": "text/plain;version=0.0.4"})
    assert answer.header("Content-Type").startswith("text/plain; version=")
    names = {family.name for family in old_text_to_families(answer.text)}
    assert {"strongroom_requests", "strongroom_disk_free_bytes"} <= names


def test_it_is_for_who_may_and_a_token_may_that_alone(tmp_path: Path) -> None:
    house = Household(tmp_path / "data", workers=1)
    try:
        _, secret = house.token("Ada", Permission.METRICS_READ)
        scraper = {"Authorization": f"Bearer {secret}", **JSON}
        assert send(house.server, "GET", "/metrics", headers=scraper).status == 200
        for target in ("/", "/logs", "/api/v1/records", "/api/v1/files", "/admin/", "/account"):
            answer = send(house.server, "GET", target, headers=scraper)
            assert answer.status == 403, target
        nobody = send(house.server, "GET", "/metrics", headers=JSON)
        nobody.problem(401, "not_signed_in")
        assert "strongroom_" not in nobody.text
        _, files = house.token("Mia", Permission.FILES_READ)
        other = {"Authorization": f"Bearer {files}", **JSON}
        refused = send(house.server, "GET", "/metrics", headers=other)
        assert refused.status == 403
        [record] = house.server.records(f"event:access_denied request_id:{refused.request_id}")
        assert (record["missing"], record["user_id"]) == ("metrics:read", house.ids["Mia"])
        wrong = {"Authorization": "Bearer srt_guessed", **JSON}
        assert send(house.server, "GET", "/metrics", headers=wrong).status == 401
    finally:
        house.close()
