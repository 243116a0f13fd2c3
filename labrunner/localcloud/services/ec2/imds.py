"""The instance metadata service: what a machine learns of itself at 169.254.169.254."""

import asyncio
import base64
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from labrunner.localcloud.cloud import Cloud
from labrunner.localcloud.moto_bridge import lock
from labrunner.localcloud.principals import (
    Session,
    Sessions,
    iam_backend,
    role_session,
)
from labrunner.localcloud.services.ec2.fleet import Hosted
from labrunner.localcloud.services.ec2.reach import groups_of
from labrunner.localcloud.trust import trusts
from labrunner.localcloud.wire import HttpRequest, Response

TOKEN_HEADER = "x-aws-ec2-metadata-token"  # noqa: S105 - the name of a header
TTL_HEADER = "x-aws-ec2-metadata-token-ttl-seconds"
LONGEST = 21600
MOST_TOKENS = 1000
HOURS = 6
# Handed out anew when less than this is left.
FRESH = timedelta(hours=1)
STAMP = "%Y-%m-%dT%H:%M:%SZ"
SERVICE = "ec2.amazonaws.com"
VERSIONS = ("latest", "2021-07-15", "2022-09-24", "2009-04-04", "1.0")

# An answer is made when it is asked for; a tree holds answers and trees.
Leaf = Callable[[], str | bytes]
Tree = Mapping[str, Any]


