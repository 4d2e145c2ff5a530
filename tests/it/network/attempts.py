"""Tries to reach what the run's list does not name. Prints a line for each attempt."""
import json
import os
import socket

facts = json.load(open("facts.json"))
PROXY = ("127.0.0.1", facts["proxy"])
HOST_PORT = facts["host_port"]


def told(name, attempt):
    try:
        result = attempt()
    except OSError as error:
        result = type(error).__name__
    print(f"{name}: {result}")


def directly(address, family=None):
    def attempt():
        if family is None:
            socket.create_connection(address, 2).close()
        else:
            with socket.socket(family) as stream:
                stream.settimeout(2)
                stream.connect(address)
        return "REACHED"

    return attempt


def by_datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(2)
        udp.sendto(b"\0" * 12, ("203.0.113.53", 53))
        return "SENT"


def by_proxy(*lines, body=b""):
    """The status that the proxy answers with."""

    def attempt():
        with socket.create_connection(PROXY, 10) as stream:
            stream.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            answer = stream.makefile("rb").readline().decode().split()
            return answer[1] if len(answer) > 1 else "closed"

    return attempt


def tunnel(authority):
    told(f"CONNECT {authority}", by_proxy(f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"))


def plain(method, uri, *headers):
    told(f"{method} {uri} {' '.join(headers)}".strip(), by_proxy(f"{method} {uri} HTTP/1.1", *headers))


def rebind():
    with socket.socket() as stream:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        stream.bind(PROXY)
        stream.listen()
        return "BOUND"


print("# without the proxy")
for host in ["127.0.0.1", "localhost", "::1", "0.0.0.0"]:
    told(f"host listener at {host}", directly((host, HOST_PORT)))
if facts["own_address"]:
    told("host listener at the machine's address", directly((facts["own_address"], HOST_PORT)))
told("metadata service", directly(("169.254.169.254", 80)))
told("private network", directly(("10.0.0.1", 443)))
told("a public address", directly(("203.0.113.7", 443)))
told("a name", directly(("listed.example", 443)))
told("abstract socket of the host", directly("\0" + facts["abstract"], socket.AF_UNIX))
told("DNS over UDP", by_datagram)

print("# through the proxy")
for authority in [
    f"127.0.0.1:{HOST_PORT}",
    "127.0.0.1:443",
    "localhost:443",
    "[::1]:443",
    "0.0.0.0:443",
    "169.254.169.254:443",
    "10.0.0.1:443",
    "[::ffff:127.0.0.1]:443",
    "2130706433:443",
    "0x7f000001:443",
    "0177.0.0.1:443",
    "127.1:443",
    "203.0.113.7:443",
    "loopback.example:443",
    "private.example:443",
    "metadata.example:443",
    "mapped.example:443",
    "other.example:443",
    "OTHER.example.:443",
    "listed.example.other.example:443",
    "listed.example:22",
    "listed.example:80",
    "listed.example@other.example:443",
    "other.example@listed.example:443",
]:
    tunnel(authority)
plain("GET", "http://other.example/", "Host: other.example")
plain("GET", "http://loopback.example/", "Host: loopback.example")
plain("GET", "http://listed.example/", "Host: other.example")
plain("GET", "http://listed.example/", "Host: listed.example", "Host: other.example")
plain("GET", "http://listed.example:8080/", "Host: listed.example:8080")
plain("GET", "https://listed.example/", "Host: listed.example")
plain("POST", "http://listed.example/", "Host: listed.example", "Content-Length: 0")
plain("GET", "http://listed.example/", "Host: listed.example", "Transfer-Encoding: chunked", "Content-Length: 4")
plain("GET", "/", "Host: listed.example")
told("CONNECT without a port", by_proxy("CONNECT listed.example HTTP/1.1"))
told("a header of 40 KiB", by_proxy("CONNECT listed.example:443 HTTP/1.1", "X: " + "a" * 40960))
told("no HTTP", by_proxy("\x16\x03\x01"))

print("# the proxy itself")
told("bind its port", rebind)
held = [os.readlink(f"/proc/self/fd/{n}") for n in range(64) if os.path.exists(f"/proc/self/fd/{n}")]
print("sockets held:", sum(target.startswith("socket:") for target in held))
print("standard input:", held[0])
