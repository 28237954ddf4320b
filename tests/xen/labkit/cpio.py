"""Writes initramfs archives ("newc" cpio) without root and without unpacking a tree first.

The kernel unpacks concatenated archives one after another, so an image is made by joining pieces, and
only the piece that changed has to be written again.
"""

import os
import stat


class Archive:
    """A newc archive in the making; parent directories are added where they are missing."""

    def __init__(self):
        self._entries = []
        self._names = set()

    def directory(self, name, mode=0o755):
        if name and name not in self._names:
            self._parents(name)
            self._add(name, stat.S_IFDIR | mode, b"")

    def symlink(self, name, target):
        self._parents(name)
        self._add(name, stat.S_IFLNK | 0o777, target.encode())

    def data(self, name, content, mode=0o644):
        self._parents(name)
        self._add(name, stat.S_IFREG | mode, content)

    def file(self, name, source):
        """Adds the file `source` under `name`, with its content and its execute permission."""
        with open(source, "rb") as stream:
            self.data(name, stream.read(), 0o755 if os.access(source, os.X_OK) else 0o644)

    def device(self, name, major, minor, mode=0o600):
        self._parents(name)
        self._add(name, stat.S_IFCHR | mode, b"", (major, minor))

    def __contains__(self, name):
        return name in self._names

    def to_bytes(self):
        pieces = []
        for number, (name, mode, content, device) in enumerate(self._entries, 1):
            pieces += _entry(number, name, mode, content, device)
        pieces += _entry(0, "TRAILER!!!", 0, b"", (0, 0))
        return b"".join(pieces)

    def _parents(self, name):
        self.directory(os.path.dirname(name))

    def _add(self, name, mode, content, device=(0, 0)):
        self._names.add(name)
        self._entries.append((name, mode, content, device))


def _entry(number, name, mode, content, device):
    links, no_owner, no_time, checksum = 1, 0, 0, 0
    path = name.encode() + b"\0"
    fields = (number, mode, no_owner, no_owner, links, no_time, len(content),
              0, 0, *device, len(path), checksum)
    header = b"070701" + b"".join(b"%08x" % field for field in fields) + path
    return [header, _padding(len(header)), content, _padding(len(content))]


def _padding(length):
    return b"\0" * (-length % 4)