class Imds:
    """Answers one instance."""

    def __init__(self, cloud: Cloud, clock: Callable[[], float] = time.monotonic) -> None:
        self._cloud = cloud
        self._clock = clock
        self._tokens: dict[str, float] = {}
        self._sessions: dict[str, Session] = {}
        self.hosted: Hosted | None = None  # its instance, once there is one

    async def respond(self, request: HttpRequest) -> Response:
        """Answer a call; what it says is read in a thread, which may wait for moto."""
        return await asyncio.to_thread(self._respond, request)

    def _respond(self, request: HttpRequest) -> Response:
        assert self.hosted is not None
        with lock("ec2"):
            options = self.hosted.instance.metadata_options
            if options.http_endpoint != "enabled":
                return _page(403, "Forbidden")
            parts = [part for part in request.path.split("/") if part]
            if request.method == "PUT":
                return self._put(request, parts)
            if request.method not in ("GET", "HEAD"):
                return _page(405, "Method Not Allowed")
            given = request.headers.get(TOKEN_HEADER)
            if given and not self._is_good(given):
                return _page(401, "Unauthorized")
            if not given and options.http_tokens == "required":
                return _page(401, "Unauthorized")
            return self._get(parts)

    def _put(self, request: HttpRequest, parts: list[str]) -> Response:
        if parts != ["latest", "api", "token"]:
            return _page(404, "Not Found")
        if "x-forwarded-for" in request.headers:
            return _page(403, "Forbidden")
        text = request.headers.get(TTL_HEADER)
        if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= LONGEST):
            return _page(400, "Bad Request")
        now = self._clock()
        self._tokens = {one: until for one, until in self._tokens.items() if until > now}
        while len(self._tokens) >= MOST_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        token = base64.urlsafe_b64encode(secrets.token_bytes(39)).decode() + "===="
        self._tokens[token] = now + int(text)
        return Response(200, {"Content-Type": "text/plain", TTL_HEADER: text}, token.encode())

    def _is_good(self, given: str) -> bool:
        now = self._clock()
        return any(
            hmac.compare_digest(one.encode(), given.encode("utf-8", "replace")) and until > now
            for one, until in self._tokens.items()
        )

    def _get(self, parts: list[str]) -> Response:
        if not parts:
            return _text("\n".join(VERSIONS))
        if parts[0] not in VERSIONS:
            return _page(404, "Not Found")
        found: Any = self._tree()
        for part in parts[1:]:
            found = found.get(part) if isinstance(found, Mapping) else None
            if found is None:
                return _page(404, "Not Found")
        if parts[1:] == ["meta-data", "public-keys"]:  # the one list that is none of names
            return _text(f"0={self._instance.key_name}")
        if isinstance(found, Mapping):
            # As on EC2, only a directory that has directories in it ends its names with a slash.
            names = (f"{k}/" if isinstance(v, Mapping) else k for k, v in found.items())
            return _text("\n".join(names))
        return _text(found())

    # ---- what it says; moto's lock is held

    def _tree(self) -> Tree:
        data = self._metadata()
        tree: dict[str, Any] = {
            "dynamic": {"instance-identity": {"document": self._document}},
            "meta-data": data,
        }
        if self.hosted is not None and self.hosted.instance.user_data:
            tree["user-data"] = lambda: base64.b64decode(self._instance.user_data)
        return tree

    @property
    def _instance(self) -> Any:
        assert self.hosted is not None
        return self.hosted.instance

    def _metadata(self) -> dict[str, Any]:
        one, interface = self._instance, self._instance.nics[0]
        zone, region = one.placement.zone, one.region_name
        texts = {
            "ami-id": one.image_id,
            "ami-launch-index": str(one.ami_launch_index),
            "hostname": one.private_dns_name,
            "instance-action": "none",
            "instance-id": one.id,
            "instance-life-cycle": "on-demand",
            "instance-type": one.instance_type,
            "local-hostname": one.private_dns_name,
            "local-ipv4": one.private_ip,
            "mac": interface.mac_address,
            "reservation-id": self._reservation_id(),
            "security-groups": "\n".join(group.name for group in groups_of(interface)),
        }
        tree: dict[str, Any] = {name: _leaf(text) for name, text in texts.items()}
        if one.public_ip:
            tree["public-ipv4"] = _leaf(one.public_ip)
        tree["placement"] = {
            "availability-zone": _leaf(zone),
            "availability-zone-id": _leaf(interface.subnet.availability_zone_id),
            "region": _leaf(region),
        }
        tree["network"] = {"interfaces": {"macs": {interface.mac_address: self._interface()}}}
        tree["services"] = {"domain": _leaf("amazonaws.com"), "partition": _leaf("aws")}
        if one.key_name:
            tree["public-keys"] = self._keys()
        if one.metadata_options.instance_metadata_tags == "enabled":
            tags = {tag["key"]: _leaf(tag["value"]) for tag in one.get_tags()}
            tree["tags"] = {"instance": tags}
        if self._profile() is not None:
            tree["iam"] = self._iam()
        return tree

    def _reservation_id(self) -> str:
        for reservation in tuple(self._instance.ec2_backend.reservations.values()):
            if self._instance in reservation.instances:
                return str(reservation.id)
        return ""

    def _interface(self) -> dict[str, Any]:
        interface = self._instance.nics[0]
        groups = groups_of(interface)
        texts = {
            "device-number": "0",
            "interface-id": interface.id,
            "local-ipv4s": interface.private_ip_address,
            "mac": interface.mac_address,
            "owner-id": interface.owner_id,
            "security-group-ids": "\n".join(group.id for group in groups),
            "security-groups": "\n".join(group.name for group in groups),
            "subnet-id": interface.subnet.id,
            "subnet-ipv4-cidr-block": interface.subnet.cidr_block,
            "vpc-id": interface.subnet.vpc_id,
        }
        if interface.public_ip:
            texts["public-ipv4s"] = interface.public_ip
        return {name: _leaf(text) for name, text in texts.items()}

    def _keys(self) -> Tree:
        assert self.hosted is not None
        lines = self.hosted.machine.spec.login.authorized_keys
        return {"0": {"openssh-key": _leaf("\n".join(lines))}}

    def _document(self) -> str:
        one = self._instance
        values = {
            "accountId": one.owner_id,
            "architecture": one.architecture,
            "availabilityZone": one.placement.zone,
            "billingProducts": None,
            "devpayProductCodes": None,
            "imageId": one.image_id,
            "instanceId": one.id,
            "instanceType": one.instance_type,
            "kernelId": None,
            "marketplaceProductCodes": None,
            "pendingTime": one.launch_time.strftime(STAMP),
            "privateIp": one.private_ip,
            "ramdiskId": None,
            "region": one.region_name,
            "version": "2017-09-30",
        }
        return json.dumps(values, indent=2)

    # ---- the instance profile

    def _profile(self) -> Any:
        attached = self._instance.iam_instance_profile
        if not attached:
            return None
        profiles = iam_backend(self._cloud).instance_profiles.values()
        return next((one for one in profiles if one.arn == attached["Arn"]), None)

    def _iam(self) -> Tree:
        profile = self._profile()
        about = {"InstanceProfileArn": profile.arn, "InstanceProfileId": profile.id}
        updated = self._cloud.now().strftime(STAMP)
        info = json.dumps({"Code": "Success", "LastUpdated": updated, **about}, indent=2)
        roles = {role.name: lambda role=role: self._credentials(role) for role in profile.roles}
        return {"info": _leaf(info), "security-credentials": roles}

    def _credentials(self, role: Any) -> str:
        now = self._cloud.now()
        if not trusts(role, (SERVICE,)):
            text = "EC2 cannot assume the role: its trust policy must allow ec2.amazonaws.com."
            failed = {"Code": "AssumeRoleUnauthorizedAccess", "Message": text}
            return json.dumps({**failed, "LastUpdated": now.strftime(STAMP)}, indent=2)
        session = self._sessions.get(role.arn)
        expiration = session.credentials.expiration if session else None
        if session is None or expiration is None or expiration - now < FRESH:
            principal = role_session(self._cloud, role, self._instance.id, None)
            until = now + timedelta(hours=HOURS)
            session = self._cloud.state(Sessions).issue(principal, until)
            self._sessions[role.arn] = session
        credentials = session.credentials
        assert credentials.expiration is not None
        values = {
            "Code": "Success",
            "LastUpdated": now.strftime(STAMP),
            "Type": "AWS-HMAC",
            "AccessKeyId": session.access_key,
            "SecretAccessKey": credentials.secret_key,
            "Token": credentials.token,
            "Expiration": credentials.expiration.strftime(STAMP),
        }
        return json.dumps(values, indent=2)


def _leaf(text: str) -> Leaf:
    return lambda: text


def _text(text: str | bytes) -> Response:
    data = text if isinstance(text, bytes) else text.encode()
    return Response(200, {"Content-Type": "text/plain"}, data)


def _page(status: int, words: str) -> Response:
    text = (
        '<?xml version="1.0" encoding="iso-8859-1"?>\n'
        f"<html><head><title>{status} - {words}</title></head>"
        f"<body><h1>{status} - {words}</h1></body></html>\n"
    )
    return Response(status, {"Content-Type": "text/html"}, text.encode())
