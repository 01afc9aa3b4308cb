"""Secrets are taken out of texts before they land: by vendors' forms, by the words beside them, and by how they look.

Kingfisher knows vendors' tokens by some 490 rules, which it runs over a text in one pass. detect-secrets scans files
line by line; here its plugins' own patterns run over whole texts, each only if a literal that every match must contain
is there. What no rule of a vendor knows is found by what holds for secrets in general:

- a value assigned to a telling name (`password = …`, `--token …`, `das Kennwort lautet …`);
- a value that looks random, or like a password, near a telling word;
- a value that is so random that it is a secret whatever stands around it: of a random value one pair of neighbouring
  characters in five is one of those that words are made of, of a word four in five are.

Not used: the IP address plugin (no secret) and entropy of any quoted string (commit hashes).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress, pairwise, product
from string import ascii_letters, digits
from typing import Any, Final

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.filters.heuristic import is_potential_uuid, is_sequential_string
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString
from detect_secrets.plugins.keyword import DENYLIST
from detect_secrets.plugins.private_key import PrivateKeyDetector
from kingfisher_sdk import Rules, Scanner

# An address is no secret; what IBM's rules find, the general ones below find, too, at a fifth of the time.
_NOT_USED: Final = frozenset(
    (
        *("Public IP (ipv4)", "IBM Cloud IAM Key", "IBM COS HMAC Credentials", "Cloudant Credentials"),
        *("SoftLayer Credentials", "Artifactory Credentials", "Private Key"),
    )
)
_REPEATABLE: Final = "JSON Web Token"

_GITLAB: Final = (
    *("glpat-", "gldt-", "glft-", "glsoat-", "glrt-", "GR1348941"),
    *("glcbt-", "glimt-", "glptt-", "glagent-", "gloas-"),
)
# What every match of a plugin's patterns contains: the least length of a stretch without white space, and one of some
# literals (in any case where written in lower case). A plugin that is not named here runs on every text.
_SIGNS: Final[dict[str, tuple[int, tuple[str, ...]]]] = {
    "AWS Access Key": (20, ("AKIA", "ASIA", "ABIA", "ACCA", "A3T", "aws")),
    "Azure Storage Account access key": (96, ("AccountKey=",)),
    "Basic Auth Credentials": (7, ("://",)),
    "Discord Bot Token": (58, (".",)),
    "GitHub Token": (40, ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
    "GitLab Token": (25, _GITLAB),
    "JSON Web Token": (20, ("eyJ",)),
    "Mailchimp Access Key": (36, ("-us",)),
    "NPM tokens": (20, ("_authToken=",)),
    "OpenAI Token": (51, ("T3BlbkFJ",)),
    "PyPI Token": (80, ("pypi-",)),
    "SendGrid API Key": (69, ("SG.",)),
    "Slack Token": (12, ("xox", "hooks.slack.com")),
    "Square OAuth Secret": (50, ("sq0csp-",)),
    "Stripe Access Key": (32, ("k_live_",)),
    "Telegram Bot Token": (44, (":",)),
    "Twilio API Key": (34, ("AC", "SK")),
}

# Of these the literals stand within the stretch, as written.
_TOKENS: Final = frozenset(
    (
        "Anthropic API Key",
        "GitHub Token",
        "Google API Key",
        "JSON Web Token",
        "OpenAI Token",
        "Password Hash",
        "Slack Token",
    )
) | {"Stripe Access Key"}
# Of these the literals may stand before the stretch.
_NAMED: Final = frozenset(("AWS Access Key", "Azure Storage Account access key"))

# Forms that detect-secrets does not know, or of which it knows a part alone.
_FURTHER: Final[tuple[tuple[str, int, tuple[str, ...], str], ...]] = (
    (
        PrivateKeyDetector.secret_type,
        3,
        ("private key", "putty-user-key-file"),
        r"-----?[ ]?BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----?.*?(?:-----?[ ]?END [A-Z0-9 ]*-----?|\Z)"
        r"|PuTTY-User-Key-File-.*\Z",
    ),
    ("GitHub Token", 30, ("github_pat_",), r"github_pat_[A-Za-z0-9_]{22,}"),
    ("Anthropic API Key", 27, ("sk-ant-",), r"sk-ant-[A-Za-z0-9_-]{20,}"),
    ("OpenAI Token", 28, ("sk-proj-", "sk-svcacct-", "sk-admin-"), r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}"),
    ("Google API Key", 39, ("AIza",), r"AIza[A-Za-z0-9_-]{35}"),
    (
        "JSON Web Token",
        40,
        ("eyJ",),
        r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+)?",
    ),
    ("Slack Token", 20, ("xapp-", "xoxe"), r"xapp-[0-9A-Za-z-]{20,}|xoxe[.-][0-9A-Za-z.-]{20,}"),
    ("Stripe Access Key", 24, ("k_test_", "whsec_"), r"[rs]k_test_[0-9A-Za-z]{16,}|whsec_[0-9A-Za-z+/=]{24,}"),
    ("Bearer Token", 16, ("bearer",), r"(?i:\bbearer)[ \t]+(?=[^\s]*\d)([A-Za-z0-9._~+/-]{16,}=*)"),
    (
        "Authorization",
        8,
        ("authorization",),
        r"(?i:authorization[\"'\]\\]{0,3}\s?[:=]\s?[\"'`\\]{0,2}(?:bearer|token|apikey|basic))\s+(?=\S*\d)"
        r"([^\s\"'`\\$<>{}]{8,})",
    ),
    ("Basic Auth Credentials", 8, ("basic",), r"(?i:authorization\W{1,4}basic)[ \t]+([A-Za-z0-9+/]{8,}=*)"),
    (
        "Basic Auth Credentials",
        6,
        ("mysql", "mariadb", "sshpass", "docker login", "redis-cli"),
        r"\b(?:mysql(?:dump|admin)?|mariadb)\b[^\n|;]{0,200}?[ \t]-p['\"]?([^\s'\"$]{4,})"
        r"|\bsshpass[ \t]+-p[ \t]*['\"]?([^\s'\"$]{4,})"
        r"|\bdocker[ \t]+login\b[^\n|;]{0,200}?[ \t]-p[ \t]*['\"]?([^\s'\"$]{4,})"
        r"|\bredis-cli\b[^\n|;]{0,200}?[ \t]-a[ \t]+['\"]?([^\s'\"$]{4,})",
    ),
    (
        "Basic Auth Credentials",
        8,
        ("securestring",),
        r"(?i:convertto-securestring)[ \t]+(?:-string[ \t]+)?\\?['\"]([^'\"\\$]{4,})",
    ),
    (
        "Basic Auth Credentials",
        8,
        ("thin:", "sqlplus"),
        r"(?:thin:|sqlplus[ \t]+(?:-\S+[ \t]+)*)[\w.-]+/([^\s@/'\"$]{4,})@",
    ),
    (
        "Basic Auth Credentials",
        8,
        (":543", ":6432:", ":*:"),
        r"(?<![\w.*-])[\w.*-]{1,253}:(?:543\d|6432|\*):[\w*-]+:[A-Za-z*][\w*-]*:([^\s:'\"\\]{4,})",
    ),
    ("Basic Auth Credentials", 12, ('"auth',), r"\"auth\\*\"[ \t]*:[ \t]*\\*\"([A-Za-z0-9+/]{12,}=*)"),
    (
        "Password Hash",
        20,
        ("$apr1$", "$1$", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$y$", "$argon2"),
        r"\$(?:apr1|1|5|6|y|argon2(?:i|d|id))\$[A-Za-z0-9./+=,$_-]{16,}|\$2[aby]\$\d\d\$[A-Za-z0-9./]{40,}",
    ),
    (
        "Session Cookie",
        16,
        ("cookie",),
        r"(?i:sess|sid\b|auth|jwt|csrf|xsrf|remember|logged_in|token)[\w.-]{0,64}=(?=[^;\s\"'\\]*\d)([^;\s\"'\\]{16,})",
    ),
    (
        "Secret Keyword",
        4,
        ("variable",),
        r"variable[ \t]+\\*\"[\w-]*(?:pass|secret|token|key)[\w-]*\\*\""
        r"[^}]{0,400}?default[ \t]*=[ \t]*\\*\"([^\"\\$]{4,})",
    ),
    ("Webhook", 20, ("://hook", "-ping.com/"), r"(?i:://hooks?\.|://(?=hc-ping\.))[^\s/]+/([^\s\"'<>?\\]{8,})"),
    (
        "Basic Auth Credentials",
        4,
        ("-pass", "storepass", "keypass"),
        r"(?<!\S)--?(?!by)(?i:[a-z-]*pass(?:in|out|phrase|wd|word)?)[ =](?:pass:)?['\"]?"
        r"(?=[^\s]*\d)([^\s'\"$<{-][^\s'\"]{3,})",
    ),
    ("Webhook", 40, ("webhook",), r"(?i:webhook)[^\s\"'<>]{0,160}?/(?=[\w-]{0,60}\d)([\w-]{24,}(?:/[\w-]+)*)"),
    (
        "Basic Auth Credentials",
        4,
        ("app passwor", "app-passwor", "app-specific"),
        r"(?i:app[ -](?:specific[ -])?passwor[dt])[^\n]{0,40}?\b([a-z]{4}(?:[ -][a-z]{4}){3})\b",
    ),
    ("Signature", 40, ("signature=",), r"(?i:signature)=([A-Za-z0-9%+/=_-]{40,})"),
    ("Azure Shared Access Signature", 40, ("sig=",), r"\bsig=([A-Za-z0-9%+/=]{40,})"),
    (
        "Basic Auth Credentials",
        4,
        ("signtool", "net use"),
        r"(?i:\b(?:signtool|net[ ]use)\b)[^\n]{0,200}?"
        r"[ \t](?:[/-]p(?:ass)?[: \t]+|[/-](?i:user|u)[: \t]\S{1,64}[ \t]+)['\"]?([^\s'\"$/-][^\s'\"]{3,})",
    ),
    ("Basic Auth Credentials", 4, ('send "', 'send \\"'), r"(?:\b|(?<=\\n))send[ \t]+\\*\"([^\s\"\\$]{4,})\\+r"),
    (
        "Basic Auth Credentials",
        4,
        ("auth",),
        r"(?i:auth|credentials?|login)[ \t]*(?:[=:][ \t]*)?[(\[][ \t]*\\?['\"][^'\"\\\n]{1,64}\\?['\"]"
        r"[ \t]*,[ \t]*\\?['\"]"
        r"((?=[^'\"\\\n]*\d)[^\s'\"\\]{6,64})\\?['\"]",
    ),
    (
        "Basic Auth Credentials",
        6,
        ("-u ", "-user "),
        r"(?<!\S)(?:-u|--(?:proxy-)?user)[ \t]+['\"]?[\w.@-]+:([^\s'\"$]{4,})",
    ),
)

_UUID: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# Vendors' public prefixes that Kingfisher lacks or knows in some contexts alone: kind, prefix, what follows it.
_PREFIXES: Final = (
    ("AWS Session Token", "IQoJb3JpZ2luX2Vj", r"[A-Za-z0-9+/]{60,}=*"),
    ("AWS Session Token", "FwoGZXIvYXdz", r"[A-Za-z0-9+/]{60,}=*"),
    ("Bitbucket App Password", "ATBB", r"[A-Za-z0-9_-]{24,}"),
    ("Contentful Token", "CFPAT-", r"[A-Za-z0-9_-]{40,}"),
    ("Databricks Token", "dapi", r"[0-9a-f]{32}(?:-\d)?"),
    ("Django Secret Key", "django-insecure-", r"[^\s'\"\\&]{30,}"),
    ("Docker Token", "dckr_", r"[po]at_[A-Za-z0-9_-]{20,}"),
    ("Facebook Token", "EAA", r"[A-Za-z0-9]{80,}"),
    ("Fly Token", "fm2_", r"[A-Za-z0-9+/=_-]{60,}"),
    ("Fly Token", "fo1_", r"[A-Za-z0-9_-]{40,}"),
    ("Google Client Secret", "GOCSPX-", r"[A-Za-z0-9_-]{20,}"),
    ("Google Token", "1//0", r"[A-Za-z0-9_-]{30,}"),
    ("Google Token", "ya29.", r"[A-Za-z0-9_-]{30,}"),
    ("Grafana Token", "glc_", r"[A-Za-z0-9+/=]{30,}"),
    ("HubSpot Token", "pat-", rf"[a-z]{{2}}\d-{_UUID}"),
    ("Hugging Face Token", "hf_", r"[A-Za-z0-9]{30,}"),
    ("LaunchDarkly Key", "sdk-", _UUID),
    ("LaunchDarkly Key", "api-", _UUID),
    ("Mailgun Key", "key-", r"[0-9a-f]{32}"),
    ("Mapbox Token", "sk.eyJ", r"[A-Za-z0-9_-]{30,}\.[A-Za-z0-9_-]{20,}"),
    ("Netlify Token", "nfp_", r"[A-Za-z0-9]{30,}"),
    ("New Relic Key", "NRAK-", r"[A-Z0-9]{27}"),
    ("Notion Token", "ntn_", r"[A-Za-z0-9]{40,}"),
    ("Notion Token", "secret_", r"[A-Za-z0-9]{43}"),
    ("NuGet Key", "oy2", r"[a-z0-9]{43}"),
    ("1Password Token", "ops_eyJ", r"[A-Za-z0-9_-]{60,}"),
    ("Pinecone Key", "pcsk_", r"[A-Za-z0-9_]{40,}"),
    ("PlanetScale Token", "pscale_", r"(?:pw|tkn|oauth)_[A-Za-z0-9_.=-]{30,}"),
    ("Plaid Access Token", "access-", rf"(?:sandbox|development|production)-{_UUID}"),
    ("Pulumi Token", "pul-", r"[0-9a-f]{40}"),
    ("Render Key", "rnd_", r"[A-Za-z0-9]{28,}"),
    ("Rust Registry Token", "cio", r"[A-Za-z0-9]{32}"),
    ("Square Token", "EAAA", r"[A-Za-z0-9_-]{60}"),
    ("Supabase Token", "sb_secret_", r"[A-Za-z0-9_-]{24,}"),
    ("WakaTime Key", "waka_", _UUID),
    ("Tailscale Key", "tskey-", r"[a-z]+-[A-Za-z0-9-]{20,}"),
)
# Tokens whose mark is not at their beginning: kind, the mark, the whole.
_MARKS: Final = (
    ("Azure Client Secret", "Q~", r"[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,37}"),
    ("New Relic Key", "NRAL", r"[0-9a-fA-F]{32,40}NRAL"),
    ("Terraform Cloud Token", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}"),
)

# Written in lower case and run on lower-cased texts: three times faster than IGNORECASE.
_PASSWORDS: Final = (
    r"passw(?:or)?d|passphrase|passcode|pwd|secret|contrase(?:ñ|n)a|(?:db|database|key)[_-]?pass|kennwort|passwort"
    r"|identified[ ]by|парол[ьяе]|rootpw"
)
# Also ordinary words, as in `PASS: 12 tests`; what follows them must look like a password.
_SHORT_PASSWORDS: Final = (
    r"pass(?:(?<![a-z]pass)|(?<=\\npass)|(?<=storepass)|(?<=requirepass)|(?<=userpass)|(?<=rootpass)"
    r"|(?<=sshpass)|(?<=smtppass)|(?<=dbpass)|(?<=adminpass)|(?<=keypass))(?![a-z])"
    r"|pw(?<![a-z]pw)(?![a-z])|psk|creds"
)
_KEY_OWNERS: Final = (
    *("account", "admin", "app", "application", "client", "encryption", "license", "licence"),
    *("auth", "deploy", "maps", "master", "server", "service", "shared", "signing", "storage", "write"),
)
_KEYS: Final = "|".join(
    [
        *(name.replace("_?", "[_-]?") for name in DENYLIST if name.endswith("_?key")),
        "access[_-]?key",
        "token(?!s|iz)",
        "pat(?:(?<=[_-]pat)|(?<=extpat))(?![a-z])",
        "credential",
        # The literal first: a look behind at every character costs half as much again.
        "(?P<any_key>key(?<=[_-]key))",
        "key(?:" + "|".join(f"(?<={name}key)" for name in _KEY_OWNERS) + ")",
        "jwt",
        "authkey",
        "токен",
        "ключ",
    ]
)
# What every name contains.
_NAME_LITERALS: Final = (
    *(
        "pass",
        "pw",
        "secret",
        "contrase",
        " pat ",
        "_pat",
        "extpat",
        "-pat",
        "key",
        "token",
        "cred",
        "kennwort",
        "jwt",
        "psk",
        "identified by",
        "_auth",
    ),
    *("schlüssel", "парол", "токен", "ключ"),
)
_ASSIGNMENT: Final = re.compile(
    rf"(?:(?P<password>{_PASSWORDS})|{_KEYS}|(?P<short>{_SHORT_PASSWORDS}))(?P<rest>[\w-]{{0,24}})[\]'\"`]{{0,2}}"
    # An escaped quote stands where JSON or a shell command quotes JSON.
    r"(?:\\?[\"'])?(?:[ \t]*(?::=|=>|={1,3}|!==?|:)[ \t]*|(?<=\w)[ \t]+(?:is[ \t]+)?(?=[\"'])"
    r"|(?<=\w)[ \t]+(?:is[ \t]+)?(?=\S*\d)|[ \t]+--(?:body|value|data|secret-string|plaintext)[ \t=]+"
    # Name and value of a pair, as in the environment of a container.
    r"|[,\s]{1,40}\\?[\"']?value\\?[\"']?[ \t]*[:=][ \t]*"
    # An element of XML; a cell of a table; a call that sets a value; a dash in a sentence.
    r"|[ \t]*<<<[ \t]*|>(?:<value>|</key>\s{0,9}<string>|\s{0,9}<string>)?(?=[^<\s]{6,200}<)"
    r"|[ \t]*(?P<cell>\|)[ \t]*(?=[^\s|]+[ \t]*\|)"
    r"|(?P<call>[(,])[ \t]*(?=\\?[\"'])|[ \t]+(?P<dash>[-–—])[ \t]+)"
    r"(?:n?\\?[\"'`](?P<quoted>[^\"'`\\\r\n]{4,600})(?=\\?[\"'`])"
    r"|(?P<brace>\{(?!\{))?(?P<bare>[^\s\"'`,;&|<>(){}\[\]\\]{6,200}))"
)
# What stands before a name that a call sets: `setPassword(`, `define('DB_PASSWORD',`, `.put("password",`.
_SECRET_PART: Final = re.compile("secret|pass|token")
_SETTER: Final = re.compile(
    r"(?:(?<![a-z])(?:set|with)[a-z\d_]*|(?:define|\w*env|setdefault|\.(?:put|set|header|append|add)\w*)"
    r"[ \t]*\([ \t]*\\?[\"'][\w.-]*)\Z"
)
# A name, then words, then a link, then the value, as in `das Kennwort für den Server lautet …`.
_LINKS: Final = r"is|was|are|ist|lautet|sind|est|es|è|é|to|jest|är|er|это"
_TOLD_PASSWORDS: Final = (
    r"passwor[dt]|kennwort|passphrase|passcode|password|парол[ьяею]|mot de passe|mdp(?<![a-z]mdp)"
    r"|contrase[ñn]a|wachtwoord"
    r"|hasło|senha|parola|lösenord|adgangskode|heslo|lozinka|geslo|jelszó|passord|parool|şifre"
    r"|palavra.passe|phrase secr|mật khẩu|salasana|clave(?<![a-z]clave)"
    r"|pwd?(?<![a-z\d]pw)(?<![a-z\d]pwd)(?![a-z\d])|密码|パスワード|비밀번호"
)
_TOLD: Final = re.compile(
    rf"(?:(?P<password>{_TOLD_PASSWORDS})"
    r"|(?P<code>(?:recovery|backup|rescue|scratch|emergency|verification)[ _-]?codes?"
    r"|otp(?<![a-z\d]otp)|(?:2fa|mfa)(?<![a-z\d]...)(?![a-z\d])))"
    r"[\w\]\"'`)]{0,8}(?:[ \t]+\(?[\w'äöüßàéèñç-]{1,16}\)?){0,4}?"
    rf"(?:(?P<link>[ \t]*(?::|=>?|→|->|：)|[ \t]+(?:{_LINKS}|[–—-])(?=[ \t])|[ \t]+(?=[\"'`„“«]))[ \t]*"
    r"(?:(?<=:)\n\s*(?=\S+\s*(?:\n|\Z)))?|[ \t]+)[\"'`(*„“«‹\\]{0,3}[ \t]*"
    r"(?P<value>(?=[^\s\d]*\d)[^\s\"'`(),;“”»›<>\[\]{}|\\]{4,200})"
)
_TOLD_LITERALS: Final = (
    *(
        "passwor",
        "passp",
        "passc",
        "de passe",
        "kennwort",
        "mdp",
        "contrase",
        "wachtwoord",
        "senha",
        "parola",
        "adgangskode",
    ),
    *("heslo", "salasana", "lozinka", "geslo", "passord", "parool", "palavra", "phrase secr"),
    *("clave", "pw", "otp", "mfa", "2fa", "y code", "p code", "y_code", "p_code"),
)
_FOREIGN_LITERALS: Final = (
    *("парол", "hasło", "lösenord", "şifre", "jelszó", "mật khẩu", "密码", "パスワード", "비밀번호"),
)
_PIN: Final = re.compile(
    r"(?:(?:pin|cvv2?|cvc2?|otp|2fa|mfa)(?![a-z\d])(?:[ _-]?(?:code|number))?"
    r"|(?:verification|security|sms|door|alarm|login|one-time|passcode)[ _-]code)"
    rf"(?<![a-z]pin)[\"']?[ \t]*(?:[:=]|(?:{_LINKS}|für|for)(?=[ \t]))?[ \t]*[\"'`]?"
    r"(?P<value>(?<!\w)\d{3,8})(?![\w.,:/-]*\w)"
)
_PIN_LITERALS: Final = ("pin", "cvv", "cvc", "otp", "2fa", "mfa", " code", "_code")
# What makes a random or password-like word beside it a secret, whichever comes first.
_HINTS: Final = re.compile(
    rf"(?P<password>{_TOLD_PASSWORDS}|creds\b|credential|zugang|log-?in\b|log(?:ged)? in|anmelde|логин|sudo -s|sshpass"
    r"|redis-cli|requirepass|psk\b|pepper|\bsalt\b|htpasswd|passwd|passin|storepass"
    r"|useradd|usermod|net user|smbclient|rdesktop|freerdp|cmdkey|lftp|şifre|connect\(|wlan|wi-?fi)"
    r"|(?P<secret>secret|token(?!s|iz)|api|schlüssel|токен|ключ|bearer|authori[sz]ation|signing|\bauth|licen[sc]e|_auth"
    r"|jwt|jeton|\bllave|\bchave|\bclé\b|sleutel|klucz|webhook|\bseed\b|pat\b|signature|hmac|[?&]sig=|verify=|\bwif\b)"
    r"|(?P<cookie>session|\bsid\b|sessid|cookie|logged_in)"
    r"|(?P<key>(?<!cache[ _-])(?<!primary[ _-])(?<!foreign[ _-])(?<!public[ _-])(?<!sort[ _-])(?<!partition[ _-])key\b)"
)
_BEFORE: Final = 70
_AFTER: Final = 45
_OPTION: Final = re.compile(r"/[A-Za-z]{1,8}:")
_PARTS: Final = re.compile(r"(?<=[A-Za-z\d])[:%](?=[A-Za-z\d])|:\Z")
_BETWEEN: Final = r"\s\"'`<>(),;|{}\[\]=\\„“«»”→"
_CANDIDATE: Final = re.compile(rf"[^{_BETWEEN}]{{8,200}}+(?:=+(?!\w))?")
_NAME_AND_NUMBER: Final = re.compile(r"[A-Za-z._]+\d+\Z")
_DIGITS: Final = frozenset(digits)
_MIXED: Final = re.compile(r"(?=[a-z\d]*[A-Z])(?=[A-Z\d]*[a-z])[A-Za-z\d]{8,}\Z")
_CAPITALS: Final = re.compile(r"[A-Z][A-Z]{15}")
_LETTERS_ALONE: Final = re.compile(r"[A-Z]{16,}\Z")
# Pairs of characters that words are made of: the 200 most frequent of English and code, by their first letter.
_PAIRS: Final = (
    "abcdgilmnprstuy baeilou caehiklortu daeiorsu eacdefglmnprstvwx faefioru gaehinrs haeio iabcdefglmnoprstvz kei "
    "ladeilostuy mabeiop nacdefgiostuv obcdglmnoprstuvw paeiloprst qu racdegimnorstuy sacehiopstu tacehilorstuy uab"
    "ceilmnprst vaei waei xpt ze"
)
_FAMILIAR: Final = frozenset(
    pair
    for group in _PAIRS.split()
    for first, second in product(group[0], group[1:])
    for pair in ((first, second), (first.upper(), second), (first.upper(), second.upper()))
)
_COUNTED: Final = frozenset(
    (first, second)
    for first in ascii_letters + digits
    for second in ascii_letters + digits
    if not (first.isdigit() and second.isdigit())
)
_RUN: Final = re.compile(
    r"(?:\A|[^A-Za-z\d+_-])(?P<value>(?:(?=[A-Za-z_-]*\d)[A-Za-z\d_-]{20,160}+(?![+])"
    r"(?!\.(?:js|css|log|map|jsonl?|png|svg|woff2?|html|[jt]sx?|jpg|py|md|txt)\b)"
    r"|(?<!\.)(?=[a-z\d+/]*[A-Z])[A-Za-z\d+/]{32,160}+(?![_-]))={0,2})"
)
# Ids of vendors, public keys, paths of drawings (SVG), and check sums that look as random as a secret.
_ID: Final = re.compile(
    r"(?:toolu|msg|req|call|chatcmpl|cmpl|run|thread|asst|file|resp|evt|cus|pi|sub|price|prod|in|ch|dpl|prj|team|user|usr|org"
    r"|acct|session|gen|srvtoolu|cse|conv|task|agent|job)[_-]|AAAA[BCE]|sha\d+-|MII|[MLHVCSQTAZmlhvcsqtaz\d_-]+\Z|01[0-9A-Z]{24}\Z|c[klm][a-z\d]{23}\Z"
    r"|\d{4}-\d\d-\d\dT|[0-9a-fA-F_-]+(?:@v?\d+)?\Z|[-_\d]+\Z"
    r"|.*[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-"
)
_BEFORE_ID: Final = re.compile(
    r"(?:h1|SHA256|sha\d+):\Z|(?<![a-z])(?<!session_)[iI][dD]s?\\?[\"']?[=:][\\\"' ]{0,3}\Z"
    r"|/(?:d|folders|files?|design|board|blob|commit)/\Z|base64,\Z"
)
# A file drawn in base64 is longer than a secret.
_BASE64_BEFORE: Final = re.compile(r"[A-Za-z\d+/_=-]*\Z")
_BASE64_AFTER: Final = re.compile(r"[A-Za-z\d+/_=-]*")
_NO_DIGITS: Final = re.compile(r"\D+")
_PHRASES: Final = ("seed", "mnemonic", "phrase", "recover", "wallet", '"words', "words:")
_MNEMONIC: Final = re.compile(r"(?:\A|[\s\"'`:=])(?P<words>(?:[a-z]{3,8} ){11,23}[a-z]{3,8})(?![^\s\"'`.,\\])")

_BASE64: Final = re.compile(r"(?:sha\d+-)?(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?\Z")
_SIGNS_OF_PASSWORDS: Final = frozenset("!?#*+~$%^&@=")
_SECRET_NAME: Final = re.compile(rf"(?:(?P<password>{_PASSWORDS})|{_KEYS})[\w-]{{0,24}}\Z")
_REFERENCE: Final = re.compile(
    r"[$<{%\[*.~/]|[A-Za-z_][\w-]*(?:(?:\.|::|->)[A-Za-z_]\w*)+\Z|(?:process|os|env|config|settings|self|this)\."
    r"|(?:x{3,}|\*{3,}|\.{3,})|\[redacted",
    re.IGNORECASE,
)
_PLACEHOLDER: Final = re.compile(
    r"(?:your|my|example|change|replace|insert|enter|dummy|placeholder|todo|none|null|undefined|required|optional)"
    r"(?:[-_ ]?[a-z]+)*\Z",
    re.IGNORECASE,
)
# A reference has names in it, no random value.
_RANDOM_PART: Final = re.compile(r"(?<=\w\.)(?=[A-Za-z\d]*\d[A-Za-z]*\d[A-Za-z]*\d)[A-Za-z\d]{16,}\Z")
_COMMIT_HASH: Final = re.compile(r"[0-9a-f]{7,11}\Z")
_RANDOM: Final = 3.0
"""Bits per character above which an assigned value of eight characters and more passes for random."""

_EDGES: Final = " \t\r\n\"'=:"


@dataclass(frozen=True, eq=False)
class _Rule:
    """One kind of secret; `stretch` and `literals` as in `_SIGNS`."""

    kind: str
    stretch: int
    literals: tuple[str, ...]
    patterns: tuple[re.Pattern[str], ...]
    is_valid: Callable[[str], bool] | None = None
    is_token: bool = False
    """Whether the literals stand within the stretch, as written."""

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where in the text the secrets stand."""
        for pattern in self.patterns:
            for match in pattern.finditer(text):
                start, end = _secret_span(match)
                if self.is_valid is None or self.is_valid(text[start:end]):
                    yield start, end


