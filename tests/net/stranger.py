#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
usage: stranger.py stand INTERFACE rx|tx   puts a tcx program "stranger" before all others that ends the chain; "standing", until killed
       stranger.py order INTERFACE rx|tx   prints the names of the tcx programs there, in their order

The status is 77 if the kernel has no tcx.
"""
import ctypes
import errno
import os
import platform
import signal
import socket
import struct
import sys

SYS_BPF = {"x86_64": 321}.get(platform.machine(), 280)
PROG_LOAD, PROG_GET_FD_BY_ID, OBJ_GET_INFO, PROG_QUERY, LINK_CREATE = 5, 13, 15, 16, 28
SCHED_CLS, BEFORE, PROGRAMS_MAX = 3, 1 << 3, 64
TYPES = {"rx": 46, "tx": 47}
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    result = libc.syscall(SYS_BPF, command, buffer, len(attributes))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result, buffer.raw


def load():
    # r0 = TC_ACT_OK; exit
    code = ctypes.create_string_buffer(struct.pack("<BBhiBBhi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0), 16)
    text = ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack("<IIQQIIQII16s", SCHED_CLS, 2, ctypes.addressof(code), ctypes.addressof(text), 0, 0, 0, 0, 0, b"stranger")
    return bpf(PROG_LOAD, attributes)[0]


def stand(index, where):
    link = bpf(LINK_CREATE, struct.pack("<IIIIIIQ", load(), index, TYPES[where], BEFORE, 0, 0, 0))[0]
    print("standing", link, flush=True)
    signal.pause()


def name(number):
    info = ctypes.create_string_buffer(80)
    program = bpf(PROG_GET_FD_BY_ID, struct.pack("<III", number, 0, 0))[0]
    bpf(OBJ_GET_INFO, struct.pack("<IIQ", program, 80, ctypes.addressof(info)))
    os.close(program)
    return info.raw[64:80].rstrip(b"\0").decode()


def order(index, where):
    ids = (ctypes.c_uint32 * PROGRAMS_MAX)()
    attributes = struct.pack("<IIIIQIIQQQQ", index, TYPES[where], 0, 0, ctypes.addressof(ids), PROGRAMS_MAX, 0, 0, 0, 0, 0)
    count = struct.unpack_from("<I", bpf(PROG_QUERY, attributes)[1], 24)[0]
    print(*(name(number) for number in ids[:count]))


def main(what, interface, where):
    try:
        {"stand": stand, "order": order}[what](socket.if_nametoindex(interface), where)
    except OSError as error:
        if error.errno == errno.EINVAL:
            return 77
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
