# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU's monitor: a command, its answer, and what happens in between."""

import json
import time

from common import Failure


class Monitor:
    """Over a connected socket. A QEMU that dies or refuses is a Failure."""

    def __init__(self, socket, seconds):
        self._socket = socket
        self._deadline = time.monotonic() + seconds
        self._received = b""
        self._events = []
        self._message()  # the greeting
        self.execute("qmp_capabilities")

    def execute(self, command, **arguments):
        words = {"execute": command} | ({"arguments": arguments} if arguments else {})
        try:
            self._socket.sendall(json.dumps(words).encode() + b"\n")
        except OSError as error:
            raise Failure(f"QEMU ended before '{command}'") from error
        while True:
            answer = self._message()
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise Failure(f"QEMU refuses '{command}': {answer['error']['desc']}")
            self._events.append(answer)

    def wait_for(self, event):
        """The data of the next such event."""
        while True:
            while self._events:
                came = self._events.pop(0)
                if came.get("event") == event:
                    return came.get("data", {})
            self._events.append(self._message())

    def _message(self):
        while b"\n" not in self._received:
            remaining = self._deadline - time.monotonic()
            if remaining <= 0:
                raise Failure("QEMU's monitor does not answer")
            self._socket.settimeout(remaining)
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                data = b""
            if not data:
                raise Failure("QEMU ended while it was being spoken to")
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return json.loads(line)