def redact(text: str) -> str:
    """The text with every secret replaced by `[redacted: <kind>]`."""
    return _redact_short(text) if len(text) < _SHORT else _redact(text)


def _redact(text: str) -> str:
    words = text.split()
    longest = max(map(len, words), default=0)
    if longest < 3:
        return text
    lowered = text.lower()
    in_any_case, exact, in_tokens = _rules_for(min(longest, _LONGEST_STRETCH))
    found = (
        *compress(in_any_case[1], map(lowered.__contains__, in_any_case[0])),
        *compress(exact[1], map(text.__contains__, exact[0])),
    )
    if longest >= _SHORTEST_KEY:
        tokens = " ".join([word for word in words if len(word) >= _SHORTEST_KEY])
        found = (*found, *compress(in_tokens[1], map(tokens.__contains__, in_tokens[0])))
    for rule in dict.fromkeys(found):
        text = _replace(text, _to_the_end(text, rule.spans(text)), rule.kind)
    if longest >= _SHORTEST_TOKEN:
        text = _without_tokens(text)
    if longest >= _SHORTEST_KEY and any(True for _ in _random(tokens)):
        text = _replace(text, _random(text), "Random Value")
    text = _with_names(text, lowered)
    if len(words) >= 12 and (any(map(lowered.__contains__, _PHRASES)) or "".join(words).isalpha()):
        text = _replace(text, _mnemonics(text), "Mnemonic")
    if _SIX_DIGITS.search(text):
        text = _replace(text, _payment_numbers(text), "Payment Number")
    return text


