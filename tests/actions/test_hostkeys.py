"""Host keys out of what machines and people write."""

import base64
import hashlib
import hmac
import itertools

import pytest

from labrunner.actions.hostkeys import HostKey, NoHostKeys, has_type, known_hosts_line, parse
from tests.actions.ssh_server import ECDSA, ED25519, public

ED, EC = public(ED25519), public(ECDSA)
ED_PRINT, EC_PRINT = (key.get_fingerprint("sha256") for key in (ED25519, ECDSA))
OTHER = "SHA256:" + "x" * 43
ED_KEY = HostKey(ED_PRINT, "ssh-ed25519", ED.split()[1])
EC_KEY = HostKey(EC_PRINT, "ecdsa-sha2-nistp256", EC.split()[1])

AMAZON_LINUX = f"""\
[    0.000000] Linux version 6.1.79-99.167.amzn2023.x86_64 (mockbuild@ip-10-0-47-220)\r
[   10.118291] cloud-init[2140]: Generating public/private ed25519 key pair.\r
[   10.118291] cloud-init[2140]: The key fingerprint is:\r
[   10.118291] cloud-init[2140]: {OTHER} root@ip-10-77-0-12.ec2.internal\r
[   10.118291] cloud-init[2140]: +--[ED25519 256]--+\r
[   12.345678] cloud-init[2305]: ci-info: | ssh-ed25519 | 0a:1b:2c | -  |  learner   |\r
ec2: \r
ec2: #############################################################\r
ec2: -----BEGIN SSH HOST KEY FINGERPRINTS-----\r
ec2: 256 {EC_PRINT} root@ip-10-77-0-12.ec2.internal (ECDSA)\r
ec2: 256 {ED_PRINT} root@ip-10-77-0-12.ec2.internal (ED25519)\r
ec2: -----END SSH HOST KEY FINGERPRINTS-----\r
ec2: #############################################################\r
-----BEGIN SSH HOST KEY KEYS-----\r
{EC} root@ip-10-77-0-12.ec2.internal\r
{ED} root@ip-10-77-0-12.ec2.internal\r
-----END SSH HOST KEY KEYS-----\r
[   13.262873] cloud-init[2305]: Cloud-init v. 22.2.2 finished at Mon, 01 Jun 2026\r
\r
Amazon Linux 2023\r
ip-10-77-0-12 login: \r
"""
PREFIXED = f"""\
[   12.345678] cloud-init[1234]: -----BEGIN SSH HOST KEY KEYS-----
[   12.345680] cloud-init[1234]: {ED} root@host
[   12.345681] systemd[1]: Started Session c1 of User root.
\x1b[0;32m[   12.345682] cloud-init[1234]: \x1b[0m{EC} root@host
[   12.345683] cloud-init[1234]: -----END SSH HOST KEY KEYS-----
"""
UBUNTU = f"""\
<14>Jan  1 00:00:00 cloud-init: #############################################################
<14>Jan  1 00:00:00 cloud-init: -----BEGIN SSH HOST KEY FINGERPRINTS-----
<14>Jan  1 00:00:00 cloud-init: 256 {EC_PRINT} root@ubuntu (ECDSA)
<14>Jan  1 00:00:00 cloud-init: 256 {ED_PRINT} root@ubuntu (ED25519)
<14>Jan  1 00:00:00 cloud-init: -----END SSH HOST KEY FINGERPRINTS-----
"""


def read(text: str, host: str = "192.0.2.1", port: int = 22) -> list[HostKey]:
    return list(parse(text, host, port))


def test_the_console_of_amazon_linux() -> None:
    assert read(AMAZON_LINUX) == [EC_KEY, ED_KEY]


def test_a_console_with_other_messages_between() -> None:
    assert read(PREFIXED) == [ED_KEY, EC_KEY]


def test_a_console_of_fingerprints_alone() -> None:
    assert read(UBUNTU) == [HostKey(EC_PRINT, "ecdsa"), HostKey(ED_PRINT, "ssh-ed25519")]


def test_a_key_broken_by_another_message_is_left_out() -> None:
    broken = ED[:40] + "[   20.3] random: crng init done\r\n" + ED[40:]
    cut = EC[:-20]
    text = f"-----BEGIN SSH HOST KEY KEYS-----\r\n{broken}\r\n{cut}\r\n{EC}[   20.4] end\r\n"
    assert read(text) == [EC_KEY]


