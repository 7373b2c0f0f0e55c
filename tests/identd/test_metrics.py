"""What a scrape shows: every series from the start, counts where they belong, labels from closed sets only."""

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from identd.metrics import COLUMNS_MAX, Metrics, Readings, exposition, make_registry
from protocol.reason import Reason

READINGS = Readings(
    calls={("active", "orig"): 3},
    endings={"release": 2},
    releases={"released": 2, "expired": 3},
    accounts=5,
    quarantined={("accounts", "ani"): 4},
    ambiguous_pairs=1,
    generation=9,
    ready=True,
    database_connected=False,
    data_age_seconds=1.5,
    connections={("tcp", "json"): 2},
    kamailios={("192.0.2.7:8448", "kam1"): 1},
    log_lines_dropped=6,
)


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """(name, label values in the order of label names…) -> value."""
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(exposition(make_registry(metrics)).decode())
        for sample in family.samples
    }


def test_every_series_is_there_before_anything_happened() -> None:
    shown = samples(Metrics(lambda: READINGS))
    for reason in Reason:
        decision = "unavailable" if reason in {"not_ready", "overloaded", "draining"} else "refuse"
        assert shown["identd_decisions_total", decision, "term", reason] == 0
    assert shown["identd_decisions_total", "grant", "orig", ""] == 0
    assert shown["identd_call_endings_total", "admin"] == 0
    assert shown["identd_protocol_errors_total", "bad_frame"] == 0
    assert shown["identd_requests_total", "sync"] == 0


def test_what_happened_and_what_is_are_shown() -> None:
    metrics = Metrics(lambda: READINGS)
    metrics.decided("orig")
    metrics.decided("term", Reason.NO_CREDIT)
    metrics.decided("term", "no_credit")
    metrics.requested("authorize")
    metrics.erred("forbidden")
    metrics.connected("unix")
    metrics.turned_away("connections_max")
    metrics.took(0.00002, 8)
    metrics.applied(100, 0.004)
    metrics.applied(1, None)
    metrics.applied(1, -5.0)
    shown = samples(metrics)
    expected = {
        ("identd_kamailio_connected", "192.0.2.7:8448", "kam1"): 1,
        ("identd_decisions_total", "grant", "orig", ""): 1,
        ("identd_decisions_total", "refuse", "term", "no_credit"): 2,
        ("identd_requests_total", "authorize"): 1,
        ("identd_releases_total", "released"): 2,
        ("identd_releases_total", "expired"): 3,
        ("identd_releases_total", "unknown"): 0,
        ("identd_protocol_errors_total", "forbidden"): 1,
        ("identd_connections_total", "unix"): 1,
        ("identd_connections_refused_total", "connections_max"): 1,
        ("identd_decision_seconds_count",): 8,
        ("identd_decision_seconds_bucket", "1e-05"): 0,
        ("identd_decision_seconds_bucket", "2e-05"): 8,
        ("identd_change_sets_total",): 3,
        ("identd_changes_total",): 102,
        ("identd_commit_to_effect_seconds_count",): 2,
        ("identd_commit_to_effect_seconds_sum",): 0.004,
        ("identd_calls", "orig", "active"): 3,
        ("identd_calls", "term", "reserved"): 0,
        ("identd_call_endings_total", "release"): 2,
        ("identd_quarantined_rows", "ani", "accounts"): 4,
        ("identd_connections_open", "json", "tcp"): 2,
        ("identd_generation",): 9,
        ("identd_ready",): 1,
        ("identd_database_connected",): 0,
        ("identd_data_age_seconds",): 1.5,
        ("identd_log_lines_dropped_total",): 6,
    }
    assert {key: shown[key] for key in expected} == expected
    assert shown["process_open_fds",] > 0


def test_an_age_that_is_not_known_is_not_shown() -> None:
    unknown = msgspec.structs.replace(READINGS, data_age_seconds=None)
    assert ("identd_data_age_seconds",) not in samples(Metrics(lambda: unknown))


def test_columns_without_end_make_no_series_without_end() -> None:
    many = {("accounts", f"column{number}"): 1 for number in range(1000)}
    shown = samples(Metrics(lambda: msgspec.structs.replace(READINGS, quarantined=many)))
    rows = {key: value for key, value in shown.items() if key[0] == "identd_quarantined_rows"}
    assert len(rows) <= COLUMNS_MAX + 4
    assert sum(rows.values()) == 1000


@pytest.mark.parametrize("count", [lambda m: m.decided("orig", "tired"), lambda m: m.requested("dance")])
def test_a_label_outside_its_set_makes_no_series(count) -> None:
    with pytest.raises(KeyError):
        count(Metrics(lambda: READINGS))
