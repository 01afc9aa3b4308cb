"""As much of Jira's query language as a reader of issues needs: conditions, order, zones.

Facts: vendors 2.1 and 2.2. A quoted date is read to the minute in the zone of the account that searches; a bare
number is a time in epoch milliseconds; a query needs a condition besides its order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Issue = Mapping[str, Any]
Condition = Callable[[Issue], bool]

DATE_FIELDS = {
    "created": "created",
    "createddate": "created",
    "updated": "updated",
    "updateddate": "updated",
    "resolved": "resolutiondate",
    "resolutiondate": "resolutiondate",
    "due": "duedate",
    "duedate": "duedate",
}
MOST_ORDER_FIELDS = 7

_TOKENS = re.compile(r"""\s*(?:("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(!=|>=|<=|!~|[=<>~(),!])|([^\s()=!<>~,"']+))""")
_RELATIVE = re.compile(r"([+-]?)(\d+)([wdhm])")
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}
_NAMED = {
    "issuetype": "issuetype",
    "type": "issuetype",
    "status": "status",
    "priority": "priority",
    "resolution": "resolution",
    "assignee": "assignee",
    "reporter": "reporter",
    "creator": "creator",
    "project": "project",
    "parent": "parent",
}
_TEXTS = ("summary", "description")


class JqlError(Exception):
    """A query that Jira would refuse; the text is its message."""


@dataclass(frozen=True)
class Account:
    """The searching account, as far as it affects what is found."""

    account_id: str
    zone: ZoneInfo
    now: datetime


@dataclass(frozen=True)
class Query:
    """A parsed query."""

    condition: Condition
    order: tuple[tuple[str, bool], ...]
    """Field and whether it descends."""
    projects: tuple[str, ...]
    """Values that `project` was compared with, lower case: Jira refuses a project that the account cannot see."""
    depends_on_clock: bool


@dataclass(frozen=True)
class _Token:
    text: str
    quoted: bool = False

    def is_word(self, *words: str) -> bool:
        return not self.quoted and self.text.lower() in words


def parse(text: str, account: Account, updated: Callable[[Issue], datetime | None]) -> Query:
    """Read a query.

    Args:
        text: the JQL.
        account: who searches.
        updated: when an issue last changed, according to the index.

    Raises:
        JqlError: Jira would refuse it.
    """
    return _Parser(text, account, updated).query()


def order_key(
    issue: Issue, order: tuple[tuple[str, bool], ...], updated: Callable[[Issue], datetime | None]
) -> list[Any]:
    """Return the sort key of issues: lists of numbers and texts that can be stored as JSON, the id last."""
    key: list[Any] = [_rank(_order_value(issue, field, updated), descending) for field, descending in order]
    identifier = str(issue.get("id"))
    key.append([0, int(identifier)] if identifier.isdigit() else [1, 0])
    return key


def moment(text: Any) -> datetime | None:
    """Read one of Jira's timestamps; None if there is none or it is malformed."""
    try:
        parsed = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def _order_value(issue: Issue, field: str, updated: Callable[[Issue], datetime | None]) -> Any:
    if field in DATE_FIELDS:
        at = updated(issue) if DATE_FIELDS[field] == "updated" else moment(_field(issue, DATE_FIELDS[field]))
        return at.timestamp() if at is not None else None
    if field in ("key", "issuekey", "issue", "id"):
        project, _, number = str(issue.get("key", "")).rpartition("-")
        return f"{project}-{int(number):012}" if number.isdigit() else str(issue.get("key", ""))
    values = _values(issue, field)
    return values[0] if values else None


def _rank(value: Any, descending: bool) -> list[Any]:
    if value is None:
        return [1, 0]
    if isinstance(value, str):
        # A descending text compares by negated letters; the 1 puts a longer text before its own prefix.
        return [0, [-ord(letter) for letter in value] + [1]] if descending else [0, value]
    return [0, -value if descending else value]


def _field(issue: Issue, name: str) -> Any:
    fields = issue.get("fields")
    return fields.get(name) if isinstance(fields, Mapping) else None


def _values(issue: Issue, field: str) -> list[str]:
    """The texts, lower case, by which a field of an issue can be named in a query."""
    if field in ("key", "issuekey", "issue", "id"):
        return [str(issue.get("key", "")).lower(), str(issue.get("id", ""))]
    if field == "statuscategory":
        status = _field(issue, "status")
        return _names(status.get("statusCategory") if isinstance(status, Mapping) else None)
    value = _field(issue, _NAMED.get(field, field))
    if isinstance(value, list):
        return [name for item in value for name in _names(item)]
    return _names(value)


def _names(value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, Mapping):
        return [str(value).lower()]
    keys = ("key", "id", "name", "accountId", "displayName", "emailAddress", "value")
    return [str(value[key]).lower() for key in keys if value.get(key) is not None]


class _Parser:
    def __init__(self, text: str, account: Account, updated: Callable[[Issue], datetime | None]) -> None:
        self._tokens = _tokenize(text)
        self._position = 0
        self._account = account
        self._updated = updated
        self._projects: list[str] = []
        self._depends_on_clock = False

    def query(self) -> Query:
        condition: Condition | None = None
        if self._peek() is not None and not self._peek_word("order"):
            condition = self._any_of()
        order = self._order()
        if self._peek() is not None:
            raise JqlError(f"Error in the JQL query: '{self._next().text}' was not expected here.")
        if condition is None:
            raise JqlError("Unbounded JQL queries are not allowed here. Please add a search restriction to your query.")
        return Query(condition, order, tuple(self._projects), self._depends_on_clock)

    def _peek(self) -> _Token | None:
        return self._tokens[self._position] if self._position < len(self._tokens) else None

    def _peek_word(self, *words: str) -> bool:
        token = self._peek()
        return token is not None and token.is_word(*words)

    def _next(self) -> _Token:
        token = self._peek()
        if token is None:
            raise JqlError("Error in the JQL query: it ends too early.")
        self._position += 1
        return token

    def _take(self, *words: str) -> bool:
        if self._peek_word(*words):
            self._position += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._take(word):
            token = self._peek()
            raise JqlError(f"Error in the JQL query: expected '{word}', found '{token.text if token else 'the end'}'.")

    def _any_of(self) -> Condition:
        parts = [self._all_of()]
        while self._take("or", "||"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else lambda issue: any(part(issue) for part in parts)

    def _all_of(self) -> Condition:
        parts = [self._negatable()]
        while self._take("and", "&&"):
            parts.append(self._negatable())
        return parts[0] if len(parts) == 1 else lambda issue: all(part(issue) for part in parts)

    def _negatable(self) -> Condition:
        if self._take("not", "!"):
            inner = self._negatable()
            return lambda issue: not inner(issue)
        if self._take("("):
            inner = self._any_of()
            self._expect(")")
            return inner
        return self._clause()

    def _clause(self) -> Condition:
        field = self._next().text.lower()
        operator = self._next().text.lower()
        if operator == "is":
            wanted = not self._take("not")
            if not self._take("empty", "null"):
                raise JqlError(f"Error in the JQL query: '{field} is' takes EMPTY alone.")
            return lambda issue: self._is_empty(issue, field) == wanted
        if operator == "not":
            self._expect("in")
            return self._membership(field, negated=True)
        if operator == "in":
            return self._membership(field, negated=False)
        operand = self._operand(field)
        if field in DATE_FIELDS:
            return self._on_date(field, operator, operand)
        return self._on_value(field, operator, operand)

    def _is_empty(self, issue: Issue, field: str) -> bool:
        if field in DATE_FIELDS:
            return _field(issue, DATE_FIELDS[field]) is None
        return not _values(issue, field)

    def _membership(self, field: str, *, negated: bool) -> Condition:
        self._expect("(")
        operands = [self._operand(field)]
        while self._take(","):
            operands.append(self._operand(field))
        self._expect(")")
        wanted = {operand.text.lower() for operand in operands}
        if field == "project":
            self._projects.extend(wanted)
        # As with !=, an empty field is not found.
        return lambda issue: bool(values := _values(issue, field)) and bool(wanted.intersection(values)) != negated

    def _operand(self, field: str) -> _Token:
        token = self._next()
        if not token.quoted and token.text in (")", "(", ","):
            raise JqlError(f"Error in the JQL query: '{field}' lacks a value.")
        if not token.quoted and self._take("("):
            argument = self._next().text if not self._peek_word(")") else ""
            self._expect(")")
            return self._function(token.text.lower(), argument)
        return token

    def _function(self, name: str, argument: str) -> _Token:
        if name == "currentuser":
            return _Token(self._account.account_id, quoted=True)
        self._depends_on_clock = True
        if name == "now":
            return _Token(self._account.now.isoformat(), quoted=True)
        if name == "startofday":
            midnight = self._account.now.astimezone(self._account.zone).replace(
                hour=0, minute=0, second=0, microsecond=0
            )
            return _Token((midnight + _relative(argument or "0d")).isoformat(), quoted=True)
        raise JqlError(f"Unable to find JQL function '{name}()'.")

    def _on_date(self, field: str, operator: str, operand: _Token) -> Condition:
        limit = self._date(field, operand)
        compare = _COMPARISONS.get(operator)
        if compare is None:
            raise JqlError(f"The operator '{operator}' is not supported by the '{field}' field.")

        def condition(issue: Issue) -> bool:
            name = DATE_FIELDS[field]
            at = self._updated(issue) if name == "updated" else moment(_field(issue, name))
            return at is not None and compare(at, limit)

        return condition

    def _date(self, field: str, operand: _Token) -> datetime:
        text = operand.text
        if not operand.quoted and re.fullmatch(r"-?\d+", text):
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        if _RELATIVE.fullmatch(text):
            self._depends_on_clock = True
            return self._account.now + _relative(text)
        try:
            parsed = datetime.fromisoformat(text.replace("/", "-"))
        except ValueError:
            raise JqlError(
                f"Date value '{text}' for field '{field}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', "
                "'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
            ) from None
        # Only the minute counts, in the zone of the searching account (vendors 2.2).
        return parsed if parsed.tzinfo else parsed.replace(second=0, microsecond=0, tzinfo=self._account.zone)

    def _on_value(self, field: str, operator: str, operand: _Token) -> Condition:
        wanted = operand.text.lower()
        if field == "project":
            self._projects.append(wanted)
        if operator in ("~", "!~"):
            texts = _TEXTS if field == "text" else (field,)
            return lambda issue: (
                any(wanted in str(_field(issue, name) or "").lower() for name in texts) == (operator == "~")
            )
        if operator == "=":
            return lambda issue: wanted in _values(issue, field)
        if operator == "!=":
            return lambda issue: bool(values := _values(issue, field)) and wanted not in values
        compare = _COMPARISONS.get(operator)
        if compare is None:
            raise JqlError(f"Error in the JQL query: '{operator}' is no operator.")
        if field in ("key", "issuekey", "issue", "id"):
            return lambda issue: _key_compares(issue, wanted, compare)
        try:
            limit = float(wanted)
        except ValueError:
            raise JqlError(f"The operator '{operator}' is not supported by the '{field}' field.") from None
        return lambda issue: any(compare(float(value), limit) for value in _values(issue, field) if _is_number(value))

    def _order(self) -> tuple[tuple[str, bool], ...]:
        if not self._take("order"):
            return (("created", True),)
        self._expect("by")
        order: list[tuple[str, bool]] = []
        while True:
            field = self._next().text.lower()
            descending = self._take("desc")
            if not descending:
                self._take("asc")
            order.append((field, descending))
            if not self._take(","):
                break
        if len(order) > MOST_ORDER_FIELDS:
            raise JqlError(f"The maximum number of fields in the ORDER BY clause is {MOST_ORDER_FIELDS}.")
        return tuple(order)


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
}


def _key_compares(issue: Issue, wanted: str, compare: Callable[[Any, Any], bool]) -> bool:
    """Keys compare by number only within their project."""
    project, _, number = str(issue.get("key", "")).lower().rpartition("-")
    other_project, _, other_number = wanted.rpartition("-")
    if not (project == other_project and number.isdigit() and other_number.isdigit()):
        return False
    return compare(int(number), int(other_number))


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def _relative(text: str) -> timedelta:
    found = _RELATIVE.fullmatch(text)
    if found is None:
        raise JqlError(f"'{text}' is no period; write -5d, 4w, 30m.")
    length = timedelta(**{_UNITS[found.group(3)]: int(found.group(2))})
    return -length if found.group(1) == "-" else length


def _tokenize(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while text[position:].strip():
        found = _TOKENS.match(text, position)
        if found is None:
            raise JqlError(f"Error in the JQL query: it cannot be read from character {position + 1} on.")
        quoted, symbol, word = found.groups()
        if quoted is not None:
            tokens.append(_Token(re.sub(r"\\(.)", r"\1", quoted[1:-1]), quoted=True))
        else:
            tokens.append(_Token(symbol or word))
        position = found.end()
    return tokens
