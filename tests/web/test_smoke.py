"""The harness itself: a server starts, answers, and leaves records."""

from tests.serving import Installation


def test_a_request_leaves_its_records(server: Installation) -> None:
    with server.client() as client:
        answer = client.put("/api/v1/files/smoke.txt", content=b"smoke")
    assert answer.status_code == 201
    events = [r["event"] for r in server.outcome(answer.headers["X-Request-ID"])]
    assert events == ["request", "file_uploaded", "response"]
