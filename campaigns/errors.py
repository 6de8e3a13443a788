"""What the verbs, the store and the mail refuse, each with what is wrong, where, and the next step.

CampaignError
├── BadSettings    handpicked.toml or an environment variable is wrong
├── BadCampaign    a campaign file is wrong
├── BadRule        an audience rule is wrong; points at the position
├── StoreError     the database: unreachable, of a newer version, locked, full
├── BadTemplate    a template can't be compiled, or names what it is not given
├── BadMessage     a message would break a rule of mail (a forged header, no address)
├── BadLink        a signed link is forged or has expired
├── BadFeedback    a bounce, complaint or webhook can't be read, or is forged
├── BadEvents      what is sent as behaviour events can't be read
│   └── TooLong    it is longer than events are
├── WrongKey       who sends behaviour events does not have the write key
├── TransportError a transport can't be used at all (login, sender, signature)
│   └── TransportUnreachable  it does not answer now; it may later
├── NotFound       no such campaign, customer, run or model
└── MissingTool    a program or an extra that this command needs is not installed
"""


class CampaignError(Exception):
    """Base of all refusals of campaigns; `remedy` is the next step, in words."""

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy


class BadSettings(CampaignError):
    """A setting is missing or wrong."""


class BadCampaign(CampaignError):
    """A campaign file is wrong."""


class BadRule(CampaignError):
    """An audience rule is wrong at one position."""

    def __init__(self, rule: str, position: int, problem: str, *, remedy: str) -> None:
        pointer = " " * position + "^"
        super().__init__(f"audience rule: {problem}\n  {rule}\n  {pointer}\n", remedy=remedy)
        self.position = position


class StoreError(CampaignError):
    """The database can't be used as it is."""


class BadTemplate(CampaignError):
    """A template is wrong, or names what it is not given."""


class BadMessage(CampaignError):
    """A message would break a rule of mail."""


class BadLink(CampaignError):
    """A signed link is forged or has expired."""


class BadFeedback(CampaignError):
    """A bounce, a complaint or a webhook can't be read, or is forged."""


class BadEvents(CampaignError):
    """What is sent as behaviour events can't be read at all; nothing of it was kept."""


class TooLong(BadEvents):
    """What is sent as behaviour events is longer than any may be."""


class WrongKey(CampaignError):
    """Who sends behaviour events does not have the write key."""


class TransportError(CampaignError):
    """A transport can't be used at all; nothing was sent."""


class TransportUnreachable(TransportError):
    """A transport does not answer now, and may later; nothing was sent."""


class NotFound(CampaignError):
    """What was named does not exist."""


class MissingTool(CampaignError):
    """A program or an extra that this command needs is not installed."""
