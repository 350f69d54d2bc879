# SPDX-License-Identifier: MIT
"""Random values of columns of report_config, most of them nearly right: each
function takes a random.Random and returns one."""

CODES = [
    '0', '0.00', '#,##0', '#,##0.00;[Red]-#,##0.00', '0.0%', '0.00E+00', '##0.0E+0', '# ?/?',
    '# ??/8', 'yyyy-mm-dd', 'd mmm yy', 'h:mm AM/PM', '[h]:mm:ss', 'mm:ss.0',
    'yyyy-mm-dd hh:mm:ss.000', '@', 'General', '"#"0', '000-00-0000', '0;-0;"zero";@',
    '_-* #,##0.00 [$€-407]_-;-* #,##0.00 [$€-407]_-;_-* "-"?? [$€-407]_-;_-@_-',
    '[>=1000000]0.0,,"M";[>=1000]0.0,"k";0', '[$-f800]dddd, mmmm dd, yyyy',
    '[<=9999999]###-####;(###) ###-####']
CODE_PARTS = [
    *'0#?0#.,%"\\_*;@/19-+(:!$€ä|`bEeymdhsagx\t ', '#,##0', '"x"', '\\x', '* ', '[Red]', '[Color 3]',
    '[color57]', '[color+3]', '[color 03]', '[>=100]', '[<1]', '[=]', '[>x]', '[<>-1.5e3]',
    '[>0x10]', '[>inf]', '[>1e]', '[>.5]', '[>5.]', '[>.]', '[>1+5]', '[$€-407]', '[$-f800]',
    '[$kr]', '[$]', '[$-]', '[$-zz]', '[$- 5]', '[$-0x5]', '[$-123456789]', '[$-xyz', '[h]',
    '[mm]', '[hm]', '[d]', '[', ']', 'General', 'E+00', 'e-0', 'yyyy', 'mmm', '.0', '.000',
    '.0000', 'AM/PM', 'a/p', 'A/', '?/8', '/123456', '0/0', '#.##0,00', '0,00', '0.0,0', '0.#0']

PARTS = [
    'a', 'b.csv', '{report_name}', '{owner}', '{run_id}', '{config_id}', '{request_id}',
    '{scheduled_for}', '{ext}', '{part}', '{p}', '%Y', '%m%d', '%H', '%%', '_', 'ü', ' ', '/', '/']
ODD_PARTS = [
    '{section}', '{partition}', '{nope}', '{}', '{', '}', '{a b}', '{{', '%', '%Q', '%E', '%5',
    '%{p}', '%/', '.', '..', '...', '.a', 'a.', '//', '\u200d', '\u200b', '\u202e', '\ufeff',
    '\u00ad', '\t', '\n', '\x7f', '\u0085', '\\', '*', '?', '#', '://', 'mailto:', ':']
BEGINNINGS = ['', '', '', '/srv/out/', 'file:///srv/out/', 's3://bucket/', 's3://my.bucket-1/']
ODD_BEGINNINGS = [
    'file://host/', 'file:/', 'file:', 'FILE:///', 's3://bucket', 's3://b/', 's3://Buck/',
    's3://a..b/', 's3://-ab/', 's3://{p}/', 's3://buck%Y/', 'S3://bucket/', 's3:/bucket/', 's3:',
    'http://h/', 'https://h/', 'mailto:a@b', 'MAILTO:a@b', 'stdout:', 'x:/', 'x://', 'ü://',
    '{p}://', '1a://', 'a.b+c://', './', '../', 'http:a', 'a:b']

TEXTS = ['', ',', ';', '\t', '"', '|', '\n', 'a', 'é', 'NULL', '\\N', ' ', '\x01', 'a;b', 'k',
         '#,##0.00', '0.0.0', '10,2', '38,38', '10,11', 'text', 'double', 'de', 'x' * 300, '\u202e']
ENCODINGS = [
    'utf8', 'UTF-8', 'unicode', 'utf_8', 'LATIN1', 'latin 1', 'ISO-8859-15', 'ISO_8859_1',
    'windows-1252', 'WIN1252', 'KOI8', 'SJIS', 'shift_jis', 'MULE_INTERNAL', 'SQL_ASCII',
    'sql-ascii', 'UTF16', '']

ADDRESSES = ['ann@example.com', 'a.b@x.co', 'A+b@c-d.org', "o'b%40c.d", ' a@b.c ']
ODD_ADDRESSES = [
    'ann', '@b.c', 'a@', 'a@b..c', 'a@-b.c', 'a@b-.c', 'a@b_c.d', 'a..b@c.d', 'a@b.c.', 'ü@b.c',
    'a@ü.de', '%C3%BC@b.c', 'a%2Cb@c.d', 'Ann <ann@b.c>', 'a@b@c.d', 'a@[1.2.3.4]', '"x y"@b.c',
    'x' * 64 + '@b.c', 'x' * 65 + '@b.c', 'a@' + 'b' * 63 + '.c', 'a@' + 'b' * 64 + '.c',
    'a@b.' + 'c' * 64, 'a@' + 'b.' * 130 + 'c', '%20a@b.c', 'a@b.c%0A', 'a%00@b.c', 'a%@b.c',
    'a%4@b.c', '%', '', ' ', '%20', 'a#b@c.d', 'a:b@c.d', 'a(b)@c.d', 'a\\b@c.d', 'a@b.c\u200b']
