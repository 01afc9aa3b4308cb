"""What each reference file may hold (rules, chapter 2): columns, types, defaults, allowed values, keys; and the SPEC.

A row's key is its natural key, by which it is told whether the row has left its file (rule 2.16). Files with dates may
hold one key several times as long as the ranges do not overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from sources.kit.spec import SourceSpec
from sources.kit.table import Column, Kind, Table

Form = Literal[
    "",
    "currency",
    "known_currency",
    "timezone",
    "email",
    "time_of_day",
    "time_or_moment",
    "pattern",
    "path",
    "fraction",
    "minutes",
    "hours",
    "invoice_number",
    "country",
]
"""A text's or number's shape beyond its type; `sources.reference.guide` says what each means."""


@dataclass(frozen=True)
class Field:
    """One column of a reference file.

    `required`: a cell may not be empty. `default` replaces an empty cell. `values` are the only ones allowed; with
    `listed` the cell is a `;` list of them. `minimum` and `above` bound a number (inclusive, exclusive). `refers_to`
    names the file whose rows the cell points at.
    """

    name: str
    kind: Kind
    description: str
    required: bool = True
    default: str = ""
    values: tuple[str, ...] = ()
    listed: bool = False
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    form: Form = ""
    refers_to: str = ""


@dataclass(frozen=True)
class ReferenceFile:
    """One reference file: its fields, its key, and the pair of fields that date its rows.

    `range_key` are the fields of which at most one row may hold on any day (empty: no such rule). `unique` are further
    fields whose values, where given, appear once in the file. `is_vendor_list`: the rows are facts of a vendor and no
    decision; a folder without the file takes the one that comes with Workledger. `has_other_spellings`: rows may be
    written in other words that mean the same, as one pattern for many paths, so that fewer rows need not be a loss.
    """

    name: str
    description: str
    key: tuple[str, ...]
    fields: tuple[Field, ...]
    range_key: tuple[str, ...] = ()
    range_fields: tuple[str, str] = ("valid_from", "valid_to")
    unique: tuple[str, ...] = ()
    single_row: bool = False
    is_vendor_list: bool = False
    has_other_spellings: bool = False

    @property
    def table(self) -> Table:
        """The raw table that the file lands in."""
        return Table(
            self.name,
            self.description,
            ("row_key",),
            (
                *(Column(each.name, each.kind, each.description) for each in self.fields),
                Column("row_number", "bigint", "Line of the file on which the row begins."),
                Column("row_key", "text", "The row's natural key.", required=True),
            ),
            keeps_record=False,
            mirrors=True,
        )


def _optional(name: str, kind: Kind, description: str, **rules: object) -> Field:
    return Field(name, kind, description, required=False, **rules)  # type: ignore[arg-type]


_VALID_FROM = _optional("valid_from", "date", "First day on which the row holds; empty: always.")
_VALID_TO = _optional("valid_to", "date", "Last day on which the row holds; empty: open.")
_RANGE = (_VALID_FROM, _VALID_TO)
_EMAIL = Field("email", "text", "The person's e-mail address.", form="email", refers_to="developers")
_CLIENT = Field("client", "text", "Client: Clockify's id, ours, or its name.", refers_to="clients")
_PROJECT = Field("project", "text", "Project: Clockify's id, ours, or its name.", refers_to="projects")
_CURRENCY = Field("currency", "text", "ISO 4217 code.", form="currency")
_YES = "true"
_NO = "false"
_TIERS = ("p1_p3_off_hours", "p1_p3", "off_hours", "standard")

FILES: Final = (
    ReferenceFile(
        "agency",
        "The agency itself, one row.",
        ("legal_name",),
        (
            Field("legal_name", "text", "Name under which it invoices."),
            # What an invoice needs beyond the name is asked for when one is issued, not before.
            _optional("address", "text", "Postal address."),
            _optional("tax_id", "text", "Tax number."),
            _optional("bank", "text", "Bank and account for payments."),
            _optional("swift", "text", "SWIFT code."),
            Field("currency", "text", "Its own currency, ISO 4217.", default="USD", form="currency"),
            Field("timezone", "text", "Its time zone (IANA name).", form="timezone"),
            Field("calendar", "text", "Its business calendar.", default="default", refers_to="business_calendars"),
            _optional("invoice_number_format", "text", "How invoice numbers are formed.", form="invoice_number"),
            _optional("logo", "text", "PNG or JPEG file of the logo, beside this file."),
            # What an e-invoice needs is asked for where a client wants one (rule 10.17).
            _optional("vat_id", "text", "VAT number, with its country's letters."),
            _optional("registration_id", "text", "Number in a register of companies."),
            _optional("registration_scheme", "text", "ISO 6523 code of that register, such as `0060`."),
            _optional("street", "text", "Street and number, for e-invoices."),
            _optional("city", "text", "City, for e-invoices."),
            _optional("zip_code", "text", "Postal code, for e-invoices."),
            _optional("country", "text", "Country, for e-invoices.", form="country"),
            _optional("e_address", "text", "Electronic address that answers go to."),
            _optional("e_address_scheme", "text", "EAS code of that address, such as `EM` for e-mail."),
            _optional("contact_name", "text", "Person or department to ask about invoices."),
            _optional("contact_phone", "text", "Its telephone number."),
            _optional("contact_email", "text", "Its e-mail address.", form="email"),
            _optional(
                "utilization_target",
                "numeric",
                "Billable part of available hours to aim at, 0.75 for 75 %; empty: no target.",
                form="fraction",
            ),
        ),
        single_row=True,
    ),
    ReferenceFile(
        "bank_accounts",
        "Accounts that invoices ask to be paid into, one row per currency.",
        ("currency",),
        (
            _CURRENCY,
            _optional("bank", "text", "Name of the bank."),
            Field("account", "text", "IBAN or account number."),
            _optional("bic", "text", "SWIFT code."),
            Field(
                "means_code",
                "text",
                "How it is paid, by UNTDID 4461: 30 credit transfer, 58 SEPA credit transfer.",
                default="30",
                values=("30", "58"),
            ),
        ),
    ),
    ReferenceFile(
        "developers",
        "People whose time counts, one row per e-mail address.",
        ("email",),
        (
            Field("email", "text", "E-mail address: the person's key.", form="email"),
            Field("name", "text", "Full name."),
            _optional("clockify_id", "text", "Clockify user id."),
            _optional("github_username", "text", "GitHub login."),
            _optional("jira_account_id", "text", "Jira account id."),
            Field("timezone", "text", "Time zone (IANA name).", form="timezone"),
            Field("status", "text", "Works here or has left.", values=("active", "inactive")),
        ),
        unique=("clockify_id", "github_username", "jira_account_id"),
    ),
    ReferenceFile(
        "identities",
        "Further names of the same person in other systems, with dates.",
        ("system", "native_id", "valid_from"),
        (
            _EMAIL,
            Field("system", "text", "System of the id.", values=("clockify", "jira", "github", "git_email")),
            Field("native_id", "text", "Id or name in that system."),
            *_RANGE,
        ),
        range_key=("system", "native_id"),
    ),
    ReferenceFile(
        "accounting_codes",
        "What accounting and e-document systems call clients, accounts and services, for the delivery of invoices.",
        ("system", "kind", "key"),
        (
            Field("system", "text", "System of the code.", values=("planfact", "didox")),
            Field(
                "kind",
                "text",
                "What it stands for: a client, the account of a currency, a category, a service.",
                values=("client", "account", "category", "service"),
            ),
            Field("key", "text", "Account number or name of the client, currency, `income`, or `default`."),
            Field("code", "text", "Code in that system."),
        ),
    ),
    ReferenceFile(
        "developer_costs",
        "What developers cost, with dates.",
        ("email", "valid_from"),
        (
            _EMAIL,
            _optional("cost_rate", "numeric", "Cost per hour.", minimum=0),
            _optional("monthly_cost", "numeric", "Cost per calendar month.", minimum=0),
            _CURRENCY,
            *_RANGE,
        ),
        range_key=("email",),
    ),
    ReferenceFile(
        "clients",
        "Client companies.",
        ("client",),
        (
            Field("client", "text", "Clockify's name or id of the client."),
            Field("company_name", "text", "Name of the company."),
            _optional("account_number", "text", "Given account number; empty: formed from the company's name."),
            _optional("trading_name", "text", "Name it trades under."),
            Field("status", "text", "State.", default="active", values=("active", "inactive", "suspended")),
            _optional("parent_client", "text", "Client that it rolls up to.", refers_to="clients"),
            Field(
                "payment_terms",
                "text",
                "Days until an invoice is due.",
                default="net30",
                values=("net15", "net30", "net45", "net60", "due_on_receipt"),
            ),
            _optional("website", "text", "Web site."),
            _optional("email", "text", "General e-mail address.", form="email"),
            _optional("phone", "text", "Telephone number."),
            _optional("tax_id", "text", "Tax number."),
            _optional("notes", "text", "Internal notes."),
            _optional("address_line_1", "text", "Address, first line."),
            _optional("address_line_2", "text", "Address, second line."),
            _optional("city", "text", "City."),
            _optional("state", "text", "State or province."),
            _optional("zip_code", "text", "Postal code."),
            _optional("country", "text", "Country.", default="USA"),
            _optional("billing_address_same", "boolean", "Bills go to the same address.", default=_YES),
            _optional("billing_address_line_1", "text", "Billing address, first line."),
            _optional("billing_address_line_2", "text", "Billing address, second line."),
            _optional("billing_city", "text", "Billing city."),
            _optional("billing_state", "text", "Billing state or province."),
            _optional("billing_zip_code", "text", "Billing postal code."),
            _optional("billing_country", "text", "Billing country."),
            _optional("language", "text", "Language of its documents.", default="en", values=("en", "de", "ru")),
            _optional(
                "date_format",
                "text",
                "How its documents write dates; empty: as the language does.",
                values=("d MMM yyyy", "MMM d, yyyy", "dd.MM.yyyy", "dd/MM/yyyy", "MM/dd/yyyy", "yyyy-MM-dd"),
            ),
            _optional("paper_size", "text", "Size of its documents' pages.", default="A4", values=("A4", "Letter")),
            _optional("e_invoice", "boolean", "Gets e-invoices (EN 16931) beside the PDF.", default=_NO),
            _optional("vat_id", "text", "VAT number, with its country's letters."),
            _optional("e_address", "text", "Electronic address for e-invoices."),
            _optional("e_address_scheme", "text", "EAS code of that address, such as `EM` for e-mail."),
            _optional("buyer_reference", "text", "What the client wants to be named on invoices, such as an order."),
            _optional(
                "invoice_number_format",
                "text",
                "How the numbers of its own series are formed; empty: as agency.csv says.",
                form="invoice_number",
            ),
        ),
        unique=("account_number",),
    ),
    ReferenceFile(
        "client_terms",
        "What is agreed with a client, with dates.",
        ("client", "valid_from"),
        (
            _CLIENT,
            Field("billing_model", "text", "How the client is billed.", values=("retainer", "hourly")),
            _optional("retainer_amount", "numeric", "Amount per calendar month.", minimum=0),
            _CURRENCY,
            Field("tax_rate", "numeric", "Tax as a fraction, 0.19 for 19 %.", default="0", form="fraction"),
            _optional(
                "vat_category",
                "text",
                "VAT category, for e-invoices: S with tax, Z zero rate, E exempt, AE reverse charge, G export, O none.",
                values=("S", "Z", "E", "AE", "G", "O"),
            ),
            _optional("vat_exemption_reason", "text", "Why there is no tax; printed on invoices."),
            *_RANGE,
        ),
        range_key=("client",),
    ),
    ReferenceFile(
        "client_contacts",
        "Persons to write to at a client.",
        ("client", "first_name", "last_name", "email"),
        (
            _CLIENT,
            Field("first_name", "text", "First name."),
            Field("last_name", "text", "Last name."),
            _optional("title", "text", "Job title."),
            _optional("email", "text", "E-mail address.", form="email"),
            _optional("phone", "text", "Telephone number."),
            _optional("mobile", "text", "Mobile number."),
            _optional("is_primary", "boolean", "Primary contact.", default=_NO),
            _optional("is_billing_contact", "boolean", "Contact for bills.", default=_NO),
            _optional("receives_invoices", "boolean", "Gets invoices by e-mail.", default=_NO),
            _optional("notes", "text", "Internal notes."),
            _optional("status", "text", "State.", default="active", values=("active", "inactive")),
        ),
    ),
    ReferenceFile(
        "projects",
        "What Clockify does not know of projects.",
        ("project",),
        (
            Field("project", "text", "Clockify's name or id of the project."),
            Field("status", "text", "State.", default="active", values=("active", "on_hold", "archived")),
            _optional("jira_project_key", "text", "Key of its Jira project."),
            _optional("labels", "text", "Labels, separated by semicolons."),
        ),
    ),
    ReferenceFile(
        "project_terms",
        "Client, rate and contract of a project, with dates.",
        ("project", "valid_from"),
        (
            _PROJECT,
            _CLIENT,
            _optional("hourly_rate", "numeric", "Rate per hour.", minimum=0),
            _optional("contract", "text", "Number or name of a contract.", refers_to="contracts"),
            *_RANGE,
        ),
        range_key=("project",),
    ),
    ReferenceFile(
        "project_classifications",
        "Projects and labels that are not billed.",
        ("project", "label"),
        (
            _optional("project", "text", "Project; empty where a label is given.", refers_to="projects"),
            _optional("label", "text", "Label; empty where a project is given."),
            Field(
                "classification",
                "text",
                "How its time is treated.",
                values=("billable", "internal", "overhead", "excluded"),
            ),
        ),
    ),
    ReferenceFile(
        "repo_mappings",
        "Repositories and working directories of clients and projects, with dates.",
        ("repo", "path_globs", "valid_from"),
        (
            Field("repo", "text", "Repository as org/name."),
            _CLIENT,
            _optional("project", "text", "Project.", refers_to="projects"),
            _optional("path_globs", "text", "Globs of working directories, separated by semicolons.", form="path"),
            *_RANGE,
        ),
        range_key=("repo", "path_globs"),
    ),
    ReferenceFile(
        "session_roots",
        "Folders of session transcripts and whose they are.",
        ("path", "host"),
        (
            Field("path", "text", "Folder or glob of folders.", form="path"),
            _EMAIL,
            _optional("host", "text", "Host that the folder comes from."),
        ),
        has_other_spellings=True,
    ),
    ReferenceFile(
        "contracts",
        "Contracts as they were signed.",
        ("client", "contract_number", "name"),
        (
            _CLIENT,
            _optional("contract_number", "text", "Given number; empty: formed from client, service and year."),
            Field("name", "text", "Name."),
            Field("service_category", "text", "Service.", values=("IT", "WEB", "MARKETING", "OTHER")),
            Field("type", "text", "Type.", values=("monthly_retainer", "project_based", "pay_as_you_go")),
            Field("status", "text", "State.", default="active", values=("active", "inactive", "expired")),
            Field("start_date", "date", "First day; also the day on which periods begin."),
            _optional("end_date", "date", "Last day; empty: ongoing."),
            _optional("auto_renew", "boolean", "Runs on past its end.", default=_NO),
            _optional("monthly_hours", "numeric", "Hours included per period.", minimum=0, form="hours"),
            Field("overage_rate", "numeric", "Rate per hour beyond the included ones.", minimum=0),
            _optional(
                "standard_rate",
                "numeric",
                "Rate per hour used, of the included or plain ones; it is no flat fee.",
                minimum=0,
            ),
            Field(
                "billing_cycle",
                "text",
                "How often it is invoiced.",
                default="monthly",
                values=("monthly", "quarterly", "annual"),
            ),
            _optional("notification_email", "text", "Address for the period's report.", form="email"),
            _optional("send_monthly_report", "boolean", "Send the period's report.", default=_YES),
            _optional("description", "text", "Description."),
            _optional("notes", "text", "Internal notes."),
        ),
        range_fields=("start_date", "end_date"),
        unique=("contract_number",),
    ),
    ReferenceFile(
        "contract_terms",
        "Amendments of contracts; an empty cell keeps what held before.",
        ("contract", "valid_from"),
        (
            Field("contract", "text", "Number or name of the contract.", refers_to="contracts"),
            _optional("monthly_hours", "numeric", "Hours included per period.", minimum=0, form="hours"),
            _optional("overage_rate", "numeric", "Rate per hour beyond the included ones.", minimum=0),
            _optional("standard_rate", "numeric", "Rate per included or plain hour.", minimum=0),
            _optional("status", "text", "State.", values=("active", "inactive", "expired")),
            Field("valid_from", "date", "First day on which the amendment holds."),
        ),
    ),
    ReferenceFile(
        "service_types",
        "Kinds of work a work log may name.",
        ("name",),
        (
            Field("name", "text", "Name."),
            _optional("description", "text", "Description."),
            _optional("is_billable", "boolean", "Its work is billable.", default=_YES),
            _optional("is_active", "boolean", "May be chosen.", default=_YES),
            _optional("display_order", "bigint", "Place in lists.", default="0"),
        ),
    ),
    ReferenceFile(
        "billing_rules",
        "How a project is billed, with dates.",
        ("project", "effective_from"),
        (
            _PROJECT,
            Field("rule_type", "text", "Kind of rule.", values=("hourly", "fixed", "retainer")),
            Field("rate_cents", "bigint", "Hourly rate or amount per month, minor units.", minimum=0),
            _optional("currency", "text", "ISO 4217 code; empty: that of the client's terms.", form="currency"),
            _optional(
                "rounding_increment_minutes",
                "bigint",
                "Entries are rounded up to it; 0: not.",
                default="0",
                minimum=0,
                form="minutes",
            ),
            _optional("overtime_multiplier", "numeric", "Factor beyond 8 h a day.", default="1", above=0),
            _optional("cap_hours", "numeric", "Most hours billed per calendar month.", minimum=0, form="hours"),
            _optional(
                "retainer_hours", "numeric", "Hours that a retainer covers per calendar month.", minimum=0, form="hours"
            ),
            _optional("effective_from", "date", "First day on which the rule holds; empty: always."),
            _optional("effective_to", "date", "Last day on which the rule holds; empty: open."),
            _optional("metadata", "json", "Further settings as a JSON object.", default="{}"),
        ),
        range_key=("project",),
        range_fields=("effective_from", "effective_to"),
    ),
    ReferenceFile(
        "rate_rules",
        "Multipliers of rate tiers, with dates.",
        ("client", "rate_tier", "valid_from"),
        (
            _optional("client", "text", "Client; empty: all.", refers_to="clients"),
            Field("rate_tier", "text", "Tier.", values=_TIERS),
            Field("multiplier", "numeric", "Factor on the unit price.", minimum=0),
            *_RANGE,
        ),
        range_key=("client", "rate_tier"),
    ),
    ReferenceFile(
        "business_calendars",
        "Opening hours by weekday.",
        ("calendar", "weekday", "opens"),
        (
            Field("calendar", "text", "Name of the calendar."),
            Field("timezone", "text", "Time zone (IANA name).", form="timezone"),
            Field("weekday", "bigint", "1 Monday to 7 Sunday.", minimum=1, maximum=7),
            Field("opens", "text", "First moment of business, HH:MM.", form="time_of_day"),
            Field("closes", "text", "First moment after business, HH:MM.", form="time_of_day"),
        ),
    ),
    ReferenceFile(
        "holidays",
        "Days on which a calendar is closed.",
        ("calendar", "date"),
        (
            Field("calendar", "text", "Name of the calendar.", refers_to="business_calendars"),
            Field("date", "date", "Day."),
            Field("name", "text", "Name of the holiday."),
        ),
    ),
    ReferenceFile(
        "employee_exclusions",
        "People whose time is not billed or ignored, with dates.",
        ("jira_account_id", "type", "valid_from"),
        (
            Field("jira_account_id", "text", "Jira account id of the person."),
            Field("type", "text", "Effect.", values=("overhead_only", "excluded")),
            *_RANGE,
        ),
        range_key=("jira_account_id", "type"),
    ),
    ReferenceFile(
        "jira_value_map",
        "What the values of Jira fields mean here.",
        ("kind", "value"),
        (
            Field("kind", "text", "Field.", values=("priority", "issue_type")),
            Field("value", "text", "Value as Jira has it."),
            Field("meaning", "text", "Value as the rules have it."),
        ),
    ),
    ReferenceFile(
        "fixed_lines",
        "Fixed amounts that come on top of a client's bill, with dates.",
        ("client", "description", "currency", "valid_from"),
        (
            _CLIENT,
            Field("description", "text", "Text of the line."),
            Field("amount", "numeric", "Amount per calendar month; negative for a discount."),
            _CURRENCY,
            *_RANGE,
        ),
        range_key=("client", "description", "currency"),
    ),
    ReferenceFile(
        "time_policies",
        "Which source of time counts first, with dates.",
        ("email", "client", "valid_from"),
        (
            _optional("email", "text", "Person; empty: all.", form="email", refers_to="developers"),
            _optional("client", "text", "Client; empty: all.", refers_to="clients"),
            Field(
                "sources",
                "text",
                "Sources in order, separated by semicolons.",
                values=("clockify", "tempo", "manual", "claude_session"),
                listed=True,
            ),
            *_RANGE,
            _optional(
                "count_logged_elsewhere",
                "boolean",
                "Sessions count even while the person logged the same time elsewhere.",
                default=_NO,
            ),
        ),
        range_key=("email", "client"),
    ),
    ReferenceFile(
        "accounts",
        "Bank accounts: label, scope and type.",
        ("plaid_account_id",),
        (
            Field("plaid_account_id", "text", "Plaid's account id."),
            Field("label", "text", "Name to show."),
            Field("scope", "text", "Whose money.", values=("business", "personal")),
            Field("account_type", "text", "Type.", values=("checking", "savings", "credit")),
            _optional("institution", "text", "Bank."),
            _optional("entity", "text", "Legal entity."),
        ),
    ),
    ReferenceFile(
        "payment_fees",
        "What banks and payment processors keep back from deposits.",
        ("pattern", "account", "currency"),
        (
            Field(
                "pattern",
                "text",
                "Case-insensitive regular expression on the bank's text and the payer.",
                form="pattern",
            ),
            _optional("account", "text", "Only on this account.", refers_to="accounts"),
            _CURRENCY,
            _optional("fixed_fee", "numeric", "Fee of a payment, in units of currency.", default="0", minimum=0),
            _optional("fee_share", "numeric", "Fee as a fraction of the invoice.", default="0", form="fraction"),
            _optional(
                "is_processor",
                "boolean",
                "A processor, whose payouts hold several clients' payments, each less exactly this fee.",
                default=_NO,
            ),
        ),
    ),
    ReferenceFile(
        "dunning_levels",
        "When a client is reminded of what is overdue; without rows nobody is.",
        ("level",),
        (
            Field("level", "bigint", "Level: 1 is the first reminder.", minimum=1),
            Field("days_past_due", "bigint", "Days after the due date from which it is due.", minimum=1),
            Field("title", "text", "What the reminder is called."),
            _optional(
                "minimum_amount",
                "numeric",
                "Least overdue amount of a client, in the invoices' currency.",
                default="0",
                minimum=0,
            ),
        ),
    ),
    ReferenceFile(
        "transaction_rules",
        "How bank transactions are classified.",
        ("order",),
        (
            Field("order", "bigint", "The smallest order that matches decides."),
            Field("pattern", "text", "Case-insensitive regular expression.", form="pattern"),
            _optional("account", "text", "Only on this account.", refers_to="accounts"),
            _optional("category", "text", "Category to set."),
            _optional("set_type", "text", "Type to set.", values=("income", "expense", "transfer")),
            _optional("set_client", "text", "Client to set.", refers_to="clients"),
            _optional("set_project", "text", "Project to set.", refers_to="projects"),
            _optional("set_scope", "text", "Scope to set.", values=("business", "personal")),
            _optional("set_entity", "text", "Entity to set."),
        ),
    ),
    ReferenceFile(
        "work_logs",
        "Time written down by hand.",
        ("id",),
        (
            Field("id", "text", "Number of the row."),
            _CLIENT,
            _optional("contract", "text", "Number or name of a contract.", refers_to="contracts"),
            Field("service_type", "text", "Kind of work.", refers_to="service_types"),
            _EMAIL,
            Field("work_date", "date", "Day of the work."),
            _optional("start_time", "text", "Start, HH:MM or a moment with offset.", form="time_or_moment"),
            _optional("end_time", "text", "End, HH:MM or a moment with offset.", form="time_or_moment"),
            Field("duration_minutes", "bigint", "Duration in minutes.", above=0, form="minutes"),
            Field("work_location", "text", "Where.", default="remote", values=("remote", "onsite")),
            Field("description", "text", "What was done."),
            _optional("is_billable", "boolean", "Billable.", default=_YES),
        ),
    ),
    ReferenceFile(
        "fx_rates",
        "Exchange rates by day.",
        ("date", "from_currency", "to_currency"),
        (
            Field("date", "date", "Day."),
            Field("from_currency", "text", "Currency converted, ISO 4217.", form="known_currency"),
            Field("to_currency", "text", "Currency gained, ISO 4217.", form="known_currency"),
            Field("rate", "numeric", "Units gained for one unit converted.", above=0),
        ),
    ),
    ReferenceFile(
        "model_prices",
        "Prices of language models that override the catalogue, in USD per million tokens.",
        ("model", "valid_from", "above_prompt_tokens"),
        (
            Field("model", "text", "Model as answers name it."),
            _optional("valid_from", "date", "First day of the price; empty: always."),
            Field("input", "numeric", "Input tokens.", minimum=0),
            Field("output", "numeric", "Output tokens.", minimum=0),
            Field("cache_write_5m", "numeric", "Five-minute cache writes.", minimum=0),
            Field("cache_write_1h", "numeric", "One-hour cache writes.", minimum=0),
            Field("cache_read", "numeric", "Cache reads.", minimum=0),
            _optional("above_prompt_tokens", "bigint", "Holds for larger prompts only.", minimum=0),
        ),
        is_vendor_list=True,
    ),
    ReferenceFile(
        "price_multipliers",
        "What the price of an answer is multiplied by for the terms on which it was given.",
        ("model", "term", "value", "valid_from"),
        (
            Field("model", "text", "Model without its release date; `*` stands for any characters."),
            Field(
                "term",
                "text",
                "What the answer states: speed, where it ran, tier of service, region of the cloud that ran it.",
                values=("speed", "inference_geo", "service_tier", "cloud_region"),
            ),
            Field("value", "text", "Its value: fast, us, batch, regional."),
            _VALID_FROM,
            _VALID_TO,
            Field("multiplier", "numeric", "Factor of the whole price.", minimum=0),
        ),
        range_key=("model", "term", "value"),
        is_vendor_list=True,
    ),
)

REJECTED_FILES: Final = Table(
    "rejected_files",
    "What is wrong in the reference files now; a file named here landed nothing, its last good version stays in force.",
    ("problem_id",),
    (
        Column("problem_id", "text", "Hash of the problem.", required=True),
        Column("file", "text", "File name.", required=True),
        Column("row_number", "bigint", "Line of the file; empty where the whole file is meant."),
        Column("column_name", "text", "Column; empty where the whole row is meant."),
        Column("value", "text", "Value as it is there."),
        Column("reason", "text", "What is wrong and how to fix it.", required=True),
        Column("consent_id", "text", "Of lost rows: hash of the keys in force and of the file's content."),
        Column("accepted_at", "timestamp", "When a person said that the lost rows are meant to go, UTC."),
    ),
    keeps_record=False,
    mirrors=True,
)

CURRENCIES: Final = Table(
    "currencies",
    "One currency and the decimals of its amounts, as two libraries know them.",
    ("code",),
    (
        Column("code", "text", "Three-letter code.", required=True),
        Column("decimals", "bigint", "Decimals of an amount.", required=True),
    ),
    keeps_record=False,
    mirrors=True,
)

TABLES: Final = (*(file.table for file in FILES), CURRENCIES, REJECTED_FILES)

SPEC: Final = SourceSpec(
    name="reference",
    title="Reference files",
    tables=TABLES,
    owner="team:finance",
    cron="50 * * * *",
    fresh_within=timedelta(hours=3),
    required_settings=("folder",),
    supplied_settings={"folder": "set REFERENCE_DIR"},
)