def _with_names(text: str, lowered: str) -> str:
    """The text without the values of which a word beside them says that they are secret."""
    if any(map(lowered.__contains__, _NAME_LITERALS)):
        text = _replace(text, _to_the_end(text, _assigned(text)), "Secret Keyword")
    if _DIGITS.isdisjoint(text) and not _CAPITALS.search(text):
        return text
    told = _TOLD_LITERALS if lowered.isascii() else (*_TOLD_LITERALS, *_FOREIGN_LITERALS)
    if any(map(lowered.__contains__, told)):
        text = _replace(text, _told(text), "Secret Keyword")
    if any(map(lowered.__contains__, _PIN_LITERALS)):
        text = _replace(text, (match.span("value") for match in _PIN.finditer(_lowered(text))), "PIN")
    return _replace(text, _near(text), "Secret Keyword")


def redact_value(value: Any, name: str = "") -> Any:
    """A JSON value with the secrets of all its texts replaced; a text below a name such as `password` counts whole."""
    if type(value) is str:
        named = _SECRET_NAME.search(name.lower()) if name else None
        if named is not None and _is_secret(
            value, is_password=bool(named["password"]), is_quoted=True, may_be_uuid=not named["any_key"]
        ):
            return "[redacted: Secret Keyword]"
        return redact(value)
    if type(value) is dict:
        return {redact(key): redact_value(item, key) for key, item in value.items()}
    if type(value) is list:
        return [redact_value(item, name) for item in value]
    return value