VALUES = ['Sales', 'Sales%20{report_name}', '{rows} rows', '%C3%BC', 'ü', 'a?b', '{hint}', '']
ODD_VALUES = ['{report}', '{', '}', '{}', '{rows', '{{rows}}', '{ rows }', '{ROWS}', 'a%0D%0Ab',
              '%00', '%', '%2', '%GG', '%C3', '%7Brows%7D', '%7Bnope%7D', '{rows%7D', 'a=b', 'a#b']

HOSTS = ['example.com', 'localhost', '127.0.0.1', '[::1]', 'h.c:443', 'a_b.c']
ODD_HOSTS = [
    '[::1', '::1', 'a..b', '-a.b', 'a-.b', 'ü.de', 'user@h.c', 'u:p@h.c', 'h.c:0', 'h.c:65536',
    'h.c:99999999', 'h.c:', 'h.c:x', '', '.', 'a.', '[v1.x]', '[]', 'h.c\\@e.f', 'h c', 'h%2ec',
    'a' * 254, 'a' * 300, '127.0.0.256', '127.0.0.1.evil.com']
TAILS = ['', '/', '/x?y=z', '?y', '#f', '/ü', '/%20', '/a b', '/\\', '//', '/../x', '/%zz', '/"']


def mixed(dice, usual, odd, share=0.15):
    return dice.choice(odd if dice.random() < share else usual)


def format_code(dice):
    if dice.random() < 0.3:
        return ''.join(dice.choice(CODE_PARTS) for _ in range(dice.randint(1, 5)))
    code = dice.choice(CODES)
    for _ in range(dice.randint(0, 2)):
        at = dice.randint(0, len(code))
        code = dice.choice([code[:at] + code[at + 1:], f'{code};{dice.choice(CODES)}',
                            *[code[:at] + dice.choice(CODE_PARTS) + code[at:]] * 3])
    return code


def path(dice):
    """Absolute ones lie below /srv/out, as the rule for others is the daemon's alone."""
    text = mixed(dice, BEGINNINGS, ODD_BEGINNINGS)
    text += ''.join(mixed(dice, PARTS, ODD_PARTS, 0.06) for _ in range(dice.randint(0, 5)))
    text += dice.choice(['', '.csv', '.{ext}', 'x', 'x', 'a.csv.gz'])
    return text if not text.startswith('/') or text.startswith('/srv/out/') else f'a{text}'


def option_value(dice, rule):
    kind, allowed = rule['type'], rule.get('allowed')
    inside = rule.get('inside') or []
    if dice.random() < 0.02:
        return dice.choice([None, 5, 'x', [], {}, True, 1.5])
    if rule['option'] == 'encoding':
        return dice.choice(ENCODINGS)
    if kind == 'boolean':
        return dice.random() < 0.5
    if kind in ('integer', 'number'):
        least, most = map(int, (allowed or '0..100').split('..'))
        within = dice.randint(least, most)
        return dice.choice([least, most, within, within, least - 1, most + 1, within + 0.5,
                            float(within), 2 ** 63 - 1, 1e300])
    if kind == 'array':
        return [option_value(dice, inside[0]) for _ in range(dice.choice([0, 1, 1, 2, 2, 11]))]
    if kind == 'object':
        rules = [dice.choice(inside) for _ in range(dice.choice([0, 1, 1, 2, 3]))]
        value = {mixed(dice, ['k', 'v'], TEXTS) if rule['option'] == '*' else rule['option']:
                 option_value(dice, rule) for rule in rules}
        return value | dice.choice([{}] * 15 + [{'nope': 1}])
    if allowed and not allowed.startswith('~') and allowed != '1..':
        return mixed(dice, allowed.split('|'), TEXTS)
    return dice.choice(['k', 'k', *TEXTS])


def options(dice, rules, most):
    chosen = [dice.choice(rules) for _ in range(dice.randint(0, most))]
    return {rule['option']: option_value(dice, rule) for rule in chosen
            if rule['option'] != 's3' or dice.random() < 0.3}


