"""What sysfs says of a simulated USB device on its bus: files under a test root, as umockdev's clients see them."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from pytest_conformance.simulation.instruments.usb_device import UsbDevice

HUB = struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x0200, 9, 0, 0, 64, 0x1D6B, 2, 0x0100, 0, 0, 0, 1) + bytes.fromhex(
    "0902190001010080320904000001090000000705810304000c"
)


@dataclass(frozen=True)
class Node:
    """Number of the bus and of the device on it."""

    bus: int
    number: int

    @property
    def path(self) -> str:
        """The node's path below /dev."""
        return f"bus/usb/{self.bus:03}/{self.number:03}"


def write_sysfs(root: Path, device: UsbDevice, serial: str, node: Node) -> None:
    """Describe a root hub and, at its first port, `device`, below `root`."""
    for name in ("dev", "sys/bus", "sys/class", "ioctl"):
        (root / name).mkdir(parents=True, exist_ok=True)
    hub = root / "sys/devices/usb1"
    _describe(
        root, hub, HUB, Node(node.bus, 1), {"idVendor": "1d6b", "idProduct": "0002", "speed": "480", "devpath": "0"}
    )
    described = {
        "idVendor": f"{device.vendor:04x}",
        "idProduct": f"{device.product:04x}",
        "serial": serial,
        "speed": "12",
        "devpath": "1",
    }
    _describe(root, hub / "1-1", device.device_descriptor + device.configuration, node, described)


def _describe(root: Path, folder: Path, descriptors: bytes, node: Node, files: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    shared = {"busnum": node.bus, "devnum": node.number, "bConfigurationValue": 1, "bNumConfigurations": 1}
    for name, value in {**shared, **files}.items():
        (folder / name).write_text(f"{value}\n")
    (folder / "descriptors").write_bytes(descriptors)
    product = f"{int(files['idVendor'], 16):x}/{int(files['idProduct'], 16):x}/100"
    (folder / "uevent").write_text(
        f"MAJOR=189\nMINOR={node.number - 1}\nDEVNAME={node.path}\nDEVTYPE=usb_device\nDRIVER=usb\nPRODUCT={product}\n"
    )
    bus = root / "sys/bus/usb"
    _link(bus / "devices" / folder.name, folder)
    _link(folder / "subsystem", bus)
    _link(root / "sys/dev/char" / f"189:{node.number - 1}", folder)


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.relpath(target, link.parent))