def _without_tokens(text: str) -> str:
    """The text without what Kingfisher's rules find, wherever in the text the same value stands."""
    for finding in _SCANNER.scan(text.encode("utf-8", "replace")):
        # A client id is found only to be paired with its secret; it is not visible.
        if finding.visible and len(finding.secret) >= _SHORTEST_FOUND and "[redacted" not in finding.secret:
            kind = f"[redacted: {finding.rule_id.rpartition('betterleaks.')[2]}]"
            text = re.sub(re.escape(finding.secret) + _REST_OF_WORD, lambda _, kind=kind: kind, text)  # type: ignore[misc]
    return text


def _payment_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Card numbers and IBANs whose check digits are right."""
    for match in _PAYMENT_NUMBER.finditer(text):
        number = re.sub("%20|[ -]", "", match.group())
        if number.isdigit():
            if _passes_luhn(number):
                yield match.span()
        elif int("".join(str(int(one, 36)) for one in number[4:] + number[:4])) % 97 == 1:
            yield match.span()


def _passes_luhn(number: str) -> bool:
    """Whether the digits of a card number pass the check of ISO/IEC 7812-1."""
    digits = [int(one) for one in reversed(number)]
    total = sum(digits[::2]) + sum(digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[1::2])
    return total % 10 == 0 and len(set(number)) > 3


def _least_length(pattern: str) -> int:
    """How long the first stretch of a pattern such as `[0-9a-f]{32}` is at least; 16 where the pattern has several."""
    return max([16, *map(int, re.findall(r"^\[[^]]*\]\{(\d+)", pattern))])


def _rules() -> list[_Rule]:
    """What detect-secrets does not know, then its plugins that search by patterns."""
    rules = [
        _Rule(kind, stretch, literals, (re.compile(pattern, re.DOTALL),), is_token=kind in _TOKENS)
        for kind, stretch, literals, pattern in _FURTHER
    ]
    rules += [
        _Rule(
            kind,
            len(prefix) + _least_length(rest),
            (prefix,),
            (re.compile(rf"(?<![A-Za-z0-9]){re.escape(prefix)}{rest}"),),
            is_token=True,
        )
        for kind, prefix, rest in _PREFIXES
    ]
    rules += [
        _Rule(kind, 30, (mark,), (re.compile(rf"(?<![A-Za-z0-9_-]){pattern}"),), is_token=True)
        for kind, mark, pattern in _MARKS
    ]
    plugins: Mapping[str, Any] = get_mapping_from_secret_type_to_class()
    for kind, plugin_class in sorted(plugins.items()):
        if issubclass(plugin_class, RegexBasedDetector) and kind not in _NOT_USED:
            plugin = plugin_class()
            stretch, literals = _SIGNS.get(kind, (0, ("",)))
            is_valid = getattr(plugin, "is_formally_valid", None)
            patterns = tuple(plugin.denylist)
            if kind == _REPEATABLE:
                # Otherwise a long run of `eyJ` is walked to its end from every one of them.
                patterns = tuple(re.compile(r"(?<![A-Za-z0-9_-])" + pattern.pattern) for pattern in patterns)
            rules.append(_Rule(kind, stretch, literals, patterns, is_valid, stretch >= 20 and kind not in _NAMED))
    return rules


_RULES: Final = _rules()
_LONGEST_STRETCH: Final = max(rule.stretch for rule in _RULES)


@lru_cache
def _rules_for(longest: int) -> list[tuple[tuple[str, ...], tuple[_Rule, ...]]]:
    """The rules that a text can match, by literal: those that count in any case, those that count as written, and
    those that count within a stretch of some length.

    Args:
        longest: characters of the text's longest stretch without white space; most texts are words.
    """
    pairs = [(literal, rule) for rule in _RULES if rule.stretch <= longest for literal in rule.literals]
    tokens = [pair for pair in pairs if pair[1].is_token]
    by_case = ([pair for pair in pairs if (pair[0] == pair[0].lower()) is lower] for lower in (True, False))
    lists = [[pair for pair in one if not pair[1].is_token] for one in by_case]
    return [(tuple(literal for literal, _ in one), tuple(rule for _, rule in one)) for one in (*lists, tokens)]


# The names and short values in tools' inputs are few and come again and again.
_SHORT: Final = 64
_redact_short: Final = lru_cache(4096)(_redact)
_SHORTEST_TOKEN: Final = 16
_SHORTEST_FOUND: Final = 6
_SHORTEST_KEY: Final = 20
"""Characters below which the value of a key of any name (`cache_key`) is rather an id."""
_SCANNER: Final = Scanner(Rules(), base64=False)
_REST_OF_WORD: Final = r"(?:(?<=[A-Za-z0-9])[\w-]*)"
_WORD: Final = re.compile(r"[\w-]*", re.ASCII)
_NUMBERED: Final = re.compile(r"\w[#@?=]v?\d[\d.]*\Z|@[\w.-]*(?:\.[a-z]{2,}\Z|…)|://|[?&]\w+=")
_HEX: Final = re.compile(
    r"(?=[^a-fA-F]*[a-fA-F])(?:(?:[0-9a-f]{20,}|[0-9A-F]{20,})(?:-[0-9a-f]+)*|0x[0-9a-f]{64}"
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12,20})\Z"
)
_JOINING: Final = frozenset(
    (
        *(
            "the",
            "and",
            "are",
            "was",
            "for",
            "with",
            "from",
            "not",
            "but",
            "has",
            "have",
            "its",
            "they",
            "this",
            "that",
        ),
        *("into", "can", "all", "you"),
    )
)
# Spelled out, for a pattern that starts with a set is searched three times faster than one that starts with a repeat.
_SIX_DIGITS: Final = re.compile(r"\d\d\d\d(?:[ -]|%20)?\d\d")
_PAYMENT_NUMBER: Final = re.compile(
    r"\b(?:(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|6(?:011|5\d\d|2\d\d)|35[2-8]\d)([ -]|%20|)\d{4}\1\d{4}\1\d{4}"
    r"|3[47]\d\d([ -]?)\d{6}\2\d{5}"
    r"|[A-Z]{2}\d\d(?:(?: |%20)[A-Z0-9]{4}){2,7}(?:(?: |%20)[A-Z0-9]{1,3})?|[A-Z]{2}\d\d[A-Z0-9]{11,30})(?![\w-])"
)
_ENTROPY: Final = Base64HighEntropyString()


def _secret_span(match: re.Match[str]) -> tuple[int, int]:
    """The secret within a match: its group, unless that is a mere prefix of it (`ghp`) or there is none."""
    start = match.start()
    for group in range(1, (match.lastindex or 0) + 1):
        if match.start(group) > match.start():
            return match.span(group)
    text = match.group()
    stripped = text.strip(_EDGES)
    start += len(text) - len(text.lstrip(_EDGES))
    return start, start + len(stripped)


def _to_the_end(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans that end where the word ends: a pattern of a certain length may stop within a longer secret."""
    for start, end in spans:
        yield start, _WORD.match(text, end).end() if text[end - 1 : end].isalnum() else end  # type: ignore[union-attr]