def outputs(dice, rules):
    """Formats, options, path and statements; rules: {format: its options}."""
    formats = dice.sample([*rules], dice.choice([1, 1, 1, 2, 3]))
    names = [dice.choice([name, name.lower(), 'EXCEL' if name == 'XLSX' else name])
             for name in formats]
    value = {}
    for format in formats:
        value |= options(dice, rules[format], 2)
    for format, name in zip(formats, names):
        if len(formats) > 1 and dice.random() < 0.3:
            value[name.upper()] = options(dice, rules[format], 2)
    count = dice.choice([1, 1, 1, 2, 3])
    if dice.random() < 0.3:
        value['sections'] = [mixed(dice, 'abcde', ['a/b', '', '.', 'a', '\t'])
                             for _ in range(dice.choice([count, count, count, count + 1]))]
    if 'chart' in value and isinstance(value['chart'], dict) and dice.random() < 0.3:
        value['chart']['section'] = dice.choice('abc')
    return {'output_format': ','.join(names), 'output_options': value,
            'export_sql': '; '.join(['select 1 as k'] * count),
            'output_path': dice.choice(['a/x.{ext}'] * 4 + [
                's3://bucket/x.{ext}', 'a/{partition}/x.{ext}', 'a/{part}.{ext}', '{section}.{ext}',
                '{section}/{part}.{ext}'])}


def csv_dialect(dice):
    return {key: value for key, value in {
        'delimiter': mixed(dice, ',;|\t', TEXTS), 'null': mixed(dice, ['', 'NULL'], TEXTS, 0.4),
        'encoding': dice.choice(ENCODINGS), 'bom': dice.random() < 0.3,
        'decimal_comma': dice.random() < 0.5}.items() if dice.random() < 0.5}


def mailto(dice):
    def addresses(least):
        return ','.join(mixed(dice, ADDRESSES, ODD_ADDRESSES)
                        for _ in range(dice.choice([least, 1, 1, 2])))
    url = mixed(dice, ['mailto:'], ['MAILTO:', 'Mailto:', 'mailto://']) + addresses(1)
    for i in range(dice.choice([0, 1, 1, 2])):
        field = mixed(dice, ['subject', 'body', 'report', 'cc', 'bcc', 'to'],
                      ['Subject', 'CC', '', 'x', 'subject%20'], 0.05)
        value = addresses(0) if field.lower() in ('cc', 'bcc', 'to') else \
            mixed(dice, ['attach', 'link', 'inline', 'none'], ['LINK', 'lin%6B', 'link ', '']) \
            if field == 'report' else mixed(dice, VALUES, ODD_VALUES, 0.25)
        url += f'{"&" if i else "?"}{field}{mixed(dice, "=", ["", "=="], 0.05)}{value}'
    return url


def webhook(dice):
    return (mixed(dice, ['https://'], ['http://', 'HTTPS://', 'https:/', 'slack:https://',
                                       'Slack:HTTPS://', 'ftp://', ''], 0.3)
            + mixed(dice, HOSTS, ODD_HOSTS, 0.4) + dice.choice(TAILS))


def table(dice):
    name = mixed(dice, ['dwh', 'x_1'], ['Dwh', '', 'a' * 41, 'd-w'])
    parts = [mixed(dice, ['sales', 'Orders', '"Orders 2026"', '_x$1', 'ümsatz', '"a""b"'], [
        '', '""', '"', '"a', 'a b', '1a', 'a-b', 'pg_temp', '"pg_x"', 'PG_x', 'reportd', 'a' * 63,
        'a' * 64, 'ü' * 32, '"\t"', '"."', '"a"b', '$a', 'a.b', '"""'], 0.25) for _ in range(2)]
    return dice.choice(['table:'] * 9 + ['TABLE:']) + \
        name + dice.choice('/////.') + dice.choice('.....,').join(parts)


def cron(dice):
    def item(low, high, names):
        first, last = dice.randint(low, high), dice.randint(low, high)
        value = dice.choice([str(first), f'{first:02}', *([dice.choice(names)] if names else [])])
        return mixed(dice, [
            '*', '*', value, value, f'{min(first, last)}-{max(first, last)}',
            f'*/{dice.randint(1, high)}', f'{min(first, last)}-{max(first, last)}/{first or 1}'], [
            '', '?', '*/0', f'{value}-{last}', f'{value}/2', f'{high + 1}', f'{low - 1}', '*5', 'L',
            f'{value}L', f'{value}#{last}', '1#2', '15W', '1-2-3', '*-5', '1-5/', f'{first}.5',
            'MONDAY', '\u0663', '*/99'], 0.06)
    months = 'JAN FEB mar Apr DEC'.split()
    days = 'SUN mon Tue SAT'.split()
    fields = [(0, 59, []), (0, 23, []), (1, 31, []), (1, 12, months), (0, 7, days)]
    text = dice.choice([' '] * 8 + ['  ', '\t']).join(
        ','.join(item(*field) for _ in range(dice.choice([1, 1, 1, 2]))) for field in fields)
    return mixed(dice, [text], [
        '@daily', '@Weekly', '@reboot', '@daily 1', f'{text} *', text.split(' ', 1)[-1],
        f' {text}\n', f'0 0 {dice.choice(["30", "31", "L", "*/30"])} 2 *',
        f'0 0 31 {dice.randint(1, 12)} {dice.choice(["*", "1", "*/2"])}'], 0.2)
