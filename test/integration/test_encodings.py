# SPDX-License-Identifier: MIT
"""The encodings that a CSV can have: which there are, that both ways into one give
the same bytes, and that no character becomes another one."""

import unicodedata

import psycopg
import pytest

from lib import process, report

pytestmark = pytest.mark.shipped


@pytest.fixture(scope='module')
def source(cluster, template):
    db = cluster.create(template)
    db.execute("""
        create function encoded(code int, encoding text) returns bytea language plpgsql as $$
        begin
            return convert_to(chr(code), encoding);
        exception when untranslatable_character or undefined_function then
            return null;
        end $$""")
    yield db
    db.drop()


@pytest.fixture(scope='module')
def export(source, tmp_path_factory):
    """The bytes of a query's CSV, or the error."""
    path = tmp_path_factory.mktemp('encodings')
    conf = process.write_conf(path / 'reportd.conf', source)

    def run(sql, **options):
        done = process.reportctl(
            conf, 'export', '--sql', sql, '-o', str(path / 'file'), '--option=header=false',
            *[f'--option={key}={value}' for key, value in options.items()])
        return done.stderr if done.returncode else (path / 'file').read_bytes()
    return run


# All that PostgreSQL knows, by one of its names.
ENCODINGS = """
    UTF8 SQL_ASCII LATIN1 LATIN2 LATIN3 LATIN4 LATIN5 LATIN6 LATIN7 LATIN8 LATIN9 LATIN10
    ISO_8859_5 ISO_8859_6 ISO_8859_7 ISO_8859_8 KOI8R KOI8U WIN866 WIN874 WIN1250 WIN1251
    WIN1252 WIN1253 WIN1254 WIN1255 WIN1256 WIN1257 WIN1258 SJIS EUC_JP EUC_JIS_2004
    SHIFT_JIS_2004 BIG5 EUC_TW EUC_KR UHC JOHAB EUC_CN GBK GB18030""".split()

# Where PostgreSQL and iconv agree on every character, so that either may convert.
EXACT = """
    LATIN1 LATIN2 LATIN3 LATIN4 LATIN5 LATIN6 LATIN7 LATIN8 LATIN9 LATIN10 ISO_8859_5
    ISO_8859_6 ISO_8859_7 ISO_8859_8 KOI8R KOI8U WIN866 WIN874 WIN1250 WIN1251 WIN1252
    WIN1253 WIN1254 WIN1256 WIN1257 EUC_CN GBK""".split()


def test_the_list_is_that_of_the_server(source):
    names = {name for name, in source.query(
        "select pg_encoding_to_char(i) from generate_series(0, 99) i") if name}
    assert names == {*ENCODINGS, 'MULE_INTERNAL'}


def taken_by_insert(db, encoding):
    try:
        config_id = report.submit(db, export_sql="select 'x'",
                                  output_options={'encoding': encoding})
    except psycopg.Error as e:
        assert e.sqlstate == '22023' and 'cannot be written' in e.diag.message_primary, e
        # The message names the encodings that can.
        assert 'MULE' not in e.diag.message_hint
        assert {*ENCODINGS} <= set(e.diag.message_hint.replace(',', ' ').replace('.', ' ').split())
        return None
    return report.config(db, config_id).output_options['encoding']


NAMES = ENCODINGS + """
    MULE_INTERNAL UNICODE latin-1 ISO-8859-1 ISO-8859-2 ISO-8859-3 ISO-8859-4 ISO-8859-9
    ISO-8859-10 ISO-8859-13 ISO-8859-14 ISO-8859-15 ISO-8859-16 KOI8 mskanji shift_jis win932
    windows-932 win936 windows936 win949 windows949 win950 windows950 alt win windows866
    windows874 windows1250 windows1251 windows1252 windows1253 windows1254 windows1255
    windows1256 windows1257 windows1258 abc tcvn tcvn5712 vscii utf-8 UTF-16 UTF-32LE cp850
    CP1252 EBCDIC-US ASCII ISO-2022-JP UTF-7 nonsense LATIN1//TRANSLIT""".split()


@pytest.mark.parametrize('name', NAMES)
def test_insert_and_export_take_the_same_names(source, export, name):
    becomes = taken_by_insert(source, name)
    text = export("select 'x' as a", encoding=name, line_ending='crlf')
    if becomes is None:
        assert f'encoding "{name}" cannot be written; known: UTF8, SQL_ASCII, LATIN1' in text
    else:
        assert text == b'x\r\n'
        assert export("select 'x' as a", encoding=becomes) == b'x\n'


def characters(db, encoding, wide):
    """Of a range: those that the server has in the encoding, with their bytes, and
    those that it has not."""
    codes = [*range(0x20, 0x7F), *range(0x80, 0x2600)]
    if wide:
        codes += [*range(0x3000, 0x3400), *range(0x4E00, 0xA000, 11), *range(0xE000, 0xE100),
                  *range(0xF900, 0xFB00, 7), *range(0xFE30, 0x10000)]
    rows = db.query('select c, encoded(c, %s) from unnest(%s::int[]) c', encoding, codes)
    return ([(c, bytes(b)) for c, b in rows if b is not None],
            [c for c, b in rows if b is None])


