#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Compares captures, frame by frame.

usage: compare.py same REFERENCE COPIES                  the same frames, as often, byte by byte, order aside
       compare.py cut REFERENCE COPIES BYTES             the same, but copies end after BYTES bytes, and exactly those say so (T)
       compare.py sequence COPIES                        per session no sequence number missing, none twice
       compare.py order REFERENCE COPIES                 the same order within each TCP connection and direction
       compare.py apart COPIES COPIES...                 all have some, and no flow is in two of them
       compare.py stream COPIES PORT BYTES SHA256        the TCP bytes sent to PORT, each taken once, are that many and those
       compare.py tags COPIES COUNT                      every frame of TCP or UDP has that many VLAN tags
       compare.py checksums COPIES                       every TCP and UDP checksum is right
       compare.py count COPIES                           just prints how many frames
       compare.py foreign COPIES TYPE TCI                just prints how many frames have another outermost VLAN tag, or none

REFERENCE and COPIES are files, or several with + between. erspan:FILE stands for the frames inside of the ERSPAN packets of FILE,
whole:FILE for those inside of its ERSPAN, GRE and VXLAN packets, outer fragments put together,
untagged:FILE for the frames of FILE without their outermost VLAN tag, NAME@FILE
for those of the interfaces of a pcapng FILE whose names start with NAME; others are left out. Fence frames are left out everywhere but in
"sequence". The two forms of a TCP checksum of 0 count as one. Prints counts; the exit status says whether it is so. Several of these with
, between are one after the other, all of them.
"""
import functools
import hashlib
import itertools
import struct
import sys
from collections import Counter

from packets import FENCE, RAW, checksum_right, defragmented, ip_of, mirrored_of, read, untag


@functools.lru_cache
def mirrored(path):
    packets = [mirrored_of(packet.data) for packet in read(path.removeprefix("erspan:"))]
    return [packet for packet in packets if packet and packet.kind.startswith("erspan")]


def whole(path):
    packets = [mirrored_of(packet.data) for packet in defragmented(read(path))]
    return [packet for packet in packets if packet]


def one_zero(frame):
    """
    The frame with a TCP checksum of 0 in one form: in ones' complement there are two, and the kernel writes 0 where it cuts a super-packet,
    but 0xffff where it finishes a frame for an interface that cannot.
    """
    if b"\xff\xff" not in frame or len(frame) < 54:
        return frame
    _, kind, at = untag(frame)
    ip = ip_of(frame[at:]) if kind in (0x0800, 0x86DD) else None
    if not ip or ip[6] or ip[7] != 6:
        return frame
    at += (40 if ip[0] == 6 else (frame[at] & 15) * 4) + 16
    return frame[:at] + b"\0\0" + frame[at + 2:] if frame[at:at + 2] == b"\xff\xff" else frame


@functools.lru_cache
def frames(paths):
    """The frames of captures; what comes in several files stands in their order."""
    found = []
    for path in paths.split("+"):
        if path.startswith("erspan:"):
            found += [packet.inner for packet in mirrored(path)]
        elif path.startswith("whole:"):
            found += [packet.inner for packet in whole(path.removeprefix("whole:"))]
        elif path.startswith("untagged:"):
            found += [packet.data[:12] + packet.data[16:] for packet in read(path.removeprefix("untagged:"))]
        elif "@" in path:
            name, _, path = path.partition("@")
            found += [packet.data for packet in read(path) if packet.interface[0].startswith(name)]
        else:
            found += [b"no Ethernet: " * (packet.link == RAW) + packet.data for packet in read(path)]
    return [one_zero(frame) for frame in found if FENCE not in frame]


def show(title, counter):
    for frame, times in list(counter.items())[:5]:
        print(f"  {title} {times} times, {len(frame)} bytes: {frame[:64].hex()}{'...' if len(frame) > 64 else ''}")


def equal(wanted, got):
    missing, extra = wanted - got, got - wanted
    print(f"{sum(wanted.values())} frames, {sum(got.values())} copies, {sum(missing.values())} missing, {sum(extra.values())} unknown")
    return missing, extra


def same(reference, copies):
    wanted = Counter(frames(reference))
    missing, extra = equal(wanted, Counter(frames(copies)))
    show("missing", missing)
    show("unknown", extra)
    return not missing and not extra and bool(wanted)


def cut(reference, copies, length):
    length = int(length)
    packets = [packet for packet in mirrored(copies) if FENCE not in packet.inner]
    type_one = any(packet.kind == "erspan1" for packet in packets)  # cannot say that it is cut
    originals = frames(reference)
    shortened = sum(len(frame) > length for frame in originals)
    wanted = Counter((frame[:length], len(frame) > length and not type_one) for frame in originals)
    got = [(packet.inner, bool(packet.erspan and packet.erspan["t"])) for packet in packets]
    missing, extra = equal(wanted, Counter(got))
    show("missing", Counter(frame for frame, _ in missing.elements()))
    show("unknown", Counter(frame for frame, _ in extra.elements()))
    fragments = sum(packet.fragment for packet in packets)
    longest = max((packet.length for packet in packets), default=0)
    print(f"{shortened} to be cut, {sum(said for _, said in got)} say T, {fragments} fragments, longest outer packet {longest} bytes")
    return not missing and not extra and shortened > 0 and not fragments


def sequence(copies):
    sessions = {}
    for packet in mirrored(copies):
        if packet.seq is not None:
            sessions.setdefault((packet.kind, packet.source, packet.erspan["session"]), []).append(packet.seq)
    good = bool(sessions)
    for (kind, _, session), numbers in sessions.items():
        span, unique = max(numbers) - min(numbers) + 1, len(set(numbers))
        print(f"{kind} {session}: {len(numbers)} packets, {len(numbers) - unique} twice, {span - unique} missing")
        good = good and span == unique == len(numbers)
    return good


def tcp_of(frame):
    """(source, destination, sequence number, payload, SYN) of a TCP frame, None for others."""
    _, kind, at = untag(frame)
    ip = ip_of(frame[at:]) if kind in (0x0800, 0x86DD) else None
    if not ip or ip[7] != 6 or ip[6]:
        return None
    segment = ip[8]
    source, destination, seq = struct.unpack_from(">HHI", segment)
    return (ip[1], source), (ip[2], destination), seq, segment[(segment[12] >> 4) * 4:], bool(segment[13] & 2)


def flows(path):
    found = {}
    for frame in frames(path):
        tcp = tcp_of(frame)
        if tcp:
            found.setdefault(tcp[:2], []).append(frame)
    return found


def order(reference, copies):
    wanted, got = flows(reference), flows(copies)
    wrong = [flow for flow in wanted if wanted[flow] != got.get(flow)]
    print(f"{len(wanted)} flows, {len(wrong)} not in the same order")
    return bool(wanted) and not wrong


def flow_of(frame):
    """Addresses, protocol and ports of TCP, whichever way."""
    _, kind, at = untag(frame)
    ip = ip_of(frame[at:]) if kind in (0x0800, 0x86DD) else None
    if not ip:
        return kind
    return ip[7], frozenset(ip[1:3]), frozenset(struct.unpack_from(">HH", ip[8])) if ip[7] == 6 else None


def apart(*copies):
    places = [{flow_of(frame) for frame in frames(paths)} for paths in copies]
    torn = sum(map(len, places)) - len(set().union(*places))
    print(" + ".join(str(len(place)) for place in places), f"flows, {torn} torn")
    return all(places) and not torn


def stream(copies, port, length, digest):
    """Puts the bytes sent to a port together; a byte that comes again must be the same."""
    content = bytearray(int(length))
    have = bytearray(int(length))
    start, outside, differ = None, 0, 0
    segments = [tcp for tcp in map(tcp_of, frames(copies)) if tcp and tcp[1][1] == int(port)]
    for _, _, seq, _, syn in segments:
        if syn:
            start = seq + 1 & 0xFFFFFFFF
    for _, _, seq, payload, syn in segments:
        at = 0 if syn else seq - (start or 0) & 0xFFFFFFFF
        if at + len(payload) > len(content):
            outside += len(payload)
            continue
        if any(have[at:at + len(payload)]):
            differ += sum(h and c != p for h, c, p in zip(have[at:], content[at:], payload))
        content[at:at + len(payload)] = payload
        have[at:at + len(payload)] = b"\1" * len(payload)
    unique = sum(have)
    right = hashlib.sha256(content).hexdigest() == digest
    print(f"{unique} of {length} bytes in {len(segments)} segments, {outside} outside, {differ} different when repeated, "
          f"contents {'equal' if right else 'DIFFER'}")
    return start is not None and unique == int(length) and outside == differ == 0 and right


def tags(copies, count):
    seen = Counter(len(untag(frame)[0]) for frame in frames(copies) if (ip_of(frame[untag(frame)[2]:]) or [0] * 8)[7] in (6, 17))
    print("frames by their number of tags: " + (", ".join(f"{n}: {times}" for n, times in sorted(seen.items())) or "none"))
    return list(seen) == [int(count)]


def checksums(copies):
    sums = Counter()
    for frame in frames(copies):
        _, kind, at = untag(frame)
        ip = ip_of(frame[at:]) if kind in (0x0800, 0x86DD) else None
        sums[checksum_right(ip) if ip else None] += 1
    print(f"{sums[True]} checksums right, {sums[False]} wrong")
    return sums[True] > 0 and not sums[False]


def count(copies):
    print(len(frames(copies)))
    return True


def foreign(copies, tag_type, tci):
    tag = struct.pack("!HH", int(tag_type, 0), int(tci))
    print(sum(frame[12:16] != tag for frame in frames(copies)))
    return True


def main(arguments):
    actions = {"same": same, "cut": cut, "sequence": sequence, "order": order, "apart": apart, "stream": stream, "tags": tags,
               "checksums": checksums, "count": count, "foreign": foreign}
    checks = [list(words) for comma, words in itertools.groupby(arguments, ",".__eq__) if not comma]
    return 0 if all([actions[name](*words) for name, *words in checks]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
