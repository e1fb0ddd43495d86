"""The Merkle tree over the lines of a journal (RFC 6962): roots while it grows, and proofs for single lines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

EMPTY = hashlib.sha256().hexdigest()
"""Root of a tree without leaves (RFC 6962, section 2.1)."""


class Frontier:
    """A tree that only grows: keeps one hash for each complete subtree, so that 100,000 lines need 17 of them."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, line: bytes) -> None:
        """Take the next leaf."""
        node = _leaf(line)
        merged = self.size
        while merged & 1:
            node = _node(self._peaks.pop(), node)
            merged >>= 1
        self._peaks.append(node)
        self.size += 1

    def root(self) -> str:
        """Return the root over everything taken so far, in hexadecimal digits."""
        if not self._peaks:
            return EMPTY
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = _node(peak, node)
        return node.hex()


def proof(lines: Iterable[bytes], index: int) -> list[str]:
    """Return the audit path of leaf `index` (RFC 6962, section 2.1.1), from the leaf to the root.

    Raises IndexError when there is no such leaf.
    """
    leaves = [_leaf(each) for each in lines]
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    return [each.hex() for each in _path(leaves, index)]


def root_from_proof(line: bytes, index: int, size: int, path: Sequence[str]) -> str:
    """Return the root that `path` leads to from `line` as leaf `index` of `size` (RFC 9162, section 2.1.3.2).

    Raises ValueError when the path has the wrong length or is no path.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    node, left, last = _leaf(line), index, size - 1
    for text in path:
        sibling = bytes.fromhex(text)
        if last == 0 or len(sibling) != 32:
            raise ValueError("the path is too long, or holds something else than hashes")
        if left & 1 or left == last:
            node = _node(sibling, node)
            while not left & 1 and left:
                left, last = left >> 1, last >> 1
        else:
            node = _node(node, sibling)
        left, last = left >> 1, last >> 1
    if last:
        raise ValueError("the path is too short")
    return node.hex()


def _path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*_path(leaves[:split], index), _root(leaves[split:])]
    return [*_path(leaves[split:], index - split), _root(leaves[:split])]


def _root(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return _node(_root(leaves[:split]), _root(leaves[split:]))


def _leaf(line: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + line).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
