"""HTTP/3 frames over QUIC streams (RFC 9114), headers by QPACK with the optional library; raw streams otherwise."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from pytest_conformance.analysis.traffic.conversation import Conversation, Item, Side
from pytest_conformance.analysis.traffic.http2 import Headers, _Stream, give_stream
from pytest_conformance.analysis.traffic.quic_packets import varint
from pytest_conformance.analysis.traffic.ranges import RangeMap

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.quic import StreamData

Streams = "dict[tuple[int, bool], StreamData]"


class _Qpack:
    """The header decoder of one direction; without the library headers stay unread."""

    def __init__(self, encoder_stream: bytes) -> None:
        self.missing = importlib.util.find_spec("pylsqpack") is None
        self.decoder: Any = None
        if not self.missing:
            import pylsqpack

            self.decoder = pylsqpack.Decoder(1 << 16, 1000)
            try:
                self.decoder.feed_encoder(encoder_stream)
            except pylsqpack.EncoderStreamError:
                self.decoder = None

    def decode(self, stream: int, data: bytes) -> Headers | None:
        if self.decoder is None:
            return None
        import pylsqpack

        try:
            _, headers = self.decoder.feed_header(stream, data)
        except (pylsqpack.DecompressionFailed, pylsqpack.StreamBlocked, ValueError):
            return None
        return [(bytes(name), bytes(value)) for name, value in headers]


def parse(conversation: Conversation, streams: dict[tuple[int, bool], StreamData], alpn: str) -> None:
    """Hand on what the streams of a decrypted QUIC connection carry."""
    sink = conversation.sink
    layers = (*conversation.layers, "quic")
    http = alpn.startswith("h3") or (not alpn and _smells_of_http(streams))
    if not http:
        for (_, client), stream in sorted(streams.items()):
            _raw(conversation, conversation.client if client else conversation.server, stream, layers)
        return
    sink.speaks("https")
    sink.flags.add("http3")
    requests: dict[int, Headers] = {}
    for client in (True, False):
        qpack = _Qpack(_unidirectional(streams, client, 2))
        for (number, of_client), stream in sorted(streams.items()):
            if of_client is not client:
                continue
            side = conversation.client if client else conversation.server
            if number & 2 or number < 0:
                data = stream.joined()[0]
                sink.understood(side, len(data))
                continue
            found = _request(conversation, side, number, stream, qpack)
            if client:
                requests[number] = found.headers
                sink.name("http-host", found.value(b":authority").decode("latin-1").partition(":")[0])
            give_stream(conversation, side, found, requests.get(number, []), (*layers, "http/3"))


def _smells_of_http(streams: dict[tuple[int, bool], StreamData]) -> bool:
    return any(n & 3 == 2 and s.joined()[0][:1] == b"\0" for (n, c), s in streams.items() if c and n >= 0)


def _unidirectional(streams: dict[tuple[int, bool], StreamData], client: bool, kind: int) -> bytes:
    for (number, of_client), stream in streams.items():
        if of_client is client and number >= 0 and number & 2:
            data = stream.joined()[0]
            if data[:1] == bytes([kind]):
                return data[1:]
    return b""


def _raw(conversation: Conversation, side: Side, stream: StreamData, layers: tuple[str, ...]) -> None:
    data, ranges, missing = stream.joined()
    if missing:
        conversation.sink.missing(side, missing, "stream-gap")
    if data:
        conversation.sink.give(Item(data, ranges, layers, side.up, "stream"))


def _request(conversation: Conversation, side: Side, number: int, stream: StreamData, qpack: _Qpack) -> _Stream:
    """Split the frames of a request stream into headers and data."""
    data, ranges, missing = stream.joined()
    out = _Stream(holed=missing > 0)
    if missing:
        conversation.sink.missing(side, missing, "stream-gap")
    sink, at = conversation.sink, 0
    try:
        while at < len(data):
            start = at
            kind, at = varint(data, at)
            length, at = varint(data, at)
            end = min(at + length, len(data))
            if kind == 0:
                sink.understood(side, at - start)
                out.parts.append(data[at:end])
                out.maps.append((end - at, ranges.slice(at, end)))
            elif kind == 1:
                headers = qpack.decode(number, data[at:end])
                if headers is None:
                    sink.opaque(side, end - start, "decoder-missing:pylsqpack" if qpack.missing else "qpack-lost")
                else:
                    out.headers.extend(headers)
                    out.head = RangeMap.concat([(1, out.head), (1, ranges.slice(at, end))])
                    sink.understood(side, end - start)
            else:
                sink.understood(side, end - start)
                sink.covert(side, max(end - at - 16, 0))
            at = end
    except IndexError:
        pass
    return out
