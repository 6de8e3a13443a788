"""Amazon's signing of letters to our topic, with a key of our own."""

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding

from campaigns.mail.webhooks.sns import Certificates

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
TOPIC = "arn:aws:sns:eu-west-1:123456789012:bounces"
HOST = "https://sns.eu-west-1.amazonaws.com"
PEM_URL = f"{HOST}/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem"
ORDER = {
    "Notification": ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
    "SubscriptionConfirmation": ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
}
ORDER["UnsubscribeConfirmation"] = ORDER["SubscriptionConfirmation"]


def certificate(key, start=NOW - timedelta(days=1), end=NOW + timedelta(days=365)):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), start, end)
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


class Amazon:
    """Writes letters and signs them; `pem` is what its certificate's address gives."""

    now, topic, host, pem_url = NOW, TOPIC, HOST, PEM_URL

    def __init__(self):
        self.key = generate_private_key(65537, 2048)
        self.good = certificate(self.key)
        self.expired = certificate(self.key, end=NOW - timedelta(hours=1))
        self.elliptic = certificate(ec.generate_private_key(ec.SECP256R1()))

    def certificates(self, pem=None, fetched=None):
        def get(url):
            if fetched is not None:
                fetched.append(url)
            return self.good if pem is None else pem

        return Certificates(get)

    def letter(self, version="1", **changed):
        """A signed letter; what is changed is signed too."""
        fields = {
            "Type": "Notification",
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": TOPIC,
            "Message": "{}",
            "Timestamp": "2026-01-05T07:59:58.123Z",
            "SignatureVersion": version,
            "SigningCertURL": PEM_URL,
            "UnsubscribeURL": f"{HOST}/?Action=Unsubscribe",
        } | changed
        names = [name for name in ORDER.get(fields["Type"], []) if name in fields]
        signed = "".join(f"{name}\n{fields[name]}\n" for name in names).encode()
        method = hashes.SHA256() if version == "2" else hashes.SHA1()
        return fields | {"Signature": b64encode(self.key.sign(signed, PKCS1v15(), method)).decode()}

    def post(self, *args, **changed):
        """The same, as it is posted."""
        return json.dumps(self.letter(*args, **changed)).encode()


@pytest.fixture(scope="session")
def amazon():
    """Amazon, as far as SNS goes."""
    return Amazon()
