"""Passwords that a command, or a line of a configuration, takes by their place: behind a user, in front of a pipe."""

from __future__ import annotations

from typing import Final

# What stands in the place of a password: neither an option nor a variable nor a path nor a plain word.
_ARGUMENT: Final = (
    r"\\?['\"]?(?=[^\s'\"]*[A-Za-z])(?=[^\s'\"]*[\d!?#*+~%^&@]|[a-z]+[A-Z])(?![-/.$<{%(])([^\s'\"$;|&<>\\]{4,64})"
)
_END: Final = r"\\?['\"]?[ \t]*(?=\n|\\n|\Z|[;&|)])"
_ECHO: Final = (
    r"(?:echo|printf)(?:[ \t]+-[neE]+)*(?:[ \t]+\\?['\"](?:%s(?:\\+n)?)+\\?['\"])?[ \t]+"
    rf"(?:\\?['\"][\w.@-]{{1,40}}\\{{1,2}}n)?{_ARGUMENT}(?:\\{{1,2}}n[^\s'\"]{{0,64}})?\\?['\"]?"
)
# Commands that read a password from their standard input.
_READERS: Final = (
    r"sudo[ ](?:-\w+[ ])*-\w*S|passwd|smbpasswd|kinit|gpg2?|openssl|cryptsetup|(?:docker|podman)[ ](?:secret|login)"
    r"|gcloud[ ]secrets|gh[ ](?:secret|auth)|(?:npx[ ])?wrangler|vncpasswd|keepassxc-cli|pass[ ]insert"
    r"|ansible-vault|su[ ]"
    r"|fly(?:ctl)?[ ]secrets|kubeseal|borg|restic|helm[ ]registry|htpasswd|bw[ ]|skopeo|ssh-add|wpa_passphrase|ldap\w+"
    r"|mysql_config_editor|systemd-creds|systemd-ask-password|az[ ]acr|oc[ ]login|vault|security|cloudflared"
)
COMMAND_FORMS: Final[tuple[tuple[str, int, tuple[str, ...], str], ...]] = (
    (
        "Basic Auth Credentials",
        6,
        ("echo ", "printf "),
        rf"{_ECHO}(?:[ \t]+[^\s|]{{1,64}})?[ \t]*\|[ \t]*(?:sudo[ \t]+)?(?:{_READERS})"
        # Into a file whose name says so.
        rf"|{_ECHO}[ \t]*(?:>{{1,2}}|\|[ \t]*(?:sudo[ \t]+)?tee(?:[ \t]+-a)?)[ \t]*"
        r"(?![^\s;&|]{0,160}(?:ignore|\.pub|\.md|\.csv|\.py|\.js|\.ts|\.sql|\.log)\b)"
        r"(?=[^\s;&|]{0,160}(?:pass|secret|token|key|cred|pw|auth|vault))",
    ),
    (
        "Basic Auth Credentials",
        6,
        (" -c", "community", "rocommunity", "rwcommunity"),
        rf"\bsnmp\w+\b[^\n|;&]{{0,120}}?[ \t]-c[ \t]*{_ARGUMENT}"
        rf"|\b(?:snmp-server[ \t]+community|snmp[ \t]+community|r[ow]community6?|trapcommunity)[ \t]+{_ARGUMENT}",
    ),
    (
        "Basic Auth Credentials",
        6,
        ("net use", "smbclient", "ldappasswd"),
        rf"(?i:net[ ]use)[ \t]+(?:(?:[A-Za-z]:|\*)[ \t]+)?\\{{2,4}}[^\s]+[ \t]+{_ARGUMENT}"
        rf"|\bsmbclient[ \t]+//\S+[ \t]+{_ARGUMENT}|[ \t]-s[ \t]+{_ARGUMENT}(?=[ \t]+(?:uid|cn)=)",
    ),
    (
        "Basic Auth Credentials",
        6,
        (
            "htpasswd ",
            "mosquitto_passwd ",
            "openssl passwd",
            "add_user ",
            "change_password ",
            "authenticate_user ",
            "samba-tool",
            "user:",
            "wpa_passphrase",
        ),
        rf"(?:htpasswd|mosquitto_passwd)[ \t]+-\w*b\w*[ \t]+(?:-\S+[ \t]+)*(?:[^\s'\"]+[ \t]+){{1,2}}?{_ARGUMENT}{_END}"
        rf"|openssl[ \t]+passwd(?:[ \t]+-\S+)*[ \t]+{_ARGUMENT}"
        rf"|rabbitmqctl[ \t]+(?:add_user|change_password|authenticate_user)[ \t]+\S+[ \t]+{_ARGUMENT}"
        rf"|samba-tool[ \t]+user[ \t]+(?:create|add|setpassword)[ \t]+\S+[ \t]+{_ARGUMENT}"
        rf"|\buser:(?:create|add|password|change-password)[ \t]+\S+[ \t]+{_ARGUMENT}"
        rf"|wpa_passphrase[ \t]+(?:['\"][^'\"]*['\"]|\S+)[ \t]+{_ARGUMENT}",
    ),
    (
        "Basic Auth Credentials",
        6,
        ("requirepass", "masterauth", "AUTH ", "setuser", "auth_pass", "psksecret"),
        rf"\b(?:requirepass|masterauth|auth_pass|psksecret)[ \t]+{_ARGUMENT}"
        rf"|(?:\A|(?<=[>\n])|-cli)[ \t]*AUTH[ \t]+(?:[\w-]+[ \t]+)?{_ARGUMENT}{_END}"
        r"|(?i:\bsetuser)[^\n]{0,120}?[ \t]>([^\s'\"]{6,64})",
    ),
    (
        "Secret Keyword",
        6,
        ("chpasswd",),
        rf"(?<![\w.-])[\w.-]{{1,64}}:{_ARGUMENT}\\?['\"]?[ \t]*\|[ \t]*(?:sudo[ \t]+)?chpasswd"
        rf"|chpasswd[^\n]{{0,40}}\n(?:[ \t]*(?:list|expire"
        rf"|users)[^\n]{{0,40}}\n){{0,2}}[ \t]*(?:-[ \t]+)?[\w.-]{{1,64}}:"
        rf"{_ARGUMENT}",
    ),
    (
        "Basic Auth Credentials",
        6,
        (" -a ", " --auth", " -u ", " -p", " --password"),
        rf"\bhttps?[ \t]+(?:[^\n|;&]{{1,120}}?[ \t])?(?:-a|--auth)[ \t=]+\\?['\"]?[\w.@-]{{1,64}}:{_ARGUMENT}"
        rf"|\blftp\b[^\n|;]{{0,120}}?[ \t]-u[ \t]+[\w.@-]{{1,64}},{_ARGUMENT}"
        rf"|\b(?:ncftp\w*|rabbitmqadmin|check_\w+|[\w-]*cli-login|security)\b[^\n|;&]{{0,120}}?[ \t](?:-p"
        rf"|--password)[ \t=]+"
        rf"{_ARGUMENT}"
        r"|(?:altool|notarytool)\b[^\n]{0,160}?[ \t](?:-p|--password)[ \t]+\\?['\"]?([a-z]{4}(?:-[a-z]{4}){3})\b",
    ),
    (
        "Argument",
        6,
        ("--from-literal", "vault kv ", "keyvault secret", "put-parameter", "secret set ", "bw unlock", "bw login"),
        rf"--from-literal[= ]\\?['\"]?[\w.-]{{1,64}}={_ARGUMENT}"
        rf"|vault[ \t]+kv[ \t]+(?:put|patch)[ \t]+\S+[ \t]+(?:\w+=\S*[ \t]+)?\w+={_ARGUMENT}"
        rf"|(?:keyvault[ ]secret|put-parameter|secret[ ]set)\b[^\n]{{0,160}}?[ \t](?:--value|--body|-b)[ =]?{_ARGUMENT}"
        rf"|\bbw[ \t]+(?:unlock|login[ \t]+\S+)[ \t]+{_ARGUMENT}",
    ),
    # A line of its own: `user NAME PASSWORD` for ftp, `[HOST]:587 USER:PASSWORD`.
    (
        "Argument",
        8,
        ("user ", ":587", ":465", ":25 "),
        rf"(?:\A|(?<=\n)|(?<=\\n))[ \t]*user[ \t]+[\w.@-]{{1,64}}[ \t]+"
        rf"{_ARGUMENT}{_END}"
        rf"|:(?:25|465|587)[ \t]+[\w.@-]{{1,64}}:{_ARGUMENT}{_END}",
    ),
    # Devices: switches, routers, firewalls.
    (
        "Basic Auth Credentials",
        6,
        (
            "username ",
            "enable ",
            "-server ",
            "isakmp key",
            "key-string",
            "-key ",
            "authentication md5",
            "neighbor ",
            "ascii-text",
        ),
        rf"\b(?:username[ \t]\S{{1,64}}[^\n]{{0,40}}?|enable|neighbor[ \t]\S{{1,64}})[ \t](?:password|secret)[ \t]+"
        rf"(?:level[ \t]\d+[ \t]+)?(?:\d[ \t]+)?{_ARGUMENT}"
        rf"|(?:tacacs|radius|isakmp|ntp)[^\n]{{0,80}}?\bkey[ \t]+(?:\d+[ \t]+md5[ \t]+)?(?:\d[ \t]+)?{_ARGUMENT}"
        rf"|(?:digest-key[ \t]+\d+[ \t]+md5|authentication[ \t]+md5(?:[ \t]+key-string)?|key-string|ascii-text)[ \t]+"
        rf"(?:\d[ \t]+)?{_ARGUMENT}",
    ),
    (
        "Basic Auth Credentials",
        6,
        (
            "login=",
            "{plain}",
            "uci set",
            "@tcp(",
            "@unix(",
            ".psk ",
            'psk "',
            'psk \\"',
            "wmiexec",
            "psexec",
            "smbexec",
            "secretsdump",
            "#define",
        ),
        rf"\blogin=[\w.@-]{{1,64}}:{_ARGUMENT}|\{{PLAIN\}}([^\s:\"']{{4,64}})"
        rf"|\buci[ \t]+set[ \t]+[\w.@\[\]-]{{1,80}}\.(?:key|password|psk)={_ARGUMENT}"
        r"|(?<![\w-])[\w-]{1,64}:([^\s:@/'\"]{4,64})@(?:tcp|unix)\("
        rf"|[\w-]\.psk[ \t]+{_ARGUMENT}|\bPSK[ \t]+\\?\"([^\"\\]{{6,64}})"
        r"|(?<![^\s'\"])[\w.-]{1,64}/[\w.-]{1,64}:\\?['\"]?([^\s/@'\"]{6,64})\\?['\"]?@[\w]"
        r"|#define[ \t]+\w*(?:PASS|PW|PSK|SECRET|TOKEN)\w*[ \t]+\\?\"([^\"\\\s]{6,64})\\?\"",
    ),
    # As netsh shows it.
    (
        "Wireless Network Password",
        8,
        ("key content", "schlüsselinhalt", "contenu de la cl", "contenido de la clave"),
        r"(?i:key content|schlüsselinhalt|contenu de la clé|contenido de la clave)[ \t]*:[ \t]*"
        r"([^\s\"\\][^\n\"\\]{6,61}\S)",
    ),
    # SNMP's users in a file, on a device, in a command.
    (
        "Basic Auth Credentials",
        8,
        ("createuser ", "snmp"),
        rf"(?i:createuser)[ \t]+\S{{1,64}}[ \t]+(?:MD5|SHA[\d-]*)[ \t]+{_ARGUMENT}"
        rf"|(?<=[\w\"'])[ \t]+(?:AES|DES)[\d-]*[ \t]+{_ARGUMENT}"
        rf"|(?i:auth|priv)[ \t]+(?i:md5|sha|aes|3?des)[\d-]*(?:[ \t]+\d{{3}})?[ \t]+{_ARGUMENT}"
        rf"|[ \t]-[AX][ \t]+{_ARGUMENT}",
    ),
    # What a client and a server of mail or files say: `334 Password:` in base64, or PASS soon after USER.
    (
        "Login Transcript",
        4,
        ("ugfzc3dvcmq6", "cgfzc3dvcmq6", "auth plain"),
        r"334[ ](?:UGFzc3dvcmQ6|cGFzc3dvcmQ6)[^\n\\]{0,20}(?:\n|\\n)[^\n]{0,60}?"
        r"(?<![A-Za-z\d+/=])([A-Za-z\d+/]{4,200}={0,2})[ \t\r]*(?=\n|\\|\Z)"
        r"|AUTH[ ]PLAIN[ \t]+([A-Za-z\d+/]{12,400}={0,2})",
    ),
    (
        "Login Transcript",
        4,
        ("pass ",),
        # Begins with a literal, which is found fast.
        r"USER(?<![A-Za-z]USER)[ \t]+[^\s\\]{1,64}[ \t\r]*(?:\n|\\n)(?:[^\n]{0,200}\n){0,3}?[^\n]{0,60}?"
        r"(?<![\w.-])PASS[ \t]+(?![*x<$])([^\s\"'\\]{4,64})",
    ),
    (
        "Argument",
        6,
        ("wifi", "wi-fi", "wlan"),
        r"(?i:wi-?fi|wlan)[^\n]{0,80}?(?i:\b(?:key|schlüssel|psk|pass\w*|pw|code|clé|clave|ключ"
        r"|пароль)\b)[ \t]*(?:[:=]|is\b|ist\b)?"
        rf"[ \t]*{_ARGUMENT}",
    ),
    (
        "Argument",
        6,
        (" p: ", " pw: ", " p=", " pass: ", " pw=", "sicherheitsfrage", "security answer", "security question"),
        rf"\b(?i:u|user|username|benutzer|login)[:=][ \t]*[^\s,;/]{{2,64}}[ \t]*[,;/]?[ \t]*(?i:p|pw"
        rf"|pass)[:=][ \t]*{_ARGUMENT}"
        rf"|(?i:sicherheitsfrage|security (?:question|answer))[^\n]{{0,80}}?(?i:antwort|answer"
        rf"|[:=])[ \t:=]*(?i:is |ist )?{_ARGUMENT}",
    ),
    (
        "Application Password",
        3,
        ("2fa", "totp", "authenticator"),
        r"(?i:2fa|totp|authenticator)[^\n]{0,60}?\b((?:[a-z2-7]{4}[ ]){3,7}[a-z2-7]{4})\b",
    ),
    (
        "Argument",
        6,
        ("<pass ", "{enter}"),
        r"<(?i:pass)[ \t][^>]{1,40}>([^<\s]{6,})<|(?i:send)\w*\(?[ \t]*\\?[\"']([^\"'{\s]{6,64})\{(?i:enter)\}",
    ),
    (
        "Secret Keyword",
        6,
        ("string(",),
        r"\[\"\w*(?i:pass|secret|token|pwd)\w*\"[^\]\n]{0,40}\]=>\s{0,9}string\(\d+\)[ ]\"([^\"\n]{4,})",
    ),
)
