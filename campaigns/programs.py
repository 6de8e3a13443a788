"""Programs that call links in messages without a reader having asked for it, by what they call themselves.

Each list is one pattern over the user agent, any case. A program that hides behind a browser's name is found by what
it does: see `traffic_rules`.
"""

import re

APPLE = "Mozilla/5.0"
"""Apple Mail Privacy Protection fetches every picture through a proxy under exactly this name, mostly on arrival.
No reader's own program calls itself by this and no more. Source: support.apple.com, "Use Mail Privacy Protection"."""

PICTURE_PROXIES = (
    "GoogleImageProxy",  # Gmail fetches and keeps pictures; support.google.com/mail/answer/145919
    "YahooMailProxy",  # Yahoo and AOL do so; "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
)
SCANNERS = (
    "Barracuda",  # Barracuda Sentinel and Email Security Gateway: "Barracuda Sentinel (EE)"
    "Proofpoint",  # URL Defense
    r"\bPPHosted",  # the same, by its hosts
    "Mimecast",  # URL Protect
    "SafeLinks",  # Microsoft Defender for Office 365
    "Symantec",  # Email Security.cloud, Click-time Protection
    "TrendMicro",
    "Cloudmark",
    "VirusTotal",  # developers.virustotal.com: "virustotalcloud"
    "urlscan",  # urlscan.io
    "Sophos",
    "FireEye",
    "zgrab",  # github.com/zmap/zgrab2
    "python-requests",  # libraries, not browsers: nobody reads a shop's page with them
    "aiohttp",
    "httpx",
    "Go-http-client",
    "okhttp",
    r"^Java/",
    "libwww-perl",
    r"^curl/",
    "Wget",
    "HeadlessChrome",  # developer.chrome.com/docs/chromium/headless
)
OFFICE = (
    "MSOffice",  # "Mozilla/4.0 (compatible; ms-office; MSOffice 16)"
    "Microsoft Office",  # "Microsoft Office Existence Discovery", "Microsoft Office/16.0 (... Outlook ...)"
)
"""Outlook shows pictures under these names, so an open is a reader's. A link it asks for before the browser does."""
PREVIEWS = (
    "Slackbot",  # api.slack.com/robots: "Slackbot-LinkExpanding 1.0"
    "facebookexternalhit",  # developers.facebook.com/docs/sharing/webmasters/web-crawlers
    "Facebot",
    "WhatsApp",  # the same, of a link pasted into a chat
    "Twitterbot",
    "LinkedInBot",
    "TelegramBot",
    "Discordbot",
    "SkypeUriPreview",
    "Googlebot",  # developers.google.com/search/docs/crawling-indexing/overview-google-crawlers
    "bingbot",  # bing.com/webmasters/help
    "BingPreview",
    r"(?<!cu)bot\b",  # what ends like that is one, by custom; but Cubot makes telephones
    "crawler",
    "spider",
    "preview",
)


def pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    """Make one pattern of many names, any case.

    >>> bool(pattern(PREVIEWS).search("Slackbot-LinkExpanding 1.0"))
    True
    """
    return re.compile("|".join(names), re.IGNORECASE)
