"""What the benchmarks compute themselves; the rest of them is running programs."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from benchmarks.delay import READY_FOR_QUERY, TERMINATE, Connection, Trips, delayed
from benchmarks.live import Upgrade
from benchmarks.traffic import Call

ROUND_TRIP_SECONDS = 0.05


@pytest.fixture
def echo_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                while data := connection.recv(100):
                    connection.sendall(data)

        thread = threading.Thread(target=answer)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_a_round_trip_is_what_a_client_sends_between_two_answers() -> None:
    trips = Trips()
    connection = Connection(trips)

    connection.sent(b"startup")
    connection.received(b"R" + READY_FOR_QUERY + b"I")
    connection.sent(b"one query")
    connection.sent(b"and another behind it")
    connection.received(b"answer")
    connection.sent(b"a third")
    connection.received(b"answer")
    connection.sent(TERMINATE)

    assert trips == Trips(connections=1, to_connect=2, for_queries=2)


def test_the_proxy_delays_connecting_and_each_answer_by_a_round_trip(echo_port: int) -> None:
    with delayed(echo_port, ROUND_TRIP_SECONDS) as proxy:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", proxy.port)) as client:
            for _ in range(2):
                client.sendall(b"hello")
                assert client.recv(100) == b"hello"
            seconds = time.monotonic() - began
        trips = proxy.take_trips()

    assert trips == Trips(connections=1, to_connect=3, for_queries=0)
    assert seconds >= 3 * ROUND_TRIP_SECONDS


def test_a_call_belongs_to_the_phase_that_its_middle_lies_in() -> None:
    stalled_before, short_within = Call(0.0, 8.5), Call(9.0, 9.1)
    upgrade = Upgrade(20.0, [stalled_before, short_within], building=[(8.0, 10.0)])

    assert upgrade.longest() == pytest.approx(8500)
    assert upgrade.longest(building=False) == pytest.approx(8500)
    assert upgrade.longest(building=True) == pytest.approx(100)
