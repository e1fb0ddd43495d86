"""Roots and audit paths of the tree over a journal's lines, against the known answers of RFC 6962 test vectors."""

from __future__ import annotations

import hashlib

import pytest

from pytest_conformance.record.merkle import EMPTY, Frontier, proof, root_from_proof

LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
"""Of the certificate transparency project's reference tree, for 1 to 8 leaves."""


def test_the_root_of_a_growing_tree_is_that_of_the_reference() -> None:
    tree = Frontier()
    assert tree.root() == EMPTY == hashlib.sha256(b"").hexdigest()

    seen = []
    for leaf in LEAVES:
        tree.add(leaf)
        seen.append(tree.root())

    assert tuple(seen) == ROOTS


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 64, 65, 100])
def test_each_leaf_has_a_proof_that_leads_to_the_root_and_no_other_leaf_has_it(size: int) -> None:
    lines = [b"line %d\n" % number for number in range(size)]
    tree = Frontier()
    for line in lines:
        tree.add(line)

    for index, line in enumerate(lines):
        path = proof(lines, index)
        assert root_from_proof(line, index, size, path) == tree.root()
        assert root_from_proof(line + b"!", index, size, path) != tree.root()
        if size > 1:
            assert _root_or_none(line, (index + 1) % size, size, path) != tree.root()


def _root_or_none(line: bytes, index: int, size: int, path: list[str]) -> str | None:
    try:
        return root_from_proof(line, index, size, path)
    except ValueError:
        return None


CHANGES = {
    "short": lambda path: path[:-1],
    "long": lambda path: [*path, "00" * 32],
    "no hash": lambda path: ["zz", *path[1:]],
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_path_of_the_wrong_length_or_content_is_refused(change: str) -> None:
    lines = [b"%d\n" % number for number in range(7)]

    with pytest.raises(ValueError, match=r"path|hexadecimal"):
        root_from_proof(lines[3], 3, 7, CHANGES[change](proof(lines, 3)))
