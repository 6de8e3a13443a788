"""Read the private key that messages are signed with, and say what DNS must hold so that anyone can check them.

Source: RFC 6376, section 3.6.1 (the record); RFC 8301, section 3.2 (RSA lengths); RFC 8463 (Ed25519).
"""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from campaigns.errors import BadSettings

SHORTEST_RSA = 1024  # a shorter one is as good as none: RFC 8301, section 3.2
GOOD_RSA = 2048  # what the same section asks signers for
LONGEST_RSA = 4096  # and no reader needs to know a longer one
MAKE_ONE = "make one with `openssl genrsa -out dkim.pem 2048`"


@dataclass(frozen=True, slots=True)
class Key:
    """A private key, ready to sign.

    Attributes:
        kind: rsa or ed25519, as `k=` says it.
        bits: its length.
        public: the public half in base64, as `p=` says it.
        sign: makes the signature of some bytes.
    """

    kind: str
    bits: int
    public: str
    sign: Callable[[bytes], bytes] = field(repr=False)

    @property
    def record(self) -> str:
        """What the TXT record of this key says."""
        return f"v=DKIM1; k={self.kind}; p={self.public}"

    def matches(self, public: str) -> bool:
        """Say whether a record's `p=` is the public half of this key; RSA's has two usual forms (RFC 6376, errata)."""
        try:
            told, own = b64decode(public, validate=True), b64decode(self.public)
        except ValueError:  # no base64
            return False
        return told == own or (self.kind == "rsa" and len(told) * 8 > self.bits and own.endswith(told))


def load_key(pem: bytes | Path) -> Key:
    """Read a private key.

    Args:
        pem: the key itself, or its file.

    Raises:
        BadSettings: there is no such file, it holds no private key, one with a password, or one that DKIM can't use.
    """
    where = f"the DKIM key {pem}" if isinstance(pem, Path) else "the DKIM key"
    try:
        private = load_pem_private_key(pem if isinstance(pem, bytes) else pem.read_bytes(), password=None)
    except OSError as error:
        raise BadSettings(f"{where} can't be read: {error.strerror}", remedy=f"name its file, or {MAKE_ONE}") from None
    except TypeError:
        raise BadSettings(
            f"{where} has a password", remedy="take it off: `openssl pkey -in dkim.pem -out plain.pem`"
        ) from None
    except (ValueError, UnsupportedAlgorithm):  # their words could repeat a piece of the key
        raise BadSettings(f"{where} is no private key in PEM", remedy=MAKE_ONE) from None
    if isinstance(private, RSAPrivateKey):
        return _rsa(private, where)
    if isinstance(private, Ed25519PrivateKey):
        return _ed25519(private)
    raise BadSettings(f"{where} is neither RSA nor Ed25519", remedy=MAKE_ONE)


def _rsa(private: RSAPrivateKey, where: str) -> Key:
    if not SHORTEST_RSA <= private.key_size <= LONGEST_RSA:
        raise BadSettings(
            f"{where} has {private.key_size} bits; from {SHORTEST_RSA} to {LONGEST_RSA} are believed", remedy=MAKE_ONE
        )
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    padding, algorithm = PKCS1v15(), SHA256()
    return Key("rsa", private.key_size, b64encode(public).decode(), lambda data: private.sign(data, padding, algorithm))


def _ed25519(private: Ed25519PrivateKey) -> Key:
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    # RFC 8463, section 3: what is signed is the hash, not the text.
    return Key("ed25519", 256, b64encode(public).decode(), lambda data: private.sign(hashlib.sha256(data).digest()))
