"""How long strangers may take, and how much they may send besides bodies."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """What keeps slow and greedy clients from holding up others.

    Args:
        connections: Most connections at a time.
        header_bytes: Largest head of a request.
        header_s: Seconds until the head of a request must be there.
        idle_s: Seconds that a connection without a request stays open.
        silence_s: Seconds without a byte until a body, or an answer nobody reads, is given up.
        lowest_rate: Bytes per second that a body must reach on average, after the first `silence_s` seconds.
        linger_s: Seconds that the rest of a refused body is read and thrown away, so that the client sees the answer.
        start_s: Seconds until a worker must be ready.
        grace_s: Seconds that a server which stops gives to what is being computed.
        longest_pause_s: Most seconds between two starts of a worker.

    Example:
        >>> Limits().body_seconds(64 * 2**20) > Limits().body_seconds(1)
        True
    """

    connections: int = 900
    header_bytes: int = 65536
    header_s: float = 15
    idle_s: float = 60
    silence_s: float = 30
    lowest_rate: float = 16384
    linger_s: float = 10
    start_s: float = 900
    grace_s: float = 60
    longest_pause_s: float = 60.0

    def body_seconds(self, size: int) -> float:
        """Return how many seconds a body may take.

        Args:
            size: Its bytes.
        """
        return self.silence_s + size / self.lowest_rate

    def pause(self, failures: int) -> float:
        """Return the seconds before a worker is started again.

        Args:
            failures: How many times in a row it died young or did not start; 0: it had worked.

        Example:
            >>> [Limits().pause(n) for n in (0, 1, 2, 10)]
            [0.0, 1.0, 2.0, 60.0]
        """
        return min(self.longest_pause_s, 2.0 ** (failures - 1)) if failures else 0.0
