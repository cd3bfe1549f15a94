"""The access log has the fields that are promised."""

from __future__ import annotations

from typing import Any

import pytest

from sealos_gateway.envoy import access_log, api

PROMISED = {
    "time", "method", "scheme", "authority", "path", "protocol", "status", "response_flags", "response_code_details",
    "bytes_received", "bytes_sent", "duration", "upstream_service_time", "client_address", "x_forwarded_for",
    "user_agent", "request_id", "route", "upstream_cluster", "upstream_host", "tls_version", "sni",
}  # fmt: skip


def log(kind: str) -> api.Message:
    (logger,) = access_log.loggers(kind, "/dev/stdout")
    message = api.stream_log.StdoutAccessLog()
    assert logger.typed_config.Unpack(message)
    return message.log_format


def test_a_file_is_opened_and_the_output_of_the_process_is_not() -> None:
    (logger,) = access_log.loggers("json", "/var/log/a.log")
    message = api.file_log.FileAccessLog()
    assert logger.typed_config.Unpack(message)
    assert message.path == "/var/log/a.log"
    assert set(message.log_format.json_format.fields) >= PROMISED


def test_json_has_every_field() -> None:
    assert set(log("json").json_format.fields) >= PROMISED


def test_text_is_one_line_with_nothing_left_open() -> None:
    text = log("text").text_format_source.inline_string
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert "{" not in text
    assert all(access_log.FIELDS[name] in text for name in PROMISED - {"time"})


def test_off_writes_nothing() -> None:
    assert access_log.loggers("off", "/dev/stdout") == []


EVERY = (access_log.FIELDS, access_log.CONNECTION_FIELDS, access_log.SESSION_FIELDS)


@pytest.mark.parametrize("fields", EVERY, ids=["requests", "connections", "sessions"])
def test_commands_are_closed(fields: dict[str, str]) -> None:
    for command in {name: said for name, said in fields.items() if said not in ("TCP", "UDP")}.values():
        assert command.startswith("%")
        assert command.endswith("%")


@pytest.mark.parametrize(
    ("made", "fields"),
    [(access_log.of_connections, EVERY[1]), (access_log.of_sessions, EVERY[2])], ids=["connections", "sessions"],
)  # fmt: skip
def test_what_is_handed_on_has_lines_of_its_own(made: Any, fields: dict[str, str]) -> None:
    for kind in ("json", "text"):
        (logger,) = made(kind, "/dev/stdout")
        found = api.stream_log.StdoutAccessLog.FromString(logger.typed_config.value).log_format
        if kind == "json":
            assert set(found.json_format.fields) == set(fields)
        else:
            text = found.text_format_source.inline_string
            assert text.endswith("\n")
            assert "{" not in text
            assert f'"{fields["protocol"]}"' in text
    assert made("off", "/dev/stdout") == []