@pytest.mark.parametrize('encoding', EXACT)
def test_both_ways_give_the_same_bytes(source, export, encoding):
    has, lacks = characters(source, encoding, encoding in ('EUC_CN', 'GBK'))
    has = [(c, b) for c, b in has if c != ord('"')]
    assert len(has) > 100
    sql = f"select chr(c) as a from unnest(array{[c for c, _ in has]}) with ordinality u(c, i) " \
        "where c <> 44 order by i"
    lines = [b for c, b in has if c != 44]
    assert export(sql, encoding=encoding) == b''.join(b + b'\n' for b in lines)
    assert export(sql, encoding=encoding, line_ending='crlf') == b''.join(
        b + b'\r\n' for b in lines)
    for code in [0x81, 0xE9, 0x3B1, 0x416, 0x5D0, 0x20AC, *lacks[::len(lacks) // 5]]:
        if code not in lacks:
            continue
        for options in {}, {'line_ending': 'crlf'}:
            says = export(f'select chr({code}) as a', encoding=encoding, **options)
            assert isinstance(says, str), (hex(code), says)
            assert 'has no equivalent in encoding' in says or (
                f'U+{code:04X}' in says and f'does not exist in encoding {encoding}' in says)


OTHERS = [e for e in ENCODINGS if e not in (*EXACT, 'UTF8', 'SQL_ASCII')]
# Characters that iconv or PostgreSQL replaces, or that they write in two ways.
RISKY = 'éüß¢£¬¥‾æɔəɚʌ\x80\x81Ā№℡∥－～个亇㉾한똠Ặếǜא\ufb1d😀\ue000か゚'


@pytest.mark.parametrize('encoding', OTHERS)
def test_no_character_becomes_another_one(source, export, encoding):
    codec = {'UHC': 'cp949', 'SJIS': 'cp932', 'BIG5': 'cp950', 'WIN1255': 'cp1255',
             'GB18030': 'gb18030'}.get(encoding)
    taken = []
    for c in RISKY:
        plain = export(f"select '{c}'::text as a", encoding=encoding)
        if isinstance(plain, str):
            assert f'U+{ord(c):04X}' in plain and 'does not exist in encoding' in plain
            continue
        taken.append((c, plain[:-1]))
        assert plain != b'\x7f\n', c
        if codec and c > '\x9f' and not '\ue000' <= c <= '\uf8ff':
            assert unicodedata.normalize('NFD', plain.decode(codec)) == (
                unicodedata.normalize('NFD', f'{c}\n')), c
    assert 0 < len(taken) < len(RISKY) or encoding == 'GB18030'
    sql = ' union all '.join(f"select '{c}'::text as a" for c, _ in taken)
    assert export(sql, encoding=encoding, line_ending='crlf') == b''.join(
        b + b'\r\n' for _, b in taken)


def test_characters_that_iconv_joins_stay_apart_in_a_long_text(source, export):
    """What it holds back for the next character comes out, and pieces end where
    nothing is joined."""
    sql = "select repeat('æ ɔə 東京', 3000) as a from generate_series(1, 3)"
    whole = export(sql, encoding='EUC_JIS_2004')
    one = export("select 'æ ɔə 東京' as a", encoding='EUC_JIS_2004')[:-1]
    assert whole == (one * 3000 + b'\n') * 3


@pytest.mark.parametrize('encoding, expected', [
    ('WIN1252', b'Gr\xfc\xdfe\n'), ('LATIN1', b'Gr\xfc\xdfe\n'), ('LATIN9', b'Gr\xfc\xdfe\n'),
    ('UTF8', 'Grüße\n'.encode()), ('SQL_ASCII', 'Grüße\n'.encode())])
def test_text_of_a_source_without_an_encoding_is_converted(cluster, tmp_path, encoding, expected):
    db = cluster.create(encoding='SQL_ASCII', lc_collate='C', lc_ctype='C')
    try:
        conf = process.write_conf(tmp_path / 'reportd.conf', db)
        done = process.reportctl(
            conf, 'export', '--sql', r"select E'Gr\xc3\xbc\xc3\x9fe' as a", '--option=header=false',
            f'--option=encoding={encoding}', '-o', str(tmp_path / 'file'))
        assert done.returncode == 0, done.stderr
        assert (tmp_path / 'file').read_bytes() == expected
        if encoding in ('UTF8', 'SQL_ASCII'):
            return
        done = process.reportctl(
            conf, 'export', '--sql', r"select E'\xff' as a", f'--option=encoding={encoding}')
        assert done.returncode != 0 and 'row 1, column "a": the text is not UTF-8' in done.stderr
    finally:
        db.drop()
