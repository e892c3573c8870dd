"""A PDF written again: the same objects in less than half the room.

Chromium writes no object streams. So the elements of a PDF's structure, by which it can
be read aloud, take more room than its text and its figures together: of this book there
are sixty thousand, each some eighty bytes. Here all that is small is put into streams,
which are compressed, and a compressed table says where each object is.
"""

import io
from itertools import accumulate
from pathlib import Path

from pypdf import PdfReader
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    PdfObject,
    StreamObject,
)

TOGETHER = 200  # objects in a stream: a reader unpacks all of it to see one
TRAILER = ("/Root", "/Info", "/ID")


def pack(path: Path) -> None:
    """Write the PDF again; every object keeps its number."""
    reader = PdfReader(path)
    found = {n: reader.get_object(n) for n in sorted(reader.xref[0])}
    small = {n: o for n, o in found.items() if not isinstance(o, StreamObject)}
    streams = {n: o for n, o in found.items() if isinstance(o, StreamObject)}
    places, free = {}, max(found) + 1
    for start in range(0, len(small), TOGETHER):
        numbers = list(small)[start : start + TOGETHER]
        places |= {n: (2, free, index) for index, n in enumerate(numbers)}
        streams[free] = together(numbers, [written(small[n]) for n in numbers])
        free += 1
    out = io.BytesIO()
    out.write(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
    for number, stream in streams.items():
        places[number] = (1, out.tell(), 0)
        out.write(b"%d 0 obj\n%b\nendobj\n" % (number, written(stream)))
    begin = out.tell()
    places[free] = (1, begin, 0)
    trailer = {k: reader.trailer.raw_get(k) for k in TRAILER if k in reader.trailer}
    out.write(b"%d 0 obj\n%b\nendobj\n" % (free, written(table(places, trailer))))
    out.write(b"startxref\n%d\n%%%%EOF\n" % begin)
    path.write_bytes(out.getvalue())


def written(thing: PdfObject) -> bytes:
    """An object as it stands in a file."""
    out = io.BytesIO()
    thing.write_to_stream(out)
    return out.getvalue()


def together(numbers: list[int], texts: list[bytes]) -> StreamObject:
    """A stream of objects; it begins with each one's number and place."""
    begins = accumulate((len(text) + 1 for text in texts[:-1]), initial=0)
    head = " ".join(f"{n} {begin}" for n, begin in zip(numbers, begins, strict=True))
    facts = {
        "/Type": NameObject("/ObjStm"),
        "/N": NumberObject(len(numbers)),
        "/First": NumberObject(len(head) + 1),
    }
    return deflated(b"\n".join([head.encode(), *texts]), facts)


def table(places: dict[int, tuple[int, int, int]], trailer: dict) -> StreamObject:
    """Where each object is: at a byte of the file (1) or in a stream of objects (2)."""
    size = max(places) + 1
    rows = [places.get(number, (0, 0, 0)) for number in range(size)]
    data = b"".join(
        kind.to_bytes(1) + place.to_bytes(4) + index.to_bytes(2)
        for kind, place, index in rows
    )
    facts = {
        "/Type": NameObject("/XRef"),
        "/Size": NumberObject(size),
        "/W": ArrayObject(map(NumberObject, (1, 4, 2))),
    }
    return deflated(data, facts | trailer)


def deflated(data: bytes, facts: dict[str, PdfObject]) -> StreamObject:
    """A compressed stream."""
    stream = StreamObject()
    stream.set_data(data)
    stream = stream.flate_encode(level=9)
    stream.update(DictionaryObject({NameObject(k): v for k, v in facts.items()}))
    return stream
