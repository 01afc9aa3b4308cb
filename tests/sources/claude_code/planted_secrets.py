"""Made-up secrets in the formats that vendors publish, each planted in five places; knows nothing of the redactor.

The formats are the vendors' public ones: prefix, alphabet and length. Every value is random and opens nothing.
"""

import base64
import json
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from urllib.parse import quote

PLACES = ("prose", "json", "shell", "env", "url_or_header")
HEX = "0123456789abcdef"
LOWER = string.ascii_lowercase + string.digits
UPPER = string.ascii_uppercase + string.digits
LETTERS = string.ascii_letters + string.digits
URL_SAFE = LETTERS + "-_"
BASE64 = LETTERS + "+/"
BASE32 = string.ascii_uppercase + "234567"
BECH32 = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"

Make = Callable[[Random], str]


@dataclass(frozen=True)
class Planted:
    """One secret in one text; `secret` is what must not be left in it."""

    kind: str
    place: str
    secret: str
    text: str


def some(chance: Random, alphabet: str, length: int) -> str:
    """A random value that holds a digit and a letter where the alphabet has both, as nearly every real one does."""
    is_mixed = length >= 8 and any(one.isdigit() for one in alphabet) and any(one.isalpha() for one in alphabet)
    while True:
        value = "".join(chance.choices(alphabet, k=length))
        if not is_mixed or (any(one.isdigit() for one in value) and any(one.isalpha() for one in value)):
            return value


def form(*parts: str | tuple[str, int]) -> Make:
    """A maker that joins literals and random stretches (alphabet, length)."""
    return lambda chance: "".join(one if isinstance(one, str) else some(chance, *one) for one in parts)


def one_of(*makers: Make) -> Make:
    return lambda chance: chance.choice(makers)(chance)


def uuid(chance: Random) -> str:
    return "-".join(some(chance, HEX, length) for length in (8, 4, 4, 4, 12))


def with_uuid(prefix: str) -> Make:
    return lambda chance: prefix + uuid(chance)


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def json_web_token(chance: Random) -> str:
    header = in_base64('{"alg":"HS256","typ":"JWT"}').rstrip("=")
    claims = in_base64(json.dumps({"sub": some(chance, HEX, 16), "iat": 1796000000})).rstrip("=")
    return f"{header}.{claims}.{some(chance, URL_SAFE, 43)}"


def password(chance: Random) -> str:
    """As people choose them: words, a number, a sign."""
    word = chance.choice(("Sommer", "Falcon", "Kiwi", "Winter", "Tulip", "Anker", "Rocket"))
    other = chance.choice(("blau", "moon", "kran", "tree", "Haus", "river"))
    return f"{word}{other}{chance.randrange(10, 9999)}{chance.choice('!?$#%*')}"


def word_password(chance: Random) -> str:
    """A password that stands in an address, so without signs that would have to be encoded."""
    return password(chance)[:-1]


def card_number(chance: Random) -> str:
    digits = [4, *(chance.randrange(10) for _ in range(14))]
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[::2]]
    digits.append(-(sum(doubled) + sum(digits[1::2])) % 10)
    number = "".join(map(str, digits))
    return chance.choice((number, " ".join(number[at : at + 4] for at in range(0, 16, 4))))


def iban(chance: Random) -> str:
    account = "".join(str(chance.randrange(10)) for _ in range(18))
    check = 98 - int(account + "131400") % 97
    number = f"DE{check:02d}{account}"
    return chance.choice((number, " ".join(number[at : at + 4] for at in range(0, 22, 4))))