def _assigned(text: str) -> Iterator[tuple[int, int]]:
    """Values that stand behind a name such as `db_password` or `--token`."""
    lowered = _lowered(text)
    for match in _ASSIGNMENT.finditer(lowered):
        group = "bare" if match["quoted"] is None else "quoted"
        start, end = match.span(group)
        value = text[start:end]
        if group == "bare":
            ended = value.rstrip(".:,")
            # `hunter2!` may be a password with a sign, or one at the end of a sentence.
            is_signed = (match["password"] or match["short"]) and any(one.isdigit() for one in value)
            value = ended if is_signed else value.rstrip(".:!?*")
            end = start + len(value)
        # `KEY_SECRET` is a secret.
        any_key = match["any_key"] and not _SECRET_PART.search(match["rest"])
        if any_key and (len(value) < _SHORTEST_KEY or "|" in value):
            continue
        if match["call"] and not _SETTER.search(lowered, max(match.start() - 40, 0), match.start()):
            continue
        is_password = bool(match["password"] or match["short"] or (match["any_key"] and not any_key))
        is_like_one = _has_all_signs(value) or _look(value) == "password"
        is_quoted_word = group == "quoted" and value.isalnum() and not value.isalpha()
        # In a sentence or a table, what follows is as often a description.
        is_doubtful = match["short"] or match["cell"] or match["dash"] or match["brace"]
        is_long = len(value) >= _SHORTEST_TOKEN and match["short"] is None
        if is_doubtful and not is_long and not (is_password and (is_like_one or is_quoted_word)):
            continue
        if _is_secret(value, is_password=is_password, is_quoted=group == "quoted", may_be_uuid=not any_key):
            yield start, end


