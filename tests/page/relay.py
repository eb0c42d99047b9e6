"""A connection between browser and service that a test can hold and cut, as slow and bad networks do."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

CHUNK = 16_384


class Relay:
    """Forwards bytes between its own `port` and another.

    Clearing the event `requests` or `responses` holds that direction; setting it forwards again.
    """

    def __init__(self, target: int) -> None:
        self.requests, self.responses, self._online = Event(), Event(), Event()
        for event in (self.requests, self.responses, self._online):
            event.set()
        self._target = target
        self._connections: list[socket.socket] = []
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK)  # held bytes stay with the sender
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port: int = self._listener.getsockname()[1]
        self._threads = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @classmethod
    @contextmanager
    def to(cls, port: int) -> Iterator[Relay]:
        """A relay to a port of this machine, for as long as the block."""
        relay = cls(port)
        try:
            yield relay
        finally:
            relay._listener.shutdown(socket.SHUT_RDWR)
            relay._listener.close()
            relay.reset()
            for thread in relay._threads:
                thread.join(10)
            for connection in relay._connections:
                connection.close()

    def cut(self) -> None:
        """End all connections, and new ones as soon as they begin, until `mend`."""
        self._online.clear()
        for connection in self._connections:
            _end(connection)

    def mend(self) -> None:
        """Forward new connections again."""
        self._online.set()

    def reset(self) -> None:
        """End all connections, and forward new ones in both directions."""
        self.cut()
        for event in (self.requests, self.responses, self._online):
            event.set()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return  # the test is over
            self._connections.append(near)
            if not self._online.is_set():
                _end(near)
                continue
            far = socket.create_connection(("127.0.0.1", self._target))
            self._connections.append(far)
            for ends in ((near, far, self.requests), (far, near, self.responses)):
                self._threads.append(Thread(target=self._forward, args=ends, daemon=True))
                self._threads[-1].start()

    def _forward(self, source: socket.socket, sink: socket.socket, event: Event) -> None:
        try:
            while chunk := source.recv(CHUNK):
                event.wait()
                sink.sendall(chunk)
        except OSError:
            pass  # cut
        _end(source)
        _end(sink)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):  # it may have ended already
        connection.shutdown(socket.SHUT_RDWR)
