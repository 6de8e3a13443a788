"""The registry opens an adapter by its kind, and says what was meant by another word."""

import pytest

from crm_adapters.errors import Unsupported
from crm_adapters.registry import KINDS, Access, open_adapter


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        *[("files", "."), ("sql", "sqlite://")],
        *[(kind, "https://shop.example.com") for kind in ("product_pages", "shopify", "vendure", "woocommerce")],
        *[("hubspot", "/any/folder"), ("klaviyo", "/any/folder"), ("salesforce", "/any/folder")],
    ],
)
def test_each_kind_is_opened(kind, source, tmp_path):
    assert open_adapter(kind, Access(source, "user", "secret", "token", tmp_path / "tokens"), None).name == kind
    assert kind in KINDS


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("flies", "did you mean 'files'"),
        ("hubspott", "did you mean 'hubspot'"),
        ("oracle", "choose one of: files, sql"),
    ],
)
def test_another_word_is_refused_with_what_was_meant(kind, words):
    with pytest.raises(Unsupported, match=words):
        open_adapter(kind, Access("."), None)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("klaviyo", "needs token"),
        ("vendure", "needs user and password"),
        ("woocommerce", "needs user and password"),
        ("shopify", "needs token"),
        ("salesforce", "needs user and password"),
    ],
)
def test_a_connection_that_lacks_what_it_needs_is_refused_before_any_call(kind, words):
    with pytest.raises(Unsupported, match=words):
        open_adapter(kind, Access("https://shop.example.com"), None)


def test_tokens_that_a_system_gives_anew_need_a_file():
    with pytest.raises(Unsupported, match="name the file to keep them in"):
        open_adapter("salesforce", Access("https://acme.example.com", "key", "secret", "token"), None)


def test_secrets_do_not_show():
    assert "hush" not in repr(Access("https://shop.example.com", "user", "hush", "hush"))
