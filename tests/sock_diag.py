"""What the other end of a TCP connection on this machine has not read yet, as sock_diag(7) tells it."""

import os
import socket
import struct
import time

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLMSG_ERROR = 2
ALL_STATES = 0xFFFFFFFF
NO_COOKIE = 0xFFFFFFFF
TCP_ESTABLISHED = 1
# struct nlmsghdr, of which the message that follows begins at an offset of 16, struct inet_diag_req_v2, in which
# struct inet_diag_sockid is the last, and struct inet_diag_msg up to its queues.
HEADER = struct.Struct("=IHHII")
REQUEST = struct.Struct("=BBBxI")
ADDRESSES = struct.Struct("!HH16s16s")
INTERFACE_AND_COOKIE = struct.pack("=III", 0, NO_COOKIE, NO_COOKIE)
STATE_AT = 16 + 1
UNREAD_AT = 16 + 4 + 48 + 4


def _ask():
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)
    netlink.connect((0, 0))
    return netlink


def unread_by_peer(netlink, connection):
    """The bytes in the peer's receive buffer; 0 where it has closed the connection, and will read none of them."""
    (address, port), (peer_address, peer_port) = connection.getsockname(), connection.getpeername()
    of_peer = ADDRESSES.pack(peer_port, port, socket.inet_aton(peer_address), socket.inet_aton(address))
    request = REQUEST.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, ALL_STATES) + of_peer + INTERFACE_AND_COOKIE
    netlink.send(HEADER.pack(HEADER.size + len(request), SOCK_DIAG_BY_FAMILY, 1, 1, 0) + request)
    answer = netlink.recv(4096)
    [kind] = struct.unpack_from("=H", answer, 4)
    if kind == NLMSG_ERROR or answer[STATE_AT] != TCP_ESTABLISHED:
        return 0
    return struct.unpack_from("=I", answer, UNREAD_AT)[0]


def can_tell():
    """Whether this system has it: a module of the kernel."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as connection:
        connection.send(b"x")
        with _ask() as netlink:
            return unread_by_peer(netlink, connection) == 1


def wait_until_read(connection, seconds):
    """Waits until the peer has read all that was sent to it."""
    deadline = time.monotonic() + seconds
    with _ask() as netlink:
        while unread_by_peer(netlink, connection) > 0:
            assert time.monotonic() < deadline, f"the peer left bytes unread for {seconds} s"
            os.sched_yield()
