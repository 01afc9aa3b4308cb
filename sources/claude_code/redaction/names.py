"""Values of which a name or a sentence says that they are secret: `db_password = …`, `das Kennwort lautet …`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from detect_secrets.filters.heuristic import is_sequential_string

from sources.claude_code.redaction.looks import (
    NUMBERED,
    REFERENCE,
    has_all_signs,
    is_chosen,
    is_secret,
    is_worded,
    look_of,
)
from sources.claude_code.redaction.texts import in_lower_case, matches_from, to_the_end

# Written in lower case and run on lower-cased texts: three times faster than IGNORECASE.
_PASSWORDS: Final = (
    r"passw(?:or)?[dt]|passphrase|passcode|pwd|secret|contrase[ñn]a|kennwort|identified[ ]by|парол[ьяею]"
    r"|pw(?<=rootpw)|pass(?:(?<=dbpass)|(?<=databasepass))"
)
# Also ordinary words, as in `PASS: 12 tests`; what follows them must look like a password.
_SHORT_PASSWORDS: Final = (
    r"pass(?:(?<![a-z]pass)|(?<=\\[nrt]pass)|(?<=storepass)|(?<=requirepass)|(?<=userpass)|(?<=rootpass)"
    r"|(?<=sshpass)|(?<=smtppass)|(?<=adminpass)|(?<=keypass))(?![a-z])"
    r"|pw(?:(?<![a-z]pw)|(?<=\\[nrt]pw)|(?<=adminpw)|(?<=userpw)|(?<=dbpw)|(?<=ftppw)|(?<=sshpw)|(?<=mailpw)|(?<=smtppw)"
    r"|(?<=wifipw))(?![a-z])"
    r"|psk(?![a-z])|cred(?=s)"
)
_OWNERS: Final = (
    *("access", "account", "admin", "api", "app", "application", "auth", "client", "database", "db", "deploy"),
    *("encryption", "licence", "license", "maps", "master", "priv", "private", "server", "service", "shared"),
    *("signing", "storage", "subscription", "write"),
)
_KEYS: Final = "|".join(
    (
        "token(?!s|iz)",
        "pat(?:(?<=[_-]pat)|(?<=extpat))(?![a-z])",
        "credential",
        "cookie(?<=[_-]cookie)",
        "key(?:" + "|".join(f"(?<={owner}{between}key)" for owner in _OWNERS for between in ("", "_", "-", " ")) + ")",
        "(?P<any_key>key(?<=[_-]key))",
        "jwt",
        "токен",
        "ключ",
    )
)
# What every name starts with, and what every one contains.
_NAME_STARTS: Final = (
    *("pass", "pw", "secret", "contrase", "kennwort", "identified by", "парол", "psk", "cred"),
    *("token", "pat", "cookie", "key", "jwt", "токен", "ключ"),
)
# `--secret dbPassword …`: the value is further on.
_FURTHER_NAME: Final = r"[\w-]*(?:pass|pwd|secret|token|key)[\w-]*[ \t=]"
_ASSIGNMENT: Final = re.compile(
    rf"(?:(?P<password>{_PASSWORDS})|{_KEYS}|(?P<short>{_SHORT_PASSWORDS}))(?P<rest>[\w-]{{0,24}})[\]'\"`]{{0,2}}"
    # An escaped quote stands where JSON or a shell command quotes JSON, which may be quoted in its turn.
    r"(?:\\{0,3}[\"'])?(?:(?:[ \t]|\\t)*(?P<equals>:=|=>|={1,3}|!==?|[?+]="
    r"|:(?:[ \t]*[\w.<>]{2,24}[ \t]*=(?!=))?)(?:[ \t]|\\t)*"
    # A list; an object with a value; an anchor or a block of YAML.
    r"(?:\[|\{[ \t]*\\{0,3}[\"'](?:value|default|s)\\{0,3}[\"'][ \t]*:[ \t]*|[&!][\w/]+[ \t]+"
    r"|[>|][-+]?[ \t]*\n\s{1,20})?|(?<=\w)[ \t]+(?:is[ \t]+)?(?=\\{0,3}[\"'])"
    rf"|(?<=\w)[ \t]+(?:is[ \t]+)?(?=\S*\d)(?!{_FURTHER_NAME})|[ \t]+--(?:body|value|data|secret-string"
    rf"|plaintext)[ \t=]+"
    # Name and value of a pair, as in the environment of a container.
    r"|[,\s]{1,40}\\{0,3}[\"']?(?:parameter)?value\\{0,3}[\"']?[ \t]*[:=][ \t]*"
    # An element of XML; a cell of a table; a call that sets a value; a dash in a sentence.
    r"|(?:[ \t]+[\w/-]+){0,2}[ \t]*<<<[ \t]*|</key>\s{0,9}<string>"
    r"|>(?:(?:\s|\\[nrt]){0,40}<(?:value|string)>)?(?=[^<\s]{6,200}<)"
    r"|[ \t]*(?P<cell>\|)[ \t]*(?=[^\s|]+[ \t]*\|)"
    r"|(?P<call>[(,])[ \t]*(?=\\{0,3}[\"'])|[ \t]+(?P<dash>[-–—])[ \t]+)"
    r"(?:[bn]?\\{0,3}[\"'`](?P<quoted>[^\"'`\\\r\n]{4,600})(?=\\{0,3}[\"'`])"
    r"|(?P<brace>\{(?!\{))?(?P<bare>[^\s\"'`,;&|<>(){}\[\]\\]{6,200}))"
)
_NO_SECRET_KEY: Final = re.compile(
    r"(?:cache|restore|partition|sort|primary|foreign|public|idempotency|group|order|row|object|routing"
    r"|translation)[_-]\Z"
)
# The address of a secret at AWS names it.
_ARN: Final = re.compile(r"arn:aws[a-z-]*:[\w:/-]*\Z")
_KEY_ID: Final = re.compile(r"(?:0x)?(?:[0-9a-fA-F]{8}|[0-9a-fA-F]{16}|[0-9a-fA-F]{40})!?\Z")
_DESCRIPTION: Final = re.compile(
    r"[_-]?(?:name|ref|manager|path|file|type|length|min|max|ttl|ur[il]|algorithm|prefix|header|count|version"
    r"|policy|arn|provider|store)"
)
_SECRET_PART: Final = re.compile("secret|pass|token")
# What stands before a name that a call sets: `setPassword(`, `define('DB_PASSWORD',`, `.put("password",`.
_SETTER: Final = re.compile(
    r"(?:(?<![a-z])(?:set|with)[a-z\d_]*|(?:define|\w*env|setdefault|\.(?:put|set|header|append|add)\w*)"
    r"[ \t]*\([ \t]*\\?[\"'][\w.-]*)\Z"
)
# A name, then words, then a link, then the value, as in `das Kennwort für den Server lautet …`.
_LINKS: Final = r"is|was|are|ist|lautet|sind|est|es|è|é|to|jest|är|er|это"
TOLD_PASSWORDS: Final = (
    r"passwor[dt]|kennwort|passphrase|passcode|парол[ьяею]|mot de passe|mdp(?<![a-z]mdp)"
    r"|contrase[ñn]a|wachtwoord"
    r"|has[łl](?:o|a|em|u)(?![a-z])|senha|parola|lösenord|adgangskode|kodeord|hesl(?:o|a|em|u)(?![a-z])|lozinka"
    r"|geslo|jelszó|passord|parool|şifre"
    r"|palavra.passe|phrase secr|mật khẩu|salasana|clave(?<![a-z]clave)(?! (?:prim|for|únic|unic|públ|publ"
    r"|compu))|slaptažodis|парола|лозинк|κωδικ"
    r"|pwd?(?<![a-z\d]pw)(?<![a-z\d]pwd)(?![a-z\d])|密码|密碼|口令|パスワード|비밀번호|पासवर्ड|كلمة المرور|סיסמ"
    # As people say it.
    r"|пасс?(?:а|у|ом|ворд[а-я]?)?(?<![а-я]пасс)(?<![а-я]пас)(?![а-я])|contra(?<![a-z]contra)(?![a-zñ])"
    r"|ww(?<![a-z\d.]ww)(?![a-z\d.])|kata sandi|sifre(?<![a-z]sifre)"
)
_TOLD: Final = re.compile(
    rf"(?:(?P<password>{TOLD_PASSWORDS})|(?P<pass>pass(?<![a-z\d_]pass)(?![a-z\d_]))"
    r"|(?P<code>otp(?<![a-z\d]otp)|(?:2fa|mfa)(?<![a-z\d]...)(?![a-z\d])))"
    r"[\w\]\"'`)]{0,8}(?:[ \t]+\(?(?:[\w'äöüßàéèñç-]|\.(?=\w)){1,24}\)?){0,4}?"
    rf"(?:(?P<link>[ \t]*(?::|=>?|→|->|：)|[ \t]+(?:{_LINKS}|[–—-])(?=[ \t])|[ \t]+(?=[\"'`„“«]))[ \t]*"
    r"(?:(?<=:)\n\s*(?=\S+\s*(?:\n|\Z)))?|[ \t]+)[\"'`(*„“«‹\\\[]{0,3}[ \t]*"
    r"(?P<value>(?=[^\s\d]*\d)(?!\d+(?:\.\d+)+\s)[^\s\"'`(),;“”»›<>\[\]{}|\\]{4,200})"
)
_TOLD_STARTS: Final = (
    *("pass", "kennwort", "mot de passe", "mdp", "wachtwoord", "senha", "parola", "adgangskode", "hesl"),
    *(
        "salasana",
        "hasl",
        "kodeord",
        "contra",
        "ww",
        "kata sandi",
        "sifre",
        "lozinka",
        "geslo",
        "parool",
        "palavra",
        "phrase secr",
        "clave",
        "pw",
        "otp",
        "mfa",
        "2fa",
    ),
)
_FOREIGN_STARTS: Final = (
    *("парол", "пас", "hasł", "lösenord", "şifre", "jelszó", "mật khẩu", "slaptažodis", "лозинк", "κωδικ"),
    *("密码", "密碼", "口令", "パスワード", "비밀번호", "पासवर्ड", "كلمة المرور", "סיסמ"),
)
# A value, then what it is, as in `use … as the password`.
_TOLD_AFTER: Final = re.compile(
    r"(?P<value>(?=[^\s\d]*\d)(?=[\W\d]*[a-z])[^\s\"'`(),;“”»›<>\[\]{}|\\/=]{6,64})[\"'`”»]?[ \t]+(?:is|as|als"
    r"|ist|comme|como|come|это|как|est|es)"
    r"[ \t]+(?:[\w'.-]+[ \t]+){0,4}\Z"
)
_WORDS: Final = re.compile(r"[a-z]+(?:-[a-z]+)*-?\d\d+\Z", re.IGNORECASE)
_QUANTITY: Final = re.compile(r"\d+[a-z]{1,8}\Z", re.IGNORECASE)
# Languages without spaces between words.
_TOLD_UNSPACED: Final = re.compile(
    r"(?:密码|密碼|口令|パスワード|パス|비밀번호|암호)[^\x00-\x7f\s]{0,6}[ \t]{0,3}[:：]?[ \t]{0,3}[\"'`「『]?"
    r"(?P<value>(?=[!-~]*\d)(?=[!-~]*[a-z])[!-~]{6,64})"
)
_UNSPACED: Final = ("密码", "密碼", "口令", "パス", "비밀번호", "암호")
# Words in quotes, or joined by hyphens, that open a key or a vault.
_PHRASE_NAMES: Final = (
    rf"{TOLD_PASSWORDS}|passe(?<=phrase de passe)|pass phrase|passfrase"
    r"|(?:парольн|секретн|кодов)\w+ фраз|psk(?:(?<![a-z]psk)|(?<=\\[nrt]psk))"
)
_PHRASE: Final = re.compile(
    rf"(?:{_PHRASE_NAMES})[\w\])]{{0,8}}\\{{0,3}}[\"'`]?(?:[ \t]+[^\s\"'`«„“:=]{{1,24}}){{0,6}}?[ \t]*(?P<link>[:=]"
    rf"|[ ](?:{_LINKS}))?[ \t]*"
    r"(?:\\{0,3}[\"'`«„“‘][ ]?(?P<quoted>[a-z]{3,10}(?: [a-z]{3,10}){3,9})[ ]?\\{0,3}[\"'`»“”’]"
    r"|(?P<bare>[a-z]{3,9}(?:-[a-z]{3,9}){3,6})(?![\w.-]))"
)
_PHRASE_STARTS: Final = ("pass", "kennwort", "contrase", "wachtwoord", "psk")
_FOREIGN_PHRASE_STARTS: Final = ("парол", "фраз", "hasło", "lösenord", "şifre", "секретн", "кодов")
# Words of sentences and of programs, which a phrase made by a generator has none of.
_JOINING: Final = frozenset(
    [
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
        "into",
        "can",
        "all",
        "you",
        "your",
        "must",
        "should",
        "will",
        "when",
        "then",
        "than",
        "too",
        "long",
        "short",
        "least",
        "enter",
        "please",
        "required",
        "invalid",
        "incorrect",
        "wrong",
        "empty",
        "field",
        "form",
        "reset",
        "login",
        "auth",
        "user",
        "token",
        "secret",
        "key",
        "label",
        "input",
        "password",
        "change",
        "forgot",
        "confirm",
        "error",
        "page",
        "repeat",
        "new",
        "old",
        "does",
        "did",
        "been",
        "only",
        "das",
        "der",
        "die",
        "und",
        "ist",
        "nicht",
        "ein",
        "eine",
        "muss",
        "sein",
        "mit",
        "oder",
        "bitte",
        "falsch",
        "les",
        "des",
        "une",
        "pas",
        "est",
        "que",
        "los",
        "las",
        "una",
        "por",
        "sin",
    ]
)
_WIRELESS: Final = re.compile(r"(?:wi-?fi|wlan)[ \t]+\Z")
_PASSWORD: Final = re.compile(TOLD_PASSWORDS)
NAME: Final = re.compile(rf"(?:(?P<password>{_PASSWORDS})|{_KEYS})[\w-]{{0,24}}\Z")
_SHORTEST_KEY: Final = 20
"""Characters below which the value of a key of any name (`cache_key`) is rather an id."""
_SURE: Final = 16
"""Characters from which on a random value is no description, even in a table or a sentence."""


def assigned(text: str) -> Iterator[tuple[int, int]]:
    """Values that stand behind a name such as `db_password` or `--token`."""
    return to_the_end(text, _assigned(text))


def _assigned(text: str) -> Iterator[tuple[int, int]]:
    lowered = in_lower_case(text)
    for match in matches_from(_ASSIGNMENT, lowered, _NAME_STARTS):
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
        if _ARN.search(lowered, max(match.start() - 200, 0), match.start()):
            continue
        if group == "bare" and (_is_attribute(text, start, end) or _is_key_id(text, match.start(), value)):
            continue
        if any_key and _NO_SECRET_KEY.search(lowered, max(match.start() - 16, 0), match.start()):
            continue
        # `secretName`, `TOKEN_TTL`: what describes a secret is none, unless it looks like one.
        if _DESCRIPTION.match(match["rest"]) and look_of(value) not in ("random", "password"):
            continue
        if _is_doubtful(match, text[match.start() : match.start() + 4], value):
            continue
        is_password = bool(match["password"] or match["short"] or (match["any_key"] and not any_key))
        # `DB_PASSWORD=…` in an environment is a password, whatever it looks like.
        is_variable = match["equals"] == "=" and not match["rest"] and match["password"] not in (None, "secret")
        is_quoted = group == "quoted" or (is_variable and text[match.start() : match.end("password")].isupper())
        if is_secret(value, is_password=is_password, is_quoted=is_quoted, may_be_uuid=not any_key):
            yield start, end


def _is_attribute(text: str, start: int, end: int) -> bool:
    """Whether a value such as `row.field12`, or `row.field123` before a bracket or semicolon, is code."""
    value = text[start:end]
    if "." not in value or not text[start - 1 : start].isspace() or not is_worded(value):
        return False
    return text[end : end + 1] in (";", "(", "[") or not value.rstrip("!?#$*")[-3:].isdigit()


def _is_key_id(text: str, key: int, value: str) -> bool:
    """Whether a value is the id of the key that git signs with: `signingkey = 3AA5C34371567BD2`."""
    return text.startswith("signing", max(key - 7, 0)) and _KEY_ID.match(value) is not None


def _is_doubtful(match: re.Match[str], word: str, value: str) -> bool:
    """Whether the value behind a name is rather a description than a secret, as it often is in a sentence or table."""
    if not (match["short"] or match["cell"] or match["dash"] or match["brace"]):
        return False
    if len(value) >= _SURE and match["short"] is None:
        return False
    if match["password"] is None and match["short"] is None:
        return True
    if has_all_signs(value) or look_of(value) in ("random", "password"):
        return False
    if match["quoted"] is not None and (match["equals"] or match["call"]) and value.isalnum() and not value.isalpha():
        return False
    if match["equals"] and (match["quoted"] is not None or match["equals"] == "=") and is_worded(value):
        return False
    # `vault_pass: lantern-radish-28`, but neither `PASS: test_login2` nor `pass: 120ms`.
    has_word = sum(map(str.isalpha, value)) >= 5 and value[-1].isdigit() and "_" not in value and "." not in value
    return not (
        has_word
        and match["equals"]
        and (word != "PASS" or match.string[match.start() - 1 : match.start()].strip(" \n\t"))
    )


def told_starts(text: str) -> tuple[str, ...]:
    """With which words a text starts to speak of a password or a code."""
    lowered = in_lower_case(text)
    starts = _TOLD_STARTS if lowered.isascii() else (*_TOLD_STARTS, *_FOREIGN_STARTS)
    return tuple(start for start in starts if start in lowered)


def told(text: str, starts: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Values that a sentence names as a password or code."""
    lowered = in_lower_case(text)
    for match in matches_from(_TOLD, lowered, starts):
        start, end = match.span("value")
        value = text[start:end].rstrip(".:").removesuffix("**")
        # `required').min(8)` has its digit behind the word; `90days` is a quantity.
        if not any(map(str.isdigit, value)) or (match["link"] is None and _QUANTITY.match(value)):
            continue
        if match["link"] == " to" and not (is_chosen(value) or look_of(value) or sum(map(str.isdigit, value)) >= 2):
            continue
        if match["pass"] and not (has_all_signs(value) or look_of(value)) and not _WORDS.match(value):
            continue
        if (
            match["pass"]
            and match["link"] is None
            and not _WIRELESS.search(lowered, max(match.start() - 12, 0), match.start())
        ):
            continue
        is_next = match["password"] and match.end("password") + 1 == start
        if (
            len(value) >= 6
            and (match["code"] is not None or any(one.isalpha() for one in value))
            and (not REFERENCE.match(value) or ((match["link"] or is_next) and is_worded(value)))
            and not ("=" in (match["link"] or "") and _is_attribute(text, start, start + len(value)))
            and (match["link"] is not None or is_next or _is_likely(match, value))
            and not is_sequential_string(value)
        ):
            yield start, start + len(value)


