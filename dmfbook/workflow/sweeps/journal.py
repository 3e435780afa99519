"""What is done, kept as it is done."""

import json
import os
from pathlib import Path
from typing import Any


class Journal:
    """A file with a line of JSON for each thing that is done, under a key.

    A line is written in one piece. Whenever the process is killed, all lines before are there, and
    a torn one at the end counts for nothing.

    Parameters
    ----------
    path : Path
        The file, which need not exist. One process at a time may write; see `alone`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._records: dict[str, Any] = {}
        whole = 0
        if path.exists():
            for line in path.read_bytes().splitlines(keepends=True):
                try:
                    key, record = json.loads(line)
                except (ValueError, TypeError, RecursionError):
                    key = None
                if key is None or not line.endswith(b"\n"):
                    continue
                self._records[key] = record
                whole += len(line)
            if whole < path.stat().st_size:  # what a kill left torn
                self._rewrite()

    def __contains__(self, key: str) -> bool:
        return key in self._records

    def __getitem__(self, key: str) -> Any:
        return self._records[key]

    def add(self, key: str, record: Any) -> None:
        """Keep what is done; a later record of the same key replaces an earlier one."""
        with open(self._path, "ab", buffering=0) as file:
            file.write(_line(key, record))
        self._records[key] = record

    def _rewrite(self) -> None:
        fresh = self._path.with_name(f".{self._path.stem}.{os.getpid()}{self._path.suffix}")
        fresh.write_bytes(b"".join(_line(key, record) for key, record in self._records.items()))
        os.replace(fresh, self._path)


def _line(key: str, record: Any) -> bytes:
    return json.dumps([key, record]).encode() + b"\n"