# Kind: (what a person calls it, the environment variable of the vendor's documentation, the format).
TOKENS: dict[str, tuple[str, str, Make]] = {
    "aws_access_key": ("AWS access key", "AWS_ACCESS_KEY_ID", form("AKIA", (BASE32, 16))),
    "aws_secret_key": ("AWS secret access key", "AWS_SECRET_ACCESS_KEY", form((BASE64, 40))),
    "aws_session_token": ("AWS session token", "AWS_SESSION_TOKEN", form("IQoJb3JpZ2luX2Vj", (BASE64, 260), "==")),
    "github_classic": ("GitHub token", "GITHUB_TOKEN", form("ghp_", (LETTERS, 36))),
    "github_fine": ("GitHub token", "GH_TOKEN", form("github_pat_", (LETTERS, 22), "_", (LETTERS, 59))),
    "github_app": ("GitHub App token", "GITHUB_APP_TOKEN", form("ghs_", (LETTERS, 36))),
    "gitlab": ("GitLab token", "GITLAB_TOKEN", form("glpat-", (URL_SAFE, 20))),
    "gitlab_runner": ("GitLab runner token", "RUNNER_TOKEN", form("glrt-", (URL_SAFE, 20))),
    "bitbucket": ("Bitbucket app password", "BITBUCKET_APP_PASSWORD", form("ATBB", (LETTERS, 32))),
    "atlassian": (
        "Jira API token",
        "JIRA_API_TOKEN",
        form("ATATT3xFfGF0", (URL_SAFE, 171), "=", ("0123456789ABCDEF", 8)),
    ),
    "plaid_access": (
        "Plaid access token",
        "PLAID_ACCESS_TOKEN",
        one_of(with_uuid("access-sandbox-"), with_uuid("access-production-")),
    ),
    "plaid_secret": ("Plaid secret", "PLAID_SECRET", form((HEX, 30))),
    "npm": ("npm token", "NPM_TOKEN", form("npm_", (LETTERS, 36))),
    "hugging_face": ("Hugging Face token", "HF_TOKEN", form("hf_", (string.ascii_letters, 34))),
    "digitalocean": ("DigitalOcean token", "DIGITALOCEAN_TOKEN", form("dop_v1_", (HEX, 64))),
    "shopify": ("Shopify token", "SHOPIFY_ACCESS_TOKEN", one_of(form("shpat_", (HEX, 32)), form("shpss_", (HEX, 32)))),
    "linear": ("Linear key", "LINEAR_API_KEY", form("lin_api_", (LETTERS, 40))),
    "databricks": ("Databricks token", "DATABRICKS_TOKEN", form("dapi", (HEX, 32))),
    "doppler": ("Doppler token", "DOPPLER_TOKEN", form("dp.pt.", (LETTERS, 43))),
    "supabase": ("Supabase token", "SUPABASE_ACCESS_TOKEN", form("sbp_", (HEX, 40))),
    "supabase_secret": ("Supabase key", "SUPABASE_SECRET_KEY", form("sb_secret_", (URL_SAFE, 22), "_", (URL_SAFE, 8))),
    "notion": ("Notion token", "NOTION_TOKEN", one_of(form("secret_", (LETTERS, 43)), form("ntn_", (LETTERS, 46)))),
    "airtable": ("Airtable token", "AIRTABLE_TOKEN", form("pat", (LETTERS, 14), ".", (HEX, 64))),
    "new_relic_user": ("New Relic key", "NEW_RELIC_API_KEY", form("NRAK-", (UPPER, 27))),
    "new_relic_licence": ("New Relic licence key", "NEW_RELIC_LICENSE_KEY", form((HEX, 36), "FFFFNRAL")),
    "sentry_user": ("Sentry token", "SENTRY_AUTH_TOKEN", form("sntryu_", (HEX, 64))),
    "grafana": ("Grafana token", "GRAFANA_TOKEN", form("glsa_", (LETTERS, 32), "_", (HEX, 8))),
    "grafana_cloud": ("Grafana Cloud token", "GRAFANA_CLOUD_TOKEN", form("glc_eyJ", (LETTERS, 90))),
    "pulumi": ("Pulumi token", "PULUMI_ACCESS_TOKEN", form("pul-", (HEX, 40))),
    "figma": ("Figma token", "FIGMA_TOKEN", form("figd_", (URL_SAFE, 40))),
    "okta": ("Okta API token", "OKTA_API_TOKEN", form("00", (URL_SAFE, 40))),
    "mailgun": ("Mailgun key", "MAILGUN_API_KEY", form("key-", (HEX, 32))),
    "google_refresh": ("Google refresh token", "GOOGLE_REFRESH_TOKEN", form("1//0", (LOWER, 1), (URL_SAFE, 96))),
    "google_access": ("Google access token", "GOOGLE_ACCESS_TOKEN", form("ya29.a0", (URL_SAFE, 160))),
    "google_api": ("Google Maps key", "GOOGLE_MAPS_KEY", form("AIzaSy", (URL_SAFE, 33))),
    "google_client": ("Google client secret", "GOOGLE_CLIENT_SECRET", form("GOCSPX-", (URL_SAFE, 28))),
    "stripe": ("Stripe key", "STRIPE_KEY", one_of(form("sk_live_", (LETTERS, 24)), form("rk_test_", (LETTERS, 99)))),
    "stripe_webhook": ("Stripe webhook secret", "STRIPE_WEBHOOK_SECRET", form("whsec_", (LETTERS, 32))),
    "slack_bot": (
        "Slack token",
        "SLACK_BOT_TOKEN",
        form("xoxb-", ("123456789", 12), "-", ("123456789", 13), "-", (LETTERS, 24)),
    ),
    "slack_app": (
        "Slack app token",
        "SLACK_APP_TOKEN",
        form("xapp-1-A0", (UPPER, 9), "-", ("123456789", 13), "-", (HEX, 64)),
    ),
    "discord_bot": (
        "Discord token",
        "DISCORD_TOKEN",
        form("MT", (LETTERS, 24), ".G", (URL_SAFE, 5), ".", (URL_SAFE, 38)),
    ),
    "telegram": ("Telegram bot token", "TELEGRAM_TOKEN", form(("123456789", 10), ":AA", (URL_SAFE, 33))),
    "twilio_auth": ("Twilio auth token", "TWILIO_AUTH_TOKEN", form((HEX, 32))),
    "twilio_key": ("Twilio key", "TWILIO_API_KEY", form("SK", (HEX, 32))),
    "sendgrid": ("SendGrid key", "SENDGRID_API_KEY", form("SG.", (URL_SAFE, 22), ".", (URL_SAFE, 43))),
    "mailchimp": ("Mailchimp key", "MAILCHIMP_API_KEY", form((HEX, 32), "-us14")),
    "postmark": ("Postmark server token", "POSTMARK_SERVER_TOKEN", uuid),
    "openai": ("OpenAI key", "OPENAI_API_KEY", form("sk-proj-", (URL_SAFE, 74), "T3BlbkFJ", (URL_SAFE, 74))),
    "anthropic": ("Anthropic key", "ANTHROPIC_API_KEY", form("sk-ant-api03-", (URL_SAFE, 93), "AA")),
    "groq": ("Groq key", "GROQ_API_KEY", form("gsk_", (LETTERS, 52))),
    "xai": ("xAI key", "XAI_API_KEY", form("xai-", (LETTERS, 80))),
    "perplexity": ("Perplexity key", "PERPLEXITY_API_KEY", form("pplx-", (LETTERS, 48))),
    "replicate": ("Replicate token", "REPLICATE_API_TOKEN", form("r8_", (LETTERS, 37))),
    "cohere": ("Cohere API key", "COHERE_API_KEY", form((LETTERS, 40))),
    "mistral": ("Mistral API key", "MISTRAL_API_KEY", form((LETTERS, 32))),
    "openrouter": ("OpenRouter key", "OPENROUTER_API_KEY", form("sk-or-v1-", (HEX, 64))),
    "pinecone": ("Pinecone key", "PINECONE_API_KEY", form("pcsk_", (LETTERS, 6), "_", (LETTERS, 62))),
    "datadog": ("Datadog API key", "DD_API_KEY", form((HEX, 32))),
    "datadog_app": ("Datadog application key", "DD_APP_KEY", form((HEX, 40))),
    "pagerduty": ("PagerDuty API key", "PAGERDUTY_API_KEY", form("u+", (LETTERS, 18))),
    "cloudflare": ("Cloudflare API token", "CLOUDFLARE_API_TOKEN", form((URL_SAFE, 40))),
    "cloudflare_origin": ("Cloudflare CA key", "CLOUDFLARE_CA_KEY", form("v1.0-", (HEX, 24), "-", (HEX, 146))),
    "fastly": ("Fastly API token", "FASTLY_API_TOKEN", form((URL_SAFE, 32))),
    "netlify": ("Netlify token", "NETLIFY_AUTH_TOKEN", form("nfp_", (LETTERS, 36))),
    "vercel": ("Vercel token", "VERCEL_TOKEN", form((LETTERS, 24))),
    "fly": ("Fly.io token", "FLY_API_TOKEN", form("fm2_", (BASE64, 180))),
    "render": ("Render key", "RENDER_API_KEY", form("rnd_", (LETTERS, 32))),
    "planetscale": ("PlanetScale password", "PLANETSCALE_PASSWORD", form("pscale_pw_", (URL_SAFE, 43))),
    "neon": ("Neon key", "NEON_API_KEY", form("napi_", (LOWER, 64))),
    "vault": ("Vault token", "VAULT_TOKEN", form("hvs.CAES", (URL_SAFE, 92))),
    "terraform_cloud": ("Terraform Cloud token", "TFE_TOKEN", form((LETTERS, 14), ".atlasv1.", (LETTERS, 67))),
    "docker_hub": ("Docker Hub token", "DOCKER_TOKEN", form("dckr_pat_", (URL_SAFE, 27))),
    "rubygems": ("RubyGems key", "GEM_HOST_API_KEY", form("rubygems_", (HEX, 48))),
    "pypi": ("PyPI token", "TWINE_PASSWORD", form("pypi-AgEIcHlwaS5vcmc", (URL_SAFE, 150))),
    "crates": ("crates.io token", "CARGO_REGISTRY_TOKEN", form("cio", (LETTERS, 32))),
    "nuget": ("NuGet key", "NUGET_API_KEY", form("oy2", (LOWER, 43))),
    "postman": ("Postman key", "POSTMAN_API_KEY", form("PMAK-", (HEX, 24), "-", (HEX, 34))),
    "dynatrace": ("Dynatrace token", "DT_API_TOKEN", form("dt0c01.", (BASE32, 24), ".", (BASE32, 64))),
    "elastic": ("Elastic API key", "ELASTIC_API_KEY", form((LETTERS, 58), "==")),
    "sonar": ("Sonar token", "SONAR_TOKEN", form("squ_", (HEX, 40))),
    "snyk": ("Snyk token", "SNYK_TOKEN", uuid),
    "circleci": ("CircleCI token", "CIRCLE_TOKEN", form("CCIPAT_", (LETTERS, 22), "_", (HEX, 40))),
    "buildkite": ("Buildkite token", "BUILDKITE_API_TOKEN", form("bkua_", (HEX, 40))),
    "launchdarkly": ("LaunchDarkly key", "LAUNCHDARKLY_SDK_KEY", with_uuid("sdk-")),
    "square": ("Square token", "SQUARE_ACCESS_TOKEN", form("EAAAE", (URL_SAFE, 59))),
    "paypal": ("PayPal client secret", "PAYPAL_CLIENT_SECRET", form("E", (URL_SAFE, 79))),
    "razorpay": ("Razorpay secret", "RAZORPAY_KEY_SECRET", form((LETTERS, 24))),
    "asana": ("Asana token", "ASANA_TOKEN", form("1/12", ("0123456789", 14), ":", (HEX, 32))),
    "clockify": ("Clockify API key", "CLOCKIFY_API_KEY", form((LETTERS, 48))),
    "tempo": ("Tempo API token", "TEMPO_API_TOKEN", form((LETTERS, 33), "-us")),
    "zendesk": ("Zendesk API token", "ZENDESK_API_TOKEN", form((LETTERS, 40))),
    "hubspot": ("HubSpot token", "HUBSPOT_TOKEN", with_uuid("pat-na1-")),
    "contentful": ("Contentful token", "CONTENTFUL_MANAGEMENT_TOKEN", form("CFPAT-", (URL_SAFE, 43))),
    "algolia": ("Algolia admin key", "ALGOLIA_ADMIN_KEY", form((HEX, 32))),
    "mapbox": ("Mapbox token", "MAPBOX_TOKEN", form("sk.eyJ1Ijoi", (LETTERS, 64), ".", (URL_SAFE, 22))),
    "facebook": ("Facebook page token", "FB_PAGE_TOKEN", form("EAA", (LETTERS, 170))),
    "onepassword": ("1Password token", "OP_SERVICE_ACCOUNT_TOKEN", form("ops_eyJ", (LETTERS, 260))),
    "tailscale": ("Tailscale key", "TS_AUTHKEY", form("tskey-auth-", (LETTERS, 12), "CNTRL-", (LETTERS, 32))),
    "heroku": ("Heroku key", "HEROKU_API_KEY", form("HRKU-AA", (URL_SAFE, 58))),
    "azure_storage": ("Azure storage key", "AZURE_STORAGE_KEY", form((BASE64, 86), "==")),
    "azure_client": (
        "Azure client secret",
        "AZURE_CLIENT_SECRET",
        form((LETTERS, 3), "8Q~", (URL_SAFE, 34)),
    ),
    "json_web_token": ("session token", "SERVICE_JWT", json_web_token),
    "rails_master": ("Rails master key", "RAILS_MASTER_KEY", form((HEX, 32))),
    "django": ("Django secret key", "DJANGO_SECRET_KEY", form("django-insecure-", (LOWER + "@#%^*-_=+", 50))),
    "age": ("age key", "SOPS_AGE_KEY", form("AGE-SECRET-KEY-1", (BECH32, 58))),
    "wireguard": ("WireGuard private key", "WG_PRIVATE_KEY", form((BASE64, 42), "E=")),
    "password_in_prose": ("password", "DB_PASSWORD", password),
    "card_number": ("card number", "CARD_NUMBER", card_number),
    "iban": ("IBAN", "PAYOUT_IBAN", iban),
}