def _is_likely(match: re.Match[str], value: str) -> bool:
    """Whether a value that only words join to its name is one; `passwords are hashed with argon2id` has none."""
    if is_chosen(value):
        return True
    if NUMBERED.search(value):
        return False
    return bool(match["password"] is None or look_of(value) or sum(map(str.isdigit, value)) >= 2)


def told_before(text: str, starts: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Values that a sentence calls a password after them."""
    lowered = in_lower_case(text)
    for name in matches_from(_PASSWORD, lowered, starts):
        if not lowered[name.start() - 1 : name.start()].isspace():
            continue
        match = _TOLD_AFTER.search(lowered, max(name.start() - 120, 0), name.start())
        if match is not None:
            start, end = match.span("value")
            value = text[start:end]
            is_likely = look_of(value) or sum(map(str.isdigit, value)) >= 2
            is_name = REFERENCE.match(value) and not is_worded(value)
            if is_likely and not is_name and not NUMBERED.search(value):
                yield start, end


def told_unspaced(text: str) -> Iterator[tuple[int, int]]:
    """Values that follow the name of a password in a language without spaces."""
    for match in matches_from(_TOLD_UNSPACED, in_lower_case(text), _UNSPACED):
        start, end = match.span("value")
        value = text[start:end].rstrip(".,;:)")
        if not REFERENCE.match(value) and not is_sequential_string(value) and "=" not in value:
            yield start, start + len(value)


def phrases(text: str) -> Iterator[tuple[int, int]]:
    """Several plain words that a sentence calls a passphrase or a password."""
    lowered = in_lower_case(text)
    starts = _PHRASE_STARTS if lowered.isascii() else (*_PHRASE_STARTS, *_FOREIGN_PHRASE_STARTS)
    for match in matches_from(_PHRASE, lowered, starts):
        words = match["quoted"] or match["bare"]
        if (match["quoted"] or match["link"]) and _JOINING.isdisjoint(words.replace("-", " ").split()):
            yield match.span("quoted" if match["quoted"] else "bare")


def is_named_secret(name: str, value: Any) -> bool:
    """Whether a name such as `password` makes the whole value a secret."""
    named = NAME.search(name.lower())
    return named is not None and is_secret(
        value, is_password=bool(named["password"]), is_quoted=True, may_be_uuid=not named["any_key"]
    )
