# SPDX-License-Identifier: MIT
"""What a file must not hold: a password, a token, a key."""

import re

NAMES = re.compile(r'(?i)(pass(word|wd|phrase)?|secret|token|credential|private_?key|api_?key|'
                   r'access_?key)s?$')
# In whatever value: a password in a connection string or URL, an access key of AWS, a key.
VALUES = re.compile(r'(?i)\bpassword\s*=|://[^/\s:@]+:[^/\s@$]+@|-----BEGIN [A-Z ]*PRIVATE|'
                    r'\bsecret_access_key\b')
KEY_IDS = re.compile(r'\b(AKIA|ASIA)[A-Z0-9]{16}\b')


def plain_secret(name, value):
    """Whether a variable or a key of that name shows a secret. The ARN of one does not,
    nor does the path of a file."""
    value = str(value)
    if VALUES.search(value) or KEY_IDS.search(value):
        return True
    return bool(NAMES.search(name)) and value != '' and not value.startswith(('arn:', '/'))
