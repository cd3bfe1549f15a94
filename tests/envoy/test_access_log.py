"""The access log has the fields that are promised."""

from __future__ import annotations

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


@pytest.mark.parametrize("command", access_log.FIELDS.values())
def test_commands_are_closed(command: str) -> None:
    assert command.startswith("%")
    assert command.endswith("%")
