"""Calls go nowhere but to public addresses, whatever a name leads to, and nothing that a receiver does holds a worker."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address, ip_network
from typing import Any

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.webhooks import addresses
from marketplace.webhooks.checks import check_calls_go_outside
from marketplace.webhooks.transport import Caller, call, is_callable_url
from tests.webhooks.receiver import Receiver

PRIVATE = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.8.8.8", "169.254.169.254", "172.16.0.1", "192.0.0.1",
    "192.168.1.1", "192.88.99.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2001::1",
    "2002:7f00:1::", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
    "::ffff:0:7f00:1", "1fff::1", "2001:db8::1", "3fff::1", "3fff:fff::1", "4000::1", "5f00::1", "64:ff9b::101:101",
    "100::1", "e000::1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001:80e::200e", "3ffe::1", "::ffff:1.1.1.1"]
HEADERS = {"Content-Type": "application/json"}


@pytest.fixture
def strict(settings: Any) -> None:
    """As on a server: this very machine is forbidden, too."""
    settings.WEBHOOKS_TO_LOOPBACK = False


@contextmanager
def leading_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> Iterator[list[str]]:
    """Let every name lead to these addresses, at each look-up to the next ones; gives the names that were looked up."""
    asked: list[str] = []

    def look_up(host: str, port: int, *rest: Any, **more: Any) -> list[Any]:
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port)) for text in found]

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", look_up)
        yield asked


@pytest.mark.parametrize("text", PRIVATE)
@pytest.mark.usefixtures("strict")
def test_private_address_is_forbidden(text: str) -> None:
    assert not addresses.is_allowed(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
@pytest.mark.usefixtures("strict")
def test_public_address_is_allowed(text: str) -> None:
    assert addresses.is_allowed(ip_address(text))


@given(st.ip_addresses())
def test_what_is_allowed_is_global(address: addresses.Address) -> None:
    if addresses.is_allowed(address):
        plain = getattr(address, "ipv4_mapped", None) or address
        assert plain.is_loopback or (plain.is_global and not plain.is_multicast)


@given(st.ip_addresses(v=6))
def test_what_is_allowed_of_ipv6_has_been_given_out(address: addresses.Address) -> None:
    if addresses.is_allowed(address):
        assert getattr(address, "ipv4_mapped", None) or address.is_loopback or address in ip_network("2000::/3")


@pytest.mark.parametrize("text", [one for one in PRIVATE if "." in one and ":" not in one])
@pytest.mark.usefixtures("strict")
def test_name_that_leads_to_a_private_address_is_not_called(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with leading_to(monkeypatch, [text]):
        assert call("https://rebind.example.org/", body=b"{}", headers=HEADERS).problem == "address_forbidden"


@pytest.mark.usefixtures("strict")
def test_name_that_leads_to_a_public_and_a_private_address_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    with leading_to(monkeypatch, ["1.1.1.1", "10.0.0.1"]):
        assert call("https://mixed.example.org/", body=b"{}", headers=HEADERS).problem == "address_forbidden"


def test_address_that_was_checked_is_the_one_that_is_connected_to(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """The name leads to a public address at the first look-up and to a private one at every other: only the first counts."""
    settings.WEBHOOKS_TO_LOOPBACK = True
    connected: list[str] = []

    def connect(self: object, host: str, port: int, *rest: object) -> object:
        connected.append(host)
        raise httpcore.ConnectError("no network in tests")

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    with leading_to(monkeypatch, ["1.1.1.1"], ["10.0.0.1"]) as asked:
        assert call("http://rebind.example.org/", body=b"{}", headers=HEADERS).problem == "unreachable"
    assert (asked, connected) == (["rebind.example.org"], ["1.1.1.1"])


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1", "localhost"])
@pytest.mark.usefixtures("strict")
def test_this_machine_in_disguise_is_not_called(host: str) -> None:
    result = call(f"https://{host}/", body=b"{}", headers=HEADERS)
    assert result.problem in ("address_forbidden", "unreachable")
    assert result.status is None


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/", "ftp://hooks.example.org/", "https://", "https:///path", "//hooks.example.org",
        "https://user:word@hooks.example.org/", "https://hooks.example.org/#part", "https://hooks.example.org:0/",
        "https://hooks.example.org:99999/", "https://hooks.example.org/a b", "https://hooks.exämple.org/",
        "https://hooks.example.org/\r\nX: y", "file:///etc/passwd", "https://[::1", "javascript:alert(1)",
    ],
)  # fmt: skip
@pytest.mark.usefixtures("strict")
def test_form_of_address_is_refused(url: str) -> None:
    assert not is_callable_url(url)


@pytest.mark.usefixtures("strict")
def test_form_of_address_is_taken() -> None:
    assert is_callable_url("https://hooks.example.org:8443/in?key=a%20b")


@pytest.mark.usefixtures("strict")
def test_http_is_not_called_where_it_was_allowed_once(receiver: Receiver) -> None:
    assert call(receiver.url, body=b"{}", headers=HEADERS).problem == "address_forbidden"
    assert receiver.calls == []


def test_server_that_calls_itself_is_warned_of(settings: Any) -> None:
    settings.WEBHOOKS_TO_LOOPBACK = True
    assert [one.id for one in check_calls_go_outside(None)] == ["webhooks.W001"]
    settings.WEBHOOKS_TO_LOOPBACK = False
    assert check_calls_go_outside(None) == []


# --- receivers that are no good -------------------------------------------------------------------------------------
def test_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.location, receiver.answer = receiver.url, lambda _: 307
    result = call(receiver.url, body=b"{}", headers=HEADERS)
    assert (result.status, result.problem, len(receiver.calls)) == (307, "status", 1)


def test_several_calls_share_a_connection_that_the_receiver_keeps(receiver: Receiver) -> None:
    receiver.keeps_connections = True
    with Caller() as caller:
        results = [caller.call(receiver.url, body=b"{}", headers=HEADERS) for _ in range(3)]
        receiver.answer = lambda _: 500
        results.append(caller.call(receiver.url, body=b"{}", headers=HEADERS))
    assert [result.status for result in results] == [204, 204, 204, 500]
    assert len({call.peer for call in receiver.calls}) == 1


def test_each_call_has_its_own_time_and_bytes(receiver: Receiver, settings: Any) -> None:
    settings.WEBHOOK_SECONDS = 0.5
    receiver.keeps_connections = True
    with Caller() as caller:
        for _ in range(4):
            assert caller.call(receiver.url, body=b"{}", headers=HEADERS).is_taken
            time.sleep(0.2)


def test_nobody_there(settings: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert call(f"http://127.0.0.1:{port}/", body=b"{}", headers=HEADERS).problem == "unreachable"


@contextmanager
def speaking(*pieces: bytes, pause: float = 0.0) -> Iterator[str]:
    """A receiver that says these pieces with pauses, and the last one again and again."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(65_536)
                try:
                    for piece in pieces:
                        peer.sendall(piece)
                    while pieces:
                        time.sleep(pause)
                        peer.sendall(pieces[-1])
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join(5)


def test_drip_of_a_byte_at_a_time_ends_at_the_time_limit(settings: Any) -> None:
    settings.WEBHOOK_SECONDS = 0.5
    with speaking(b"HTTP/1.1 200 OK\r\nX-", b"a", pause=0.05) as url:
        result = call(url, body=b"{}", headers=HEADERS)
    assert result.problem == "timeout"
    assert 400 <= result.duration_ms < 1_500


def test_endless_answer_is_cut_off(settings: Any) -> None:
    with speaking(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n") as url:
        result = call(url, body=b"{}", headers=HEADERS)
    assert result.problem == "answer_too_large"


def test_receiver_that_hangs_up_has_not_taken_it() -> None:
    with speaking() as url:
        assert call(url, body=b"{}", headers=HEADERS).problem == "broken_off"


def test_mistake_of_ours_is_not_taken_for_the_receivers(monkeypatch: pytest.MonkeyPatch) -> None:
    def mistake(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Caller, "_status_of", mistake)
    with pytest.raises(ZeroDivisionError):
        call("https://hooks.example.org/", body=b"{}", headers=HEADERS)
