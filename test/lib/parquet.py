# SPDX-License-Identifier: MIT
"""Reads the structure of a Parquet file from its bytes: Thrift's compact protocol and the
pages, without the values."""

import struct
import zlib


class Thrift:
    """Reads structs as {field number: value}."""

    def __init__(self, data, at=0):
        self.data = data
        self.at = at

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def varint(self):
        n = shift = 0
        while True:
            byte = self.byte()
            n |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return n

    def number(self):
        n = self.varint()
        return n >> 1 ^ -(n & 1)

    def value(self, kind):
        if kind in (1, 2):
            return kind == 1
        if kind == 3:
            return struct.unpack('b', bytes([self.byte()]))[0]
        if kind in (4, 5, 6):
            return self.number()
        if kind == 8:
            size = self.varint()
            self.at += size
            assert self.at <= len(self.data)
            return self.data[self.at - size:self.at]
        if kind == 9:
            head = self.byte()
            count = head >> 4 if head >> 4 < 15 else self.varint()
            return [self.value(head & 15) for _ in range(count)]
        assert kind == 12, f'type {kind} at {self.at}'
        return self.struct()

    def struct(self):
        fields, number = {}, 0
        while head := self.byte():
            step = head >> 4
            number = number + step if step else self.number()
            assert number not in fields
            fields[number] = self.value(head & 15)
        return fields


def footer(data):
    """Returns FileMetaData."""
    assert data[:4] == data[-4:] == b'PAR1'
    size, = struct.unpack('<I', data[-8:-4])
    reader = Thrift(data[-8 - size:-8])
    fields = reader.struct()
    assert reader.at == size
    return fields


def pages(data):
    """Returns (column number, page header, its bytes) of each page in the order of the
    file; checks that the pages fill the file and that every checksum is right."""
    at = 4
    meta = footer(data)
    for group in meta[4]:
        for number, chunk in enumerate(group[1]):
            column = chunk[3]
            assert column.get(11, column[9]) == at
            end = at + column[7]
            while at < end:
                reader = Thrift(data, at)
                header = reader.struct()
                body = data[reader.at:reader.at + header[3]]
                assert len(body) == header[3]
                assert zlib.crc32(body) == header[4] & 0xffffffff
                yield number, header, body
                at = reader.at + header[3]
            assert at == end
    assert at == len(data) - 8 - struct.unpack('<I', data[-8:-4])[0]
