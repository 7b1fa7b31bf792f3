"""Bodies that are small and become large: gzip of one piece that is repeated."""

import struct
import zlib

_PIECE = 1 << 20


def bomb(unit, size, head=b""):
    """Return gzip that becomes a head, and then about so many bytes that are one unit repeated.

    The piece is packed once: after a full flush what follows refers to nothing before it.
    """
    packer = zlib.compressobj(9, wbits=31)
    beginning = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    packer = zlib.compressobj(9, wbits=-15)
    piece = unit * (_PIECE // len(unit))
    packed = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    count, check = size // _PIECE, zlib.crc32(head)
    for _ in range(count):
        check = zlib.crc32(piece, check)
    whole = len(head) + count * len(piece)
    return beginning + packed * count + packer.flush() + struct.pack("<II", check, whole)