# Written after the rules, to see what they do with kinds that nobody thought of: 92.2 % of the plantings vanished at
# first, for want of Azure DevOps' `…_PAT` and of UUIDs as keys of an API.
TOKENS |= {
    "spotify": ("Spotify client secret", "SPOTIFY_CLIENT_SECRET", form((HEX, 32))),
    "twitch": ("Twitch client secret", "TWITCH_CLIENT_SECRET", form((LOWER, 30))),
    "trello": ("Trello token", "TRELLO_TOKEN", form("ATTA", (HEX, 72))),
    "firebase": ("Firebase server key", "FCM_SERVER_KEY", form("AAAA", (LETTERS, 7), ":APA91b", (URL_SAFE, 134))),
    "azure_devops": ("Azure DevOps PAT", "AZURE_DEVOPS_EXT_PAT", form(("abcdefghijklmnopqrstuvwxyz234567", 52))),
    "adobe": ("Adobe client secret", "ADOBE_CLIENT_SECRET", form("p8e-", (URL_SAFE, 32))),
    "alibaba": ("Alibaba access key", "ALIBABA_CLOUD_ACCESS_KEY_ID", form("LTAI", (LETTERS, 20))),
    "alibaba2": ("Alibaba key secret", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", form((LETTERS, 30))),
    "rollbar": ("Rollbar access token", "ROLLBAR_ACCESS_TOKEN", form((HEX, 32))),
    "wakatime": ("WakaTime key", "WAKATIME_API_KEY", with_uuid("waka_")),
    "ghost": ("Ghost admin key", "GHOST_ADMIN_API_KEY", form((HEX, 24), ":", (HEX, 64))),
    "lob": ("Lob key", "LOB_API_KEY", form("live_", (HEX, 35))),
    "easypost": ("EasyPost key", "EASYPOST_API_KEY", form("EZAK", (LETTERS, 54))),
    "duffel": ("Duffel token", "DUFFEL_ACCESS_TOKEN", form("duffel_live_", (URL_SAFE, 43))),
    "typeform": ("Typeform token", "TYPEFORM_TOKEN", form("tfp_", (URL_SAFE, 44), "_", (LETTERS, 14))),
    "posthog": ("PostHog key", "POSTHOG_API_KEY", form("phx_", (LETTERS, 43))),
    "langsmith": ("LangSmith key", "LANGSMITH_API_KEY", form("lsv2_pt_", (HEX, 32), "_", (HEX, 10))),
    "deepgram": ("Deepgram API key", "DEEPGRAM_API_KEY", form((HEX, 40))),
    "elevenlabs": ("ElevenLabs key", "ELEVENLABS_API_KEY", form("sk_", (HEX, 48))),
    "binance": ("Binance secret", "BINANCE_SECRET", form((LETTERS, 64))),
    "infura": ("Infura project secret", "INFURA_PROJECT_SECRET", form((HEX, 32))),
    "wallet": ("wallet private key", "WALLET_PRIVATE_KEY", form("0x", (HEX, 64))),
    "webflow": ("Webflow token", "WEBFLOW_API_TOKEN", form((HEX, 64))),
    "xero": ("Xero client secret", "XERO_CLIENT_SECRET", form((URL_SAFE, 48))),
    "quickbooks": ("QuickBooks client secret", "QBO_CLIENT_SECRET", form((LETTERS, 40))),
    "hetzner": ("Hetzner token", "HCLOUD_TOKEN", form((LETTERS, 64))),
    "scaleway": ("Scaleway secret key", "SCW_SECRET_KEY", uuid),
    "honeycomb": ("Honeycomb key", "HONEYCOMB_API_KEY", form("hcaik_01", (LOWER, 56))),
    "logtail": ("Better Stack source token", "LOGTAIL_SOURCE_TOKEN", form((LETTERS, 24))),
    "stytch": ("Stytch secret", "STYTCH_SECRET", form("secret-live-", (URL_SAFE, 36))),
}

SENTENCES = (
    "The {label} for staging is {secret}, please rotate it next week.",
    "Der {label} für Staging lautet {secret} – bitte nicht weitergeben.",
    "I put the {label} {secret} into the vault.",
    "Here is the {label}: {secret}",
    "Das {label} ist {secret}, damit kommst du rein.",
    "Can you try again with {label} `{secret}`? Thanks!",
)


def _token_texts(chance: Random, label: str, variable: str, secret: str) -> dict[str, str]:
    first, *rest = variable.lower().split("_")
    option = "-".join((first, *rest))
    camel = first + "".join(part.title() for part in rest)
    return {
        "prose": chance.choice(SENTENCES).format(label=label, secret=secret),
        "json": chance.choice(
            (
                json.dumps({"name": "staging", camel: secret, "retries": 3}),
                json.dumps({"env": {variable: secret}}, indent=2),
                json.dumps({"body": json.dumps({camel: secret, "n": 1})}),
            )
        ),
        "shell": chance.choice(
            (
                f"{variable}='{secret}' ./deploy.sh --verbose",
                f'export {variable}="{secret}" && make deploy',
                f"deploy --{option} '{secret}' --verbose",
                f"gh secret set {variable} --body '{secret}'",
            )
        ),
        "env": chance.choice(
            (f"# staging\n{variable}={secret}\nDEBUG=false", f'export {variable}="{secret}"\nPORT=80')
        ),
        "url_or_header": chance.choice(
            (
                f"https://api.example.com/v1/items?{variable.lower()}={quote(secret, safe='')}&page=2",
                f"X-{option.title()}: {secret}\nAccept: application/json",
                f'curl -H "X-{option.title()}: {secret}" https://api.example.com/v1/me',
            )
        ),
    }


def _five(prose: str, inner: str, command: str, line: str, address: str) -> dict[str, str]:
    return {
        "prose": prose,
        "json": json.dumps({"note": "staging", "value": inner}),
        "shell": command,
        "env": line,
        "url_or_header": address,
    }


def _forms(chance: Random) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Secrets that are known by what stands around them: kind, secret, the five texts."""
    secret = word_password(chance)
    for kind, address in {
        "redis_url": f"redis://:{secret}@cache.internal:6379/0",
        "postgres_url": f"postgresql://app:{secret}@db.internal:5432/app",
        "mongodb_url": f"mongodb+srv://app:{secret}@cluster0.ab1cd.mongodb.net/app",
        "amqp_url": f"amqps://worker:{secret}@queue.internal:5671/jobs",
        "oracle_url": f"jdbc:oracle:thin:app/{secret}@//db.internal:1521/ORCL",
        "sql_server": f"Server=tcp:db.internal,1433;Database=app;Uid=app;Pwd={secret};Encrypt=yes",
        "git_url": f"https://deploy:{secret}@git.example.com/app.git",
    }.items():
        yield (
            kind,
            secret,
            _five(
                f"Connect to {address} and count the rows.",
                address,
                f"./migrate --to '{address}' --dry-run",
                f"DATABASE={address}\nDEBUG=1",
                f"url: {address}",
            ),
        )
    signature = quote(some(chance, BASE64, 43) + "=", safe="")
    signed = f"https://acme.blob.core.windows.net/a?sv=2024-11-04&ss=b&sp=rl&se=2027-01-01T00:00:00Z&sig={signature}"
    slack = f"https://hooks.slack.com/services/T{some(chance, UPPER, 9)}/B{some(chance, UPPER, 9)}/"
    slack_end = some(chance, LETTERS, 24)
    discord_end = some(chance, URL_SAFE, 68)
    discord = f"https://discord.com/api/webhooks/{some(chance, '123456789', 18)}/{discord_end}"
    for kind, ending, address in (
        ("azure_sas", signature, signed),
        ("slack_webhook", slack_end, slack + slack_end),
        ("discord_webhook", discord_end, discord),
    ):
        yield (
            kind,
            ending,
            _five(
                f"Post it to {address} when done.", address, f"curl -d @x '{address}'", f"HOOK={address}\nA=1", address
            ),
        )
    secret = password(chance)
    for kind, command in {
        "mysql_option": f"mysql -h db.internal -u root -p'{secret}' app",
        "sshpass": f"sshpass -p '{secret}' ssh deploy@host.example.com uptime",
        "curl_user": f"curl -sS -u 'deploy:{secret}' https://example.com/health",
        "powershell": f"$p = ConvertTo-SecureString '{secret}' -AsPlainText -Force",
        "netrc": f"machine git.example.com login deploy password {secret}",
        "docker_login": f"docker login -u deploy -p {secret} registry.example.com",
        "redis_cli": f"redis-cli -h cache.internal -a '{secret}' ping",
        "psql_password": f"PGPASSWORD='{secret}' psql -h db.internal -U app -c 'select 1'",
        "terraform": f'variable "db_password" {{\n  default = "{secret}"\n}}',
        "pgpass": f"db.internal:5432:app:deploy:{secret}",
    }.items():
        yield (
            kind,
            secret,
            _five(
                f"First run: {command}",
                command,
                f"set -e\n{command}",
                f"# how\n{command}\n",
                f"See https://example.com/runbook\n\n    {command}\n",
            ),
        )
    hashed = f"$apr1${some(chance, LETTERS, 8)}${some(chance, LETTERS, 22)}"
    bcrypt = f"$2y$10${some(chance, LETTERS, 53)}"
    session = some(chance, LETTERS, 40)
    pair = in_base64(f"deploy:{password(chance)}")
    kubernetes = in_base64(password(chance) + some(chance, LETTERS, 8))
    for kind, secret, line in (
        ("htpasswd", hashed, f"deploy:{hashed}"),
        ("bcrypt", bcrypt, f"admin:{bcrypt}"),
        ("cookie", session, f"Cookie: theme=dark; sessionid={session}; lang=de"),
        ("set_cookie", session, f"Set-Cookie: connect.sid={session}; Path=/; HttpOnly"),
        ("basic_header", pair, f"Authorization: Basic {pair}"),
        ("bearer_header", session, f"Authorization: Bearer {session}"),
        ("docker_config", pair, f'{{"auths": {{"registry.example.com": {{"auth": "{pair}"}}}}}}'),
        ("kubernetes", kubernetes, f"apiVersion: v1\nkind: Secret\ndata:\n  password: {kubernetes}\n"),
    ):
        yield (
            kind,
            secret,
            _five(
                f"It answered with {line} and stopped.",
                line,
                f"cat > f <<'EOF'\n{line}\nEOF",
                f"{line}\n",
                f"GET / HTTP/1.1\n{line}",
            ),
        )
    body = "\n".join(some(chance, BASE64, 64) for _ in range(6))
    for kind, title in (
        ("rsa_key", "RSA PRIVATE KEY"),
        ("openssh_key", "OPENSSH PRIVATE KEY"),
        ("pgp_key", "PGP PRIVATE KEY BLOCK"),
        ("pkcs8_key", "ENCRYPTED PRIVATE KEY"),
    ):
        block = f"-----BEGIN {title}-----\n{body}\n-----END {title}-----"
        yield (
            kind,
            body.split("\n")[3],
            _five(
                f"Use this key:\n{block}\nThanks",
                block,
                f"cat > id <<'EOF'\n{block}\nEOF",
                "KEY=" + json.dumps(block),
                f"POST /keys\n\n{block}",
            ),
        )


def plant(seed: int) -> Iterator[Planted]:
    """One secret of every kind, each in five places; another seed gives other secrets and other sentences."""
    chance = Random(seed)
    for kind, (label, variable, make) in TOKENS.items():
        secret = make(chance)
        for place, text in _token_texts(chance, label, variable, secret).items():
            shown = quote(secret, safe="") if text.startswith("https://") else secret
            yield Planted(kind, place, shown, text)
    for kind, secret, texts in _forms(chance):
        for place, text in texts.items():
            yield Planted(kind, place, secret, text)
