"""A body that is sent as a form, as token endpoints want it (RFC 6749, appendix B), and not as JSON."""


class Form(dict[str, str]):
    """Names and values of a form."""