def _has_all_signs(value: str) -> bool:
    """Whether a word has letters, digits and signs as passwords have, and is neither address nor code."""
    return (
        any(one.isalpha() for one in value)
        and any(one.isdigit() for one in value)
        and "/" not in value
        and not _SIGNS_OF_PASSWORDS.isdisjoint(value)
        and not _REFERENCE.match(value)
        and not _NUMBERED.search(value)
    )


def _told(text: str) -> Iterator[tuple[int, int]]:
    """Values that a sentence names as a password, code or PIN."""
    for match in _TOLD.finditer(_lowered(text)):
        start, end = match.span("value")
        value = text[start:end].rstrip(".:").removesuffix("**")
        if (
            len(value) >= 6
            and (match["code"] is not None or any(one.isalpha() for one in value))
            and not _REFERENCE.match(value)
            and (match["link"] is not None or not _NUMBERED.search(value))
            and not is_sequential_string(value)
        ):
            yield start, start + len(value)


def _near(text: str) -> Iterator[tuple[int, int]]:
    """Random words, and words that look like passwords, in a line with a word that hints at a secret."""
    words = [word for word in _CANDIDATE.findall(text) if not _DIGITS.isdisjoint(word) or _LETTERS_ALONE.match(word)]
    words = [word for word in words if word[0].isalnum() or _OPTION.match(word)]
    words = [word for word in words if _look(_part(word)) or _MIXED.match(_part(word))]
    if not words:
        return
    lowered = _lowered(text)
    end = 0
    for word in words:
        at = text.index(word, end)
        value = _part(word)
        start = at + word.rindex(value)
        end = start + len(value)
        look = _look(value)
        if _BEFORE_ID.search(text, max(start - 9, 0), start) or _in_file(text, start, end):
            continue
        lines = lowered[max(start - _BEFORE, 0) : start].split("\n")
        before = lines[-1]
        if not before.strip(" \t>-*`"):
            # The value has a line of its own, and its name one before.
            before = next((line for line in lines[-2:-4:-1] if line.strip(" \t`")), "")
        around = before + " | " + lowered[end : end + _AFTER].partition("\n")[0]
        is_cased = not value.islower() and not value.isupper()
        if (
            (is_cased and _has_all_signs(value) and _is_quoted(text, at, end))
            or (look in ("random", "password", "") and _FLAG.search(before))
            or not _ENOUGH[look].isdisjoint([hint.lastgroup for hint in _HINTS.finditer(around)])
        ):
            yield start, end


