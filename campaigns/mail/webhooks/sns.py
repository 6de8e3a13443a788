"""Check that a message comes from Amazon SNS, and from our topic.

Source: Amazon SNS Developer Guide, "Verifying the signatures of Amazon SNS messages".
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from campaigns.errors import TransportError
from campaigns.mail.webhooks.parts import forged, json_object, moment, refuse_stale, unreadable

SOURCE = "ses"
OLDEST = timedelta(days=1)
"""SNS tries again for hours; one that is told twice has the same ids, and is one event."""
NOTIFICATION, CONFIRMATION, FAREWELL = "Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"
_CONFIRMED = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRMATION: _CONFIRMED,
    FAREWELL: _CONFIRMED,
}
# Amazon still signs with SHA-1 unless a topic is told otherwise (SignatureVersion 1).
_HASHES: dict[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]+):\d+:[A-Za-z0-9_.-]+")
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[A-Za-z0-9]+\.pem")


@dataclass(frozen=True, slots=True)
class Subscription:
    """Amazon asks whether our topic shall tell us; to say yes, `fetch(url)`."""

    topic: str
    url: str


def fetch(url: str) -> bytes:
    """Get something from Amazon; redirects are not followed.

    Raises:
        TransportError: it can't be had now. Answer 503, and SNS tells the same again.
    """
    try:
        answer = httpx.get(url, timeout=10.0, follow_redirects=False)
        if answer.status_code == httpx.codes.OK:
            return answer.content
        problem = f"it answers {answer.status_code}"
    except httpx.HTTPError as error:
        problem = str(error) or type(error).__name__
    raise TransportError(
        f"Amazon SNS: {problem}", remedy="it tells the same again later; check the way to the internet"
    )


class Certificates:
    """Amazon's certificates, each fetched once; `get` gets one."""

    MOST = 16

    def __init__(self, get: Callable[[str], bytes] = fetch) -> None:
        self._get = get
        self._kept: dict[str, x509.Certificate] = {}

    def key(self, url: str, now: datetime) -> RSAPublicKey:
        """Get the public key of a certificate.

        Raises:
            BadFeedback: it is no certificate, not one that holds now, or its key is not RSA.
            TransportError: it can't be fetched.
        """
        certificate = self._kept.get(url) or self._read(url)
        key = certificate.public_key()
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise forged(SOURCE, "its certificate does not hold now")
        if not isinstance(key, RSAPublicKey):
            raise forged(SOURCE, "its certificate has no RSA key")
        return key

    def _read(self, url: str) -> x509.Certificate:
        try:
            certificate = x509.load_pem_x509_certificate(self._get(url))
        except ValueError:
            raise forged(SOURCE, "its certificate can't be read") from None
        if len(self._kept) >= self.MOST:
            self._kept.clear()
        self._kept[url] = certificate
        return certificate


def open_letter(body: bytes, topic: str, certificates: Certificates, now: datetime) -> dict[str, str]:
    """Read what SNS posted, once it is proven that Amazon wrote it for our topic.

    Returns:
        the fields that are signed, all text: Type, Message and so on.

    Raises:
        BadFeedback: forged, of another topic, too old, or not of SNS.
        TransportError: the certificate can't be fetched.
    """
    given = {name: value for name, value in json_object(body, SOURCE).items() if isinstance(value, str)}
    signed = _SIGNED.get(given.get("Type", ""))
    if signed is None or not {*signed, "Signature", "SigningCertURL"} <= {*given, "Subject"}:
        raise unreadable(SOURCE, "SNS did not write it")
    fields = {name: given[name] for name in signed if name in given}
    if fields["TopicArn"] != topic:
        raise forged(SOURCE, "it comes from a topic that is not ours")
    refuse_stale(moment(fields, "Timestamp", SOURCE), now, OLDEST, SOURCE)
    certificate = given["SigningCertURL"]
    if not _of_amazon(certificate, topic) or not _CERTIFICATE.fullmatch(urlsplit(certificate).path):
        raise forged(SOURCE, "its certificate is not Amazon's")
    _verify(given, fields, certificates.key(certificate, now))
    return fields


def subscription(fields: dict[str, str]) -> Subscription:
    """Make of a proven letter what is to be confirmed; raises BadFeedback when its link leads elsewhere."""
    if not _of_amazon(fields["SubscribeURL"], fields["TopicArn"]):
        raise forged(SOURCE, "its SubscribeURL is not Amazon's")
    return Subscription(fields["TopicArn"], fields["SubscribeURL"])


def _verify(given: dict[str, str], fields: dict[str, str], key: RSAPublicKey) -> None:
    method = _HASHES.get(given.get("SignatureVersion", ""))
    if method is None:
        raise unreadable(SOURCE, "its SignatureVersion is neither 1 nor 2")
    try:
        text = "".join(f"{name}\n{value}\n" for name, value in fields.items()).encode()
        key.verify(b64decode(given["Signature"], validate=True), text, PKCS1v15(), method)
    except (InvalidSignature, binascii.Error, ValueError):
        raise forged(SOURCE, "its signature does not hold") from None


def _of_amazon(url: str, topic: str) -> bool:
    """Say whether a link leads to SNS in the region of our topic, over https and nowhere else."""
    arn = _TOPIC.fullmatch(topic)
    if arn is None:
        return False
    host = f"sns.{arn[1]}.amazonaws.com{'.cn' if topic.startswith('arn:aws-cn:') else ''}"
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return url.isascii() and url.isprintable() and parts.scheme == "https" and parts.netloc == host
