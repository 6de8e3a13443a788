"""Questions to a name server that runs here."""

import socketserver
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from campaigns.errors import BadSettings
from campaigns.mail.resolver import dns_resolver, look_up, tags, to_put

ZONE = {
    ("example.com.", "TXT"): ['"v=spf1 include:_spf.example" ".com -all"', '"other"'],
    ("example.com.", "MX"): ["10 mail.example.com.", "0 ."],
    ("example.com.", "A"): ["192.0.2.1"],
    ("xn--mller-kva.example.", "TXT"): ['"\\195\\188"'],
}


class Answer(socketserver.BaseRequestHandler):
    def handle(self):
        data, socket = self.request
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if name.startswith("broken."):
            response.set_rcode(dns.rcode.SERVFAIL)
        elif name.startswith("silent."):
            return
        elif (name, kind) in ZONE:
            response.answer = [dns.rrset.from_text(name, 60, "IN", kind, *ZONE[name, kind])]
        elif not any(name == known for known, _ in ZONE):
            response.set_rcode(dns.rcode.NXDOMAIN)
        socket.sendto(response.to_wire(), self.client_address)


@pytest.fixture(scope="module")
def resolve():
    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield dns_resolver(["127.0.0.1"], server.server_address[1], timeout_seconds=0.5)
        server.shutdown()


def test_a_text_in_pieces_is_one_text(resolve):
    assert sorted(resolve("example.com", "TXT")) == ["other", "v=spf1 include:_spf.example.com -all"]


def test_other_records_are_as_a_zone_file_writes_them(resolve):
    assert sorted(resolve("example.com", "MX")) == ["0 .", "10 mail.example.com."]
    assert resolve("example.com", "A") == ["192.0.2.1"]


def test_a_text_beyond_ascii_does_no_harm(resolve):
    assert resolve("xn--mller-kva.example", "TXT") == ["\ufffd\ufffd"]


def test_a_name_that_does_not_exist_or_has_no_such_record_is_empty(resolve):
    assert resolve("nobody.example.com", "TXT") == []
    assert resolve("example.com", "AAAA") == []


@pytest.mark.parametrize("name", ["broken.example.com", "silent.example.com", "a" * 64 + ".example.com", "a..b"])
def test_no_answer_is_told(resolve, name):
    with pytest.raises(BadSettings, match=r"DNS does not answer for .* TXT: .*; look at this machine's network"):
        look_up(resolve, name, "TXT")


def test_a_long_text_is_put_into_dns_in_pieces():
    told = to_put("s1._domainkey.example.com", "TXT", "x" * 300)
    first, second = "x" * 255, "x" * 45
    assert told == f'put into DNS: s1._domainkey.example.com. TXT "{first}" "{second}"'


@pytest.mark.parametrize(
    ("record", "read"),
    [("", {}), (";;", {}), ("p=", {"p": ""}), (" P = a b ; =x; q", {"p": "ab", "": "x"}), ("p=a==;", {"p": "a=="})],
)
def test_tags_are_read_as_they_come(record, read):
    assert tags(record) == read