# The option of a command that takes a password.
_FLAG: Final = re.compile(r"(?:\s-(?:p|w|k|a|pw|pass) ?|\s/(?:p|pw|pass(?:word)?):|\s-u \w+[%,])['\"]?\Z")


_ENOUGH: Final[dict[str, frozenset[str | None]]] = {
    "": frozenset(),
    "uuid": frozenset(("password", "secret", "key")),
    "hex": frozenset(("password", "secret", "key")),
    "random": frozenset(("password", "secret", "key", "cookie")),
    "password": frozenset(("password",)),
}


def _is_quoted(text: str, start: int, end: int) -> bool:
    """Whether a word stands in quotes of its own, and is no key of a dictionary or base64."""
    return (
        text[start - 1 : start] in ("'", '"')
        and text[end : end + 1] in ("'", '"', "\\")
        and not (text[start - 2 : start - 1].isalnum() or text[start - 2 : start - 1] in (")", "]"))
        and not _BASE64.match(text, start, end)
    )


def _part(word: str) -> str:
    """The longest part of `user:password`, `user%password` and `key:suffix`."""
    return max(_PARTS.split(word.rstrip(".:")), key=len)


def _look(value: str) -> str:
    """What a word looks like: `random`, `hex`, `uuid`, `password`, or nothing of these."""
    if len(value) >= 20 and _HEX.match(value):
        return "uuid" if "-" in value[:9] else "hex"
    if len(value) < 8:
        return ""
    is_random = _familiar(value) < 0.45
    if (is_random or not value.isalnum()) and _ID.match(value):
        return ""
    if is_random and len(value) >= 12:
        return "random"
    return "password" if (is_random and not _NAME_AND_NUMBER.match(value)) or _has_all_signs(value) else ""


