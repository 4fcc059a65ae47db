# SPDX-License-Identifier: BSD-2-Clause
"""What tshark finds in a capture, in the words of "farspan decode": one dict a packet, with the fields that tshark shows."""
import subprocess
import xml.etree.ElementTree as tree

# our name: tshark's name, of fields that are there whenever the header is
ERSPAN = {"session": "erspan.spanid", "vlan": "erspan.vlan", "cos": "erspan.cos", "truncated": "erspan.truncated"}
ERSPAN2 = {"en": "erspan.encap", "index": "erspan.index"}
ERSPAN3 = {"bso": "erspan.bso", "timestamp": "erspan.timestamp", "sgt": "erspan.sgt", "p": "erspan.p", "ft": "erspan.ft",
           "hwid": "erspan.hw", "direction": "erspan.direction", "gra": "erspan.gra", "o": "erspan.o"}
PLATF = {
    1: {"domain_id": "erspan.pid1.vsmid", "port_id": "erspan.pid1.port_index"},
    3: {"port_id": "erspan.pid3.port_index", "timestamp_upper": "erspan.pid3.timestamp"},
    4: {},
    5: {"switch_id": "erspan.pid5.switchid", "port_id": "erspan.pid5.port_index", "timestamp_upper": "erspan.pid5.timestamp"},
    6: {"switch_id": "erspan.pid5.switchid", "port_id": "erspan.pid5.port_index", "timestamp_upper": "erspan.pid5.timestamp"},
    7: {"port_id": "erspan.pid7.source_index", "timestamp_upper": "erspan.pid7.timestamp"},
}
VLAN_IDS = ("vlan.id", "ieee8021ad.id", "ieee8021ad.svid", "ieee8021ad.cvid")
TYPES = ("eth.type", "eth.len", "vlan.etype", "vlan.len")


def number(text):
    return int({"True": "1", "False": "0"}.get(text, text), 0)


class Protocol:
    """One header as tshark shows it; fields nested at any depth, the first of a name counts."""

    def __init__(self, element):
        self.name = element.get("name")
        self.pos = int(element.get("pos", 0))
        self.fields = {}
        for field in element.iter("field"):
            self.fields.setdefault(field.get("name"), field)

    def has(self, name):
        return name in self.fields

    def text(self, name):
        return self.fields[name].get("show")

    def number(self, name):
        return number(self.text(name))


def take(found, protocol, names):
    for ours, theirs in names.items():
        if protocol.has(theirs):
            found[ours] = protocol.number(theirs)


def ip(found, protocol):
    version = "ip" if protocol.name == "ip" else "ipv6"
    found["outer_src"], found["outer_dst"] = protocol.text(version + ".src"), protocol.text(version + ".dst")
    found["ttl"] = protocol.number("ip.ttl" if version == "ip" else "ipv6.hlim")
    found["tos"] = protocol.number("ip.dsfield" if version == "ip" else "ipv6.tclass")


def gre(found, protocol):
    kind = {0x88BE: "erspan1", 0x6558: "gre"}.get(protocol.number("gre.proto"), "none")
    if kind == "erspan1" and protocol.number("gre.flags.sequence_number"):
        kind = "none"  # until the ERSPAN header says which
    found["kind"] = kind
    if protocol.has("gre.key"):
        found["key"] = protocol.number("gre.key")
    if protocol.has("gre.sequence_number"):
        found["seq"] = protocol.number("gre.sequence_number")


def geneve(found, protocol):
    found["kind"], found["vni"] = "geneve", protocol.number("geneve.vni")
    found["oam"], found["critical"] = (bool(protocol.number("geneve.flags." + name)) for name in ("oam", "critical"))
    found["options_len"] = int(protocol.fields["geneve.options"].get("size")) if protocol.has("geneve.options") else 0


def erspan(found, protocol):
    if not protocol.has("erspan.version"):
        return
    version = protocol.number("erspan.version")
    found["kind"] = {1: "erspan2", 2: "erspan3"}.get(version, "none")
    take(found, protocol, ERSPAN)
    take(found, protocol, ERSPAN2 if version == 1 else ERSPAN3)
    if protocol.has("erspan.platid"):
        found["platf_id"] = protocol.number("erspan.platid")
        take(found, protocol, PLATF.get(found["platf_id"], {}))
    if "truncated" in found:
        found["truncated"] = bool(found["truncated"])
    if "direction" in found:
        found["direction"] = "egress" if found["direction"] else "ingress"


def inner_ethernet(found, protocols):
    """The mirrored frame's link header and tags; protocols starts with it."""
    ethernet = protocols[0]
    found["inner_off"] = ethernet.pos
    found["inner_dst"], found["inner_src"] = ethernet.text("eth.dst"), ethernet.text("eth.src")
    found["inner_vlans"] = []
    last = ethernet
    for protocol in protocols[1:]:
        if protocol.name not in ("vlan", "ieee8021ad"):
            break
        last = protocol
        found["inner_vlans"] += [protocol.number(name) for name in VLAN_IDS if protocol.has(name)]
    # The one behind an 802.1ad tag is not shown.
    found.update({"inner_type": f"0x{last.number(name):04x}" for name in TYPES if last.has(name)})


def is_fragment(protocols):
    """Whether the outermost IP header is of a fragment; tshark goes on behind the one that completes a packet."""
    for protocol in protocols:
        if protocol.name == "ip":
            return protocol.number("ip.flags.mf") or protocol.number("ip.frag_offset")
        if protocol.name == "ipv6":
            return protocol.has("ipv6.fraghdr.more") and (protocol.number("ipv6.fraghdr.more") or protocol.number("ipv6.fraghdr.offset"))
    return False


def outermost(protocols):
    """The protocols that count: up to the first tunnel and the frame in it, and not what an ICMP error quotes."""
    for at, protocol in enumerate(protocols):
        if protocol.name in ("icmp", "icmpv6"):
            return protocols[:at]
    return protocols


def packet(element):
    protocols = [Protocol(proto) for proto in element.findall("proto")]
    protocols = [proto for proto in protocols if proto.name not in ("geninfo", "frame", "fake-field-wrapper")]
    found = {"kind": "none", "is_fragment": bool(is_fragment(protocols))}
    tunnel = False
    for at, protocol in enumerate(outermost(protocols)):
        if protocol.name in ("ip", "ipv6") and "outer_src" not in found:
            ip(found, protocol)
        elif protocol.name == "gre" and not tunnel:
            tunnel = True
            gre(found, protocol)
        elif protocol.name == "erspan" and tunnel:
            erspan(found, protocol)
        elif protocol.name == "vxlan" and not tunnel:
            tunnel = True
            found["kind"], found["vni"] = "vxlan", protocol.number("vxlan.vni")
        elif protocol.name == "geneve" and not tunnel and protocol.number("geneve.proto_type") == 0x6558:
            tunnel = True
            geneve(found, protocol)
        elif protocol.name == "tzsp" and not tunnel and protocol.number("tzsp.type") == 0:
            tunnel = True
            found["kind"] = "tzsp"
        elif protocol.name == "eth" and tunnel:
            inner_ethernet(found, protocols[at:])
            break
        elif tunnel:
            break
    return found


def read(path):
    """All packets of a capture file."""
    command = ["tshark", "-n", "-r", path, "-T", "pdml", "-o", "ip.defragment:TRUE", "-o", "ipv6.defragment:TRUE"]
    result = subprocess.run(command, capture_output=True, check=True)
    return [packet(element) for element in tree.fromstring(result.stdout).findall("packet")]
