"""A wire between browser and service that a test can hold and cut: what slow and bad connections do."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

PIECE = 16_384


class Relay:
    """Passes bytes on between `port` and another. Hold it with questions or answers cleared; set, they pass again."""

    def __init__(self, target: int) -> None:
        self.questions, self.answers, self._whole = Event(), Event(), Event()
        for way in (self.questions, self.answers, self._whole):
            way.set()
        self._target = target
        self._plugs: list[socket.socket] = []
        self._door = socket.socket()
        self._door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)  # so that what is held stays with the sender
        self._door.bind(("127.0.0.1", 0))
        self._door.listen()
        self.port: int = self._door.getsockname()[1]
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
            relay.cut()
            relay._door.shutdown(socket.SHUT_RDWR)
            relay._door.close()
            for way in (relay.questions, relay.answers):
                way.set()
            for thread in relay._threads:
                thread.join(10)
            for plug in relay._plugs:
                plug.close()

    def cut(self) -> None:
        """Every connection ends, and new ones do as soon as they begin, until `mend`."""
        self._whole.clear()
        for plug in self._plugs:
            _end(plug)

    def mend(self) -> None:
        """New connections hold."""
        self._whole.set()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:
                return  # the test is over
            self._plugs.append(near)
            if not self._whole.is_set():
                _end(near)
                continue
            far = socket.create_connection(("127.0.0.1", self._target))
            self._plugs.append(far)
            for one in ((near, far, self.questions), (far, near, self.answers)):
                self._threads.append(Thread(target=self._pass, args=one, daemon=True))
                self._threads[-1].start()

    def _pass(self, source: socket.socket, sink: socket.socket, way: Event) -> None:
        try:
            while piece := source.recv(PIECE):
                way.wait()
                sink.sendall(piece)
        except OSError:
            pass  # cut
        _end(source)
        _end(sink)


def _end(plug: socket.socket) -> None:
    with suppress(OSError):  # it may have ended already
        plug.shutdown(socket.SHUT_RDWR)
