"""The socket that a server listens on."""

import socket

from weft.cli.serving import bind


def test_a_connection_does_not_hold_back_the_end_of_an_answer() -> None:
    with bind("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        connection, _ = listening.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