def _random(text: str) -> Iterator[tuple[int, int]]:
    """Words so random that they are secrets whatever stands around them."""
    for match in _RUN.finditer(text):
        value = match["value"]
        start, end = match.span("value")
        numbers = len(_NO_DIGITS.sub("", value))
        is_mixed = not (value.islower() or value.isupper())
        if numbers < (2 if len(value) < 32 else 1) or (not is_mixed and (len(value) < 24 or numbers < 4)):
            continue
        if (
            _ID.match(value)
            or _ID.match(max(value.split("/"), key=len))
            or _familiar(value) >= (0.45 if is_mixed else 0.4)
            or _BEFORE_ID.search(text, max(start - 9, 0), start)
        ):
            continue
        if not _in_file(text, start, end):
            yield start, end


def _in_file(text: str, start: int, end: int) -> bool:
    """Whether a word is a part of a file in base64, which is longer than a secret."""
    before, after = _BASE64_BEFORE.search(text, max(start - 300, 0), start), _BASE64_AFTER.match(text, end, end + 300)
    return before is not None and after is not None and after.end() - before.start() > 300


def _mnemonics(text: str) -> Iterator[tuple[int, int]]:
    """Phrases of 12 to 24 words as BIP-39 has them: of three to eight letters, none that joins a sentence."""
    for match in _MNEMONIC.finditer(text):
        words = match["words"].split()
        if len(words) % 3 == 0 and _JOINING.isdisjoint(words):
            yield match.span("words")


def _familiar(value: str) -> float:
    """The share of pairs of characters that words and numbers are made of; of a random value it is about 0.2."""
    counted = sum(map(_COUNTED.__contains__, pairwise(value)))
    return sum(map(_FAMILIAR.__contains__, pairwise(value))) / counted if counted >= 6 else 1.0


@lru_cache(2)
def _lowered(text: str) -> str:
    """The text in lower case and of the same length: some letters grow when lower-cased, then only ASCII is."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else re.sub("[A-Z]+", lambda match: match[0].lower(), text)


def _is_secret(value: str, *, is_password: bool, is_quoted: bool, may_be_uuid: bool) -> bool:
    """Whether a value assigned to a telling name is a secret, and neither reference nor placeholder nor prose."""
    if len(value) < 4 or _PLACEHOLDER.match(value) or (_REFERENCE.match(value) and not _RANDOM_PART.search(value)):
        return False
    # Some vendors issue UUIDs as tokens; as a key of any name (`cache_key`) they are ids.
    if not may_be_uuid and is_potential_uuid(value):
        return False
    if any(character.isspace() for character in value):
        return False
    has_digit = any(character.isdigit() for character in value)
    has_sign = any(not character.isalnum() and character not in "_-./" for character in value)
    if is_password:
        if is_quoted:
            return has_digit or has_sign or _entropy(value) > _RANDOM
        return len(value) >= 6 and (has_digit or has_sign) and not is_sequential_string(value)
    if len(value) < 12 or not has_digit or value.replace(".", "").replace("_", "").isdigit():
        return False
    return not _COMMIT_HASH.match(value) and not is_sequential_string(value) and _entropy(value) > _RANDOM


def _entropy(value: str) -> float:
    return float(_ENTROPY.calculate_shannon_entropy(value))


def _replace(text: str, spans: Iterable[tuple[int, int]], kind: str) -> str:
    parts: list[str] = []
    done = 0
    for start, end in sorted(spans):
        if start >= done and end > start:
            parts += (text[done:start], f"[redacted: {kind}]")
            done = end
    if not parts:
        return text
    return "".join((*parts, text[done:]))
