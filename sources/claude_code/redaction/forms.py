"""Forms in which secrets stand that belong to no vendor: keys in files, passwords in commands, hashes, cookies."""

from __future__ import annotations

from typing import Final

from detect_secrets.plugins.private_key import PrivateKeyDetector

# Commands that take a password as an option.
_COMMANDS: Final = (
    r"mysql\w*|mariadb\w*|sshpass|(?:docker|podman|helm[ ]registry|skopeo|crane[ ]auth|cf|az|oc|argocd"
    r"|twine)[ ]\w*|7za?"
    r"|zip|unzip|rar|unrar|psexec(?:\.exe)?|plink|pscp|psftp|ipmitool|sqlcmd|bcp|mongo\w*|cqlsh|mosquitto_\w+"
    r"|evil-winrm"
    r"|smbclient|smbmap|crackmapexec|netexec|beeline|sqoop|mcrcon|wmic|xfreerdp\w*|rdesktop|vncviewer"
    r"|clickhouse-client"
    r"|influx|couchbase-cli|signtool|svn|openssl|java|msbuild|isql|impala-shell|vncpasswd|qpdf|nxc|cmdkey|schtasks"
)
# What follows an option: neither a variable nor a path nor plain words.
_ARGUMENT: Final = (
    r"\\?['\"]?(?=[^\s'\"]*[A-Za-z])(?=[^\s'\"]*[\d!?#*+~%^&@]|[a-z]+[A-Z])(?![-/.$<{%])([^\s'\"$;|&<>\\]{4,64})"
)
# Forms that detect-secrets does not know, or of which it knows a part alone.
FORMS: Final[tuple[tuple[str, int, tuple[str, ...], str], ...]] = (
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
    (
        "Stripe Access Key",
        24,
        ("k_test_", "whsec_"),
        r"[rs]k_test_(?!x{8}|X{8})[0-9A-Za-z]{16,}|whsec_[0-9A-Za-z+/=]{24,}",
    ),
    ("Bearer Token", 16, ("bearer",), r"(?i:\bbearer)[ \t]+(?=[^\s]*\d)((?:[A-Za-z0-9._~+/-]|%[0-9A-F]{2}){16,}=*)"),
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
        r"(?i:sess|sid\b|auth|jwt|csrf|xsrf|remember|logged_in"
        r"|token)[\w.-]{0,64}=(?=[^;\s\"'\\]*\d)([^;\s\"'\\]{16,})",
    ),
    (
        "Secret Keyword",
        4,
        ('variable "', "variable \\"),
        r"variable[ \t]+\\*\"(?:pw|[\w-]*(?:pass|secret|token|key)[\w-]*)\\*\""
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
    (
        "Basic Auth Credentials",
        4,
        ('send "', 'send \\"', "send -- "),
        r"(?:\b|(?<=\\n))send[ \t]+(?:--[ \t]+)?\\*\"([^\s\"\\$]{4,})\\+r",
    ),
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
        # The name is the token where the password is `x`, `api_token` or nothing.
        r"(?<!\S)(?:-u|--(?:proxy-)?user)[ \t]+\\?['\"]?(?:(?=[^\s:]*\d)([\w.~-]{16,200}):"
        r"(?:[xX]|api_token|x-oauth-basic|unused|)(?![^\s'\"\\])"
        # A user and a group are none.
        r"|[\w.@-]*:(?!\d{1,6}(?![^\s'\"]))(?<!\b(www-data):)(?!\1(?![^\s'\"]))([^\s'\"$]{4,}))",
    ),
    (
        "Basic Auth Credentials",
        4,
        (" -p", " /p", " /rp", " --p", ' \\"-p', " -w ", " -n ", " -a ", " -x ", " -k "),
        rf"(?i:\b(?:{_COMMANDS}))\b[^\n|;&]{{0,200}}?[ \t](?:(?:-{{1,2}}|/)(?:p|P|rp|pw|pwd|pass"
        rf"|passw(?:or)?d)(?:[ \t:=]+)"
        rf"|-[pP](?!bkdf)(?=[^\s'\"]*\d)){_ARGUMENT}"
        rf"|\b(?:redis-cli\b[^\n|;&]{{0,200}}?[ \t]-a|ldap\w+\b[^\n|;&]{{0,200}}?[ \t]-[ws]"
        rf"|openssl\b[^\n|;&]{{0,200}}?[ \t]-[kK]"
        rf"|ssh-keygen\b[^\n|;&]{{0,200}}?[ \t]-[NP]"
        rf"|security\b[^\n|;&]{{0,200}}?[ \t]-w)"
        rf"[ \t]+{_ARGUMENT}",
    ),
    (
        "Basic Auth Credentials",
        6,
        (
            "isql ",
            "obscure ",
            "htpasswd ",
            "add_user ",
            "change_password ",
            "wpa_passphrase ",
            "net user ",
            "enable secret ",
        ),
        r"\b(?:isql(?:[ \t]+[\w-]+){2}|rclone[ \t]+obscure|htpasswd[ \t]+-\w*b\w*(?:[ \t]+\S+){2}|add_user[ \t]+\S+"
        r"|change_password[ \t]+\S+|wpa_passphrase[ \t]+\S+|net[ \t]user[ \t]+\S+|enable[ \t]secret(?:[ \t]\d)?)"
        rf"[ \t]+{_ARGUMENT}",
    ),
    # What is piped into a command that takes a secret.
    (
        "Basic Auth Credentials",
        4,
        ("echo ", "printf ", "echo\t"),
        r"\b(?:echo|printf)(?:[ \t]+-\w+|[ \t]+['\"]%s(?:\\n)?['\"])*"
        r"[ \t]+\\?['\"]?([^\s'\"$\\`|]{4,})\\?['\"]?[ \t]*\|[ \t]*"
        r"(?:sudo[ \t]+-S|(?:\S+/)?(?:gh|docker|podman|gcloud|vault|op|pass|doppler|wrangler|npx[ \t]+wrangler"
        r"|vercel|fly|flyctl|helm"
        r"|kubeseal|keyctl|secret-tool|security|cryptsetup|chpasswd|passwd|htpasswd|wg|age|sops|aws[ \t]+(?:ssm"
        r"|secretsmanager)|az)\b"
        r"(?=[^\n]*(?:secret|login|pass|pubkey|key|encrypt|env|-stdin|luks|-e\b)))",
    ),
    (
        "Login",
        12,
        ("@",),
        r"(?<=[\w.-]{2}):([^\s:/@\"'`<>]{6,64})@(?!sha256)(?:\d+(?:\.\d+){3}|[A-Za-z][\w-]*(?:\.[\w-]+|:\d))",
    ),
    (
        "Password Hash",
        60,
        (":::", "%"),
        r"[:%]((?:[0-9a-f]{32}|[0-9A-F]{32}):(?:[0-9a-f]{32}|[0-9A-F]{32}))(?![0-9A-Za-z])",
    ),
    (
        "Password Hash",
        40,
        ("$krb5", "$8$", "$9$", "pbkdf2_", "scrypt", "{ssha", "sha-256$"),
        r"\$krb5\w+\$[^\s\"']{40,}|\$[89]\$[A-Za-z0-9./$]{40,}"
        r"|pbkdf2_sha\d+\$\d+\$[^\s\"'$]+\$[A-Za-z0-9+/=]{20,}|scrypt:\d+:\d+:\d+\$[^\s\"'$]+\$[0-9a-f]{40,}"
        r"|\{(?i:ssha)\d*\}[A-Za-z0-9+/=]{28,}"
        r"|(?i:scram-sha-256)\$\d+:[^\s\"']{40,}",
    ),
    ("Basic Auth Credentials", 6, (" eap ", " xauth "), r"(?i::[ \t]*(?:eap|xauth))[ \t]+\\?\"([^\"\\]{4,64})"),
    (
        "Link",
        20,
        ("/reset", "/invit", "/magic", "/verif", "/confirm", "/activat", "/unsubscribe"),
        r"(?i:/(?:(?:password-?)?reset(?:-password)?|invit\w*|magic(?:-?link)?|verif\w*|confirm\w*|activat\w*"
        r"|unsubscribe))/"
        r"(?:accept/|token/)?((?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{20,})",
    ),
    (
        "Login",
        10,
        ("@",),
        r"(?<=\w\w)/([^\s:/@\"'`<>]{6,64})@(?://)?[A-Za-z][\w.-]*(?=:\d|/|\s|[\"']|\Z)",
    ),
    # Of many vendors' keys.
    ("API Key", 23, ("sk-", "sk_"), r"(?<![A-Za-z0-9_-])sk[-_](?=(?:[^\s\d]{0,80}\d){4})[A-Za-z0-9_-]{20,}"),
    ("Login", 8, ("://",), r"://([^\s/:@\"'<>`?#]{8,200})@[\w-]"),
    # Redis has no user.
    ("Basic Auth Credentials", 8, ("://:",), r"://:(?![$<{%*\[])([^\s/:@\"'<>`?#]{4,200})@[\w$-]"),
    (
        "Login",
        8,
        ("authorization",),
        r"(?i:authorization)\\*[\"']?\]?[ \t]*[:=,][ \t]*\\*[\"'`]?(?:[A-Za-z]{3,12}[ \t]+)?([^\s\"'`\\$<>{}]{8,})",
    ),
    # As Apple issues them for one application.
    (
        "Application Password",
        19,
        ("passw",),
        r"(?i:passw)[^\n]{0,60}?(?:\n\W{0,8})?[^\w-]([a-z]{4}(?:-[a-z]{4}){3})(?![\w-])",
    ),
    ("Basic Auth Credentials", 6, ("sendline(",), r"sendline\(\\*['\"]((?=[^'\"\\]*\d)[^\s'\"\\]{6,})"),
    ("Wireless Network Password", 12, ("WIFI:",), r"WIFI:[^\s\"']{0,200}?;?P:([^;\s\"']{4,})"),
    (
        "SAML Response",
        60,
        ("PHNhbW", "SAMLRe"),
        r"PHNhbW[A-Za-z0-9+/%=_-]{60,}|SAMLRe(?:sponse"
        r"|quest)\\?[\"']?[ \t]*[:=][ \t]*\\?[\"']?([A-Za-z0-9+/%=_-]{60,})",
    ),
    (
        "Webhook URL",
        20,
        ("hook", "/trigger", "/workflows/", "/private-", "/feed", "/ical", "/incoming/"),
        r"(?i:/(?:web-?)?hooks?|/incoming|/triggers?|/workflows|/private(?=-)|/feeds?|/ical)[/-](?:[\w.-]+/){0,3}"
        r"((?=[\w-]*\d)(?=[\w-]*[A-Za-z])(?![0-9a-f]{40}\b|[0-9a-f]{8}-[0-9a-f]{4}-|v\d)[\w-]{20,})",
    ),
    (
        "Session Cookie",
        16,
        ("sessid", "sessionid", "session_id=", "auth_session"),
        r"(?i:sess(?:ion)?_?id)=(?=[^&;\s\"'\\]*\d)([^&;\s\"'\\]{16,})",
    ),
    # An id, then its secret, as clients of Twilio and Algolia take them.
    (
        "API Key",
        32,
        ("client(", "search(", "credentials(", "twilio(", "init(", "connect("),
        r"(?i:client|search|credentials|twilio|init|connect)\(\s*"
        r"\\?[\"'](?:(?:AC|SK)[0-9a-f]{32}|[A-Z0-9]{8,20})\\?[\"']\s*,\s*\\?[\"']([0-9a-f]{32})\\?[\"']",
    ),
)