def test_a_fingerprint_broken_by_another_message_is_left_out() -> None:
    text = (
        f"-----BEGIN SSH HOST KEY FINGERPRINTS-----\n256 {ED_PRINT[:30]}[ 1.0] x\n256 {EC_PRINT}\n"
    )
    assert read(text) == [HostKey(EC_PRINT)]


def test_keys_outside_the_blocks_of_a_console_do_not_count() -> None:
    block = f"-----BEGIN SSH HOST KEY KEYS-----\n{ED}\n-----END SSH HOST KEY KEYS-----\n"
    assert read(f"{EC}\n{OTHER}\n{block}{EC}\n") == [ED_KEY]


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN SSH HOST KEY KEYS-----\n-----END SSH HOST KEY KEYS-----\n",
        f"-----BEGIN SSH HOST KEY KEYS-----\n{ED[:-9]}\n",
        f"{ED}\n-----END SSH HOST KEY KEYS-----\n",
    ],
    ids=itertools.count(),
)
def test_a_console_without_a_whole_key(text: str) -> None:
    with pytest.raises(NoHostKeys, match="no whole key"):
        read(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ED, [ED_KEY]),
        (f"{ED} a comment\r\n\r\n# said by mail\r\n{EC}\n", [ED_KEY, EC_KEY]),
        (ED_PRINT, [HostKey(ED_PRINT)]),
        (f"256 {ED_PRINT} root@host (ED25519)", [HostKey(ED_PRINT, "ssh-ed25519")]),
        (f"256 {ED_PRINT} no comment", [HostKey(ED_PRINT)]),
        (f"{ED}\n{ED_PRINT}\n{ED}\n{OTHER}", [ED_KEY, HostKey(OTHER)]),
        (f"192.0.2.1 {ED}", [ED_KEY]),
        (f"host,192.0.2.1 {ED}\nother {EC}", [ED_KEY]),
        (f"[192.0.2.1]:22 {ED}", [ED_KEY]),
    ],
    ids=itertools.count(),
)
def test_lists(text: str, expected: list[HostKey]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "\n# nothing\n", f"other.example {ED}", f"[192.0.2.1]:2222 {ED}", f"|1|AAAA|AAAA {ED}"],
    ids=itertools.count(),
)
def test_lists_without_a_key_of_this_host(text: str) -> None:
    with pytest.raises(NoHostKeys, match=r"no host keys of 192\.0\.2\.1 are given"):
        read(text)


@pytest.mark.parametrize(
    "line",
    [
        f"@revoked * {ED}",
        f"@cert-authority * {ED}",
        f'command="x y" {ED}',
        ED[:-1],
        ED + "A",
        ED.replace("ssh-ed25519", "ssh-rsa"),
        "ssh-dss AAAAB3NzaC1kc3MAAACB",
        ED_PRINT[:-1],
        ED_PRINT + "A",
        "MD5:0a:1b:2c",
        "[    0.000000] Linux version 6.1",
    ],
    ids=itertools.count(),
)
def test_a_line_that_is_not_understood_spoils_a_list(line: str) -> None:
    with pytest.raises(NoHostKeys, match="line 2 of the host keys is no key"):
        read(f"{EC}\n{line}")


def test_another_port() -> None:
    assert read(f"[192.0.2.1]:2222 {ED}\n192.0.2.1 {EC}", port=2222) == [ED_KEY]


def test_a_hashed_name() -> None:
    salt = b"0123456789abcdef0123"
    digest = hmac.new(salt, b"[192.0.2.1]:2222", hashlib.sha1).digest()
    name = "|1|" + "|".join(base64.b64encode(part).decode() for part in (salt, digest))
    assert read(f"{name} {ED}", port=2222) == [ED_KEY]
    with pytest.raises(NoHostKeys):
        read(f"{name} {ED}", port=2223)


def test_the_line_for_openssh() -> None:
    assert known_hosts_line("Host.Example", 22, ED_KEY) == f"host.example {ED}\n"
    assert known_hosts_line("::1", 2222, ED_KEY) == f"[::1]:2222 {ED}\n"


@pytest.mark.parametrize(
    ("algorithm", "type_name", "has"),
    [
        ("ssh-ed25519", "ssh-ed25519", True),
        ("rsa-sha2-512", "ssh-rsa", True),
        ("ecdsa-sha2-nistp384", "ecdsa", True),
        ("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp256", False),
        ("ssh-ed25519", "", False),
    ],
)
def test_types(algorithm: str, type_name: str, has: bool) -> None:  # noqa: FBT001
    assert has_type(algorithm, [HostKey(OTHER, type_name)]) is has
