# SPDX-License-Identifier: MIT
"""The part of HCL 2 that the sample for Terraform uses: blocks, attributes, and expressions
of literals, lists, objects, names, calls and templates. All else is an error with its line."""

import re

TOKEN = re.compile(r'''
    (?P<space>[ \t\r]+|\#[^\n]*|//[^\n]*)
  | (?P<newline>\n)
  | (?P<number>\d+(\.\d+)?)
  | (?P<name>[A-Za-z_][A-Za-z0-9_-]*)
  | (?P<string>"(?:[^"\\\n$]|\\.|\$(?!\{)|\$\{[^}\n"]*\})*")
  | (?P<mark>[][{}()=,.])
''', re.X)


class HclError(Exception):
    pass


class Name:
    """A name with its parts, such as var.name: known only when the plan is made."""

    def __init__(self, parts):
        self.parts = parts


class Call:
    def __init__(self, function, arguments):
        self.function, self.arguments = function, arguments


class Text:
    """A text with the names that it is put together from."""

    def __init__(self, parts):
        self.parts = parts  # str or Name


class Block:
    def __init__(self, kind, labels, attributes, blocks):
        self.kind, self.labels, self.attributes, self.blocks = kind, labels, attributes, blocks

    def of(self, kind):
        return [one for one in self.blocks if one.kind == kind]


def unquoted(text, line):
    """The value of a quoted text: str, or Text with names."""
    parts = []
    for part in re.findall(r'\$\{[^}]*\}|(?:\\.|\$(?!\{)|[^$\\])+', text[1:-1]):
        if part.startswith('${'):
            name = part[2:-1].strip()
            if not re.fullmatch(r'[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)+', name):
                raise HclError(f'line {line}: {part} is no name')
            parts.append(Name(name.split('.')))
        else:
            parts.append(re.sub(r'\\(.)', lambda m: {'n': '\n', 't': '\t'}.get(m[1], m[1]), part))
    if all(isinstance(part, str) for part in parts):
        return ''.join(parts)
    return Text(parts)


class Parser:
    def __init__(self, text):
        self.tokens, line, at = [], 1, 0
        while at < len(text):
            match = TOKEN.match(text, at)
            if not match:
                raise HclError(f'line {line}: cannot be read: {text[at:at + 20]!r}')
            if match.lastgroup != 'space':
                self.tokens.append((match.lastgroup, match[0], line))
            line += match[0].count('\n')
            at = match.end()
        self.tokens.append(('end', '', line))
        self.at = 0

    def peek(self):
        return self.tokens[self.at]

    def take(self, *wanted):
        """The next token's text; one of the texts or kinds that are wanted."""
        kind, text, line = self.tokens[self.at]
        if wanted and kind not in wanted and not (kind == 'mark' and text in wanted):
            raise HclError(f'line {line}: {text!r} stands where {" or ".join(wanted)} must')
        self.at += 1
        return text

    def is_next(self, *texts):
        kind, text, _ = self.peek()
        return kind in ('mark', 'newline') and text in texts

    def skip(self):
        while self.is_next('\n'):
            self.at += 1

    def body(self, end):
        attributes, blocks = {}, []
        self.skip()
        while self.peek()[:2] != end:
            line = self.peek()[2]
            name = self.take('name')
            if self.is_next('='):
                self.take()
                if name in attributes:
                    raise HclError(f'line {line}: {name} stands twice')
                attributes[name] = self.expression()
            else:
                blocks.append(self.block(name))
            if self.peek()[:2] != end:
                self.take('newline')
            self.skip()
        return attributes, blocks

    def block(self, kind):
        labels = []
        while self.peek()[0] == 'string':
            labels.append(unquoted(self.take(), self.peek()[2]))
        self.take('{')
        attributes, blocks = {}, []
        if not self.is_next('}'):
            self.take('newline')
            attributes, blocks = self.body(('mark', '}'))
        self.take('}')
        return Block(kind, labels, attributes, blocks)

    def expression(self):
        kind, text, line = self.peek()
        if kind == 'string':
            return unquoted(self.take(), line)
        if kind == 'number':
            return float(self.take()) if '.' in text else int(self.take())
        if kind == 'name':
            return self.name()
        if self.is_next('['):
            return self.sequence('[', ']', self.expression)
        if self.is_next('{'):
            return self.object()
        raise HclError(f'line {line}: {text!r} stands where a value must')

    def name(self):
        parts = [self.take('name')]
        if parts[0] in ('true', 'false', 'null'):
            return {'true': True, 'false': False, 'null': None}[parts[0]]
        if self.is_next('('):
            return Call(parts[0], self.sequence('(', ')', self.expression))
        while self.is_next('.'):
            self.take()
            parts.append(self.take('name'))
        return Name(parts)

    def sequence(self, first, last, element):
        found = []
        self.take(first)
        self.skip()
        while not self.is_next(last):
            found.append(element())
            self.skip()
            if not self.is_next(last):
                self.take(',')
                self.skip()
        self.take(last)
        return found

    def object(self):
        found = {}
        self.take('{')
        self.skip()
        while not self.is_next('}'):
            line = self.peek()[2]
            key = self.take('name', 'string').strip('"')
            self.take('=')
            if key in found:
                raise HclError(f'line {line}: {key} stands twice')
            found[key] = self.expression()
            if not self.is_next('}'):
                self.take(',', 'newline')
            self.skip()
        self.take('}')
        return found


def parse(text):
    """The file's body as a Block without a kind; HclError tells the line."""
    return Block('', [], *Parser(text).body(('end', '')))


def names_in(value):
    """All names that a value refers to."""
    if isinstance(value, Name):
        yield value
    elif isinstance(value, (Text, list)):
        for one in value.parts if isinstance(value, Text) else value:
            yield from names_in(one)
    elif isinstance(value, Call):
        yield from names_in(value.arguments)
    elif isinstance(value, dict):
        yield from names_in(list(value.values()))
    elif isinstance(value, Block):
        yield from names_in(value.attributes)
        yield from names_in(value.blocks)
