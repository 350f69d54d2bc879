# SPDX-License-Identifier: MIT
"""Checks the sample for Terraform: that it can be read, that names and references are
known, that policies and the task are as those of CloudFormation must be."""

import pathlib

from lib.deploy import hardening, hcl, iam
from lib.deploy.secrets import plain_secret
from lib.deploy.shape import Shapes, table

TABLE = table(pathlib.Path(__file__).with_name('terraform.yaml'))
META = {'depends_on', 'count', 'for_each', 'lifecycle', 'provider'}
FUNCTIONS = {'jsonencode': 1, 'join': 2, 'list': 1}
UNKNOWN = hcl.Name, hcl.Call, hcl.Text


class Folder:
    def __init__(self, texts):
        self.faults, self.blocks = [], []
        for name, text in texts.items():
            try:
                self.blocks += hcl.parse(text).blocks
            except hcl.HclError as e:
                self.fault(name, str(e))
        self.variables = self.named('variable')
        self.locals = {key: one for block in self.of('locals')
                       for key, one in block.attributes.items()}
        self.things = {}
        for kind in 'resource', 'data':
            for block in self.of(kind):
                if tuple(block.labels) in self.things.setdefault(kind, {}):
                    self.fault(' '.join(block.labels), 'stands twice')
                self.things[kind][tuple(block.labels)] = block

    def fault(self, at, text):
        if f'{at}: {text}' not in self.faults:
            self.faults.append(f'{at}: {text}')

    def of(self, kind):
        return [one for one in self.blocks if one.kind == kind]

    def named(self, kind):
        return {one.labels[0]: one for one in self.of(kind) if len(one.labels) == 1}

    def check(self):
        if self.faults:
            return self.faults
        self.check_blocks()
        if not self.faults:
            self.check_types()
        self.check_names()
        if not self.faults:
            self.check_policies()
            self.check_task()
            self.check_groups()
            self.check_schedules()
        return self.faults

    def check_blocks(self):
        for block in self.blocks:
            at = '.'.join([block.kind, *map(str, block.labels)])
            if block.kind in ('resource', 'data'):
                known = TABLE[block.kind].get(block.labels[0])
                if len(block.labels) != 2 or known is None:
                    self.fault(at, 'its type is unknown')
                    continue
                shape = known['shape']
            elif block.kind == 'locals':
                continue
            elif block.kind in ('variable', 'output', 'terraform'):
                shape = TABLE[block.kind]
            else:
                self.fault(at, 'is no block that is used here')
                continue
            Shapes(self.faults, skip=lambda value: isinstance(value, UNKNOWN)).hold(
                shape, self.plain(block), at)
        if not self.of('terraform'):
            self.fault('terraform', 'no version is required')

    def plain(self, block):
        """A block as an object; nested blocks are lists."""
        found = {key: one for key, one in block.attributes.items() if key not in META}
        for one in block.blocks:
            found.setdefault(one.kind, []).append(self.plain(one))
        return found

    def check_names(self):
        used = set()
        for block in self.blocks:
            for key, value in self.values(block):
                if isinstance(value, str) and plain_secret(str(key), value):
                    self.fault(str(key), 'holds a secret')
                if isinstance(value, hcl.Call) and FUNCTIONS.get(value.function) != len(
                        value.arguments):
                    self.fault(value.function, 'is no function that is used here')
            if block.kind == 'variable':
                continue
            for name in hcl.names_in(block):
                used.add(name.parts[1] if len(name.parts) > 1 else '')
                if not self.is_known(name.parts):
                    self.fault('.'.join(name.parts), 'there is none')
        for name in self.variables:
            if name not in used:
                self.fault(f'variable.{name}', 'nothing uses it')

    def check_types(self):
        for name, block in self.variables.items():
            kind = block.attributes['type']
            inner = kind.arguments[0] if isinstance(kind, hcl.Call) else kind
            if not isinstance(inner, hcl.Name) or inner.parts not in (
                    ['string'], ['number'], ['bool']):
                self.fault(f'variable.{name}', 'its type must be string, number, bool or a list')

    def values(self, value, key=''):
        """(name, value) of everything in a block; of {name, value} its own name."""
        yield key, value
        if isinstance(value, hcl.Block):
            yield from self.values(value.attributes, value.kind)
            for one in value.blocks:
                yield from self.values(one)
        elif isinstance(value, dict):
            if set(value) == {'name', 'value'}:
                yield from self.values(value['value'], value['name'])
                return
            for name, one in value.items():
                yield from self.values(one, name)
        elif isinstance(value, (list, hcl.Call)):
            for one in value.arguments if isinstance(value, hcl.Call) else value:
                yield from self.values(one, key)

    def is_known(self, parts):
        head, *rest = parts
        if head == 'var':
            return len(rest) == 1 and rest[0] in self.variables
        if head == 'local':
            return len(rest) == 1 and rest[0] in self.locals
        kind = 'data' if head == 'data' else 'resource'
        path = tuple(rest if head == 'data' else parts)
        if path[:2] not in self.things.get(kind, {}):
            return False
        # depends_on names a resource as a whole.
        return len(path) == 2 or (
            len(path) == 3 and path[2] in TABLE[kind][path[0]]['exports'])

    def check_policies(self):
        for (kind, name), block in self.things['data'].items():
            if kind != 'aws_iam_policy_document':
                continue
            statements = [self.statement(one) for one in block.of('statement')]
            found = []
            iam.check_policy({'Version': '2012-10-17', 'Statement': statements}, name, found,
                             any('Principal' in one for one in statements))
            for text in found:
                self.fault(*text.split(': ', 1))

    def statement(self, block):
        own, found = block.attributes, {}
        found['Effect'] = own.get('effect', 'Allow')
        found['Action'] = own['actions']
        if 'resources' in own:
            found['Resource'] = [self.text(one) for one in own['resources']]
        for one in block.of('principals'):
            found.setdefault('Principal', {})[one.attributes['type']] = one.attributes['identifiers']
        for one in block.of('condition'):
            found.setdefault('Condition', {}).setdefault(one.attributes['test'], {})[
                one.attributes['variable']] = [self.text(value) for value in
                                               one.attributes['values']]
        return found

    def text(self, value):
        """A text with each name as ${name}."""
        if isinstance(value, hcl.Name):
            return '${' + '.'.join(value.parts) + '}'
        if isinstance(value, hcl.Text):
            return ''.join(one if isinstance(one, str) else self.text(one) for one in value.parts)
        return value

    def check_task(self):
        """The container of the task, by the rules for that of CloudFormation."""
        container = self.locals.get('container')
        Shapes(self.faults, skip=lambda value: isinstance(value, UNKNOWN)).hold(
            TABLE['container'], container, 'local.container')
        volumes = {one.attributes['name'] for key, block in self.things['resource'].items()
                   if key[0] == 'aws_ecs_task_definition' for one in block.of('volume')}
        if not self.faults:
            for text in hardening.container_faults(self.capital(container), volumes):
                self.fault('local.container', text)

    def capital(self, value):
        """{stopTimeout: ...} as {StopTimeout: ...}, with names of names."""
        if isinstance(value, dict):
            return {key if '-' in key else key[:1].upper() + key[1:]: self.capital(one)
                    for key, one in value.items()}
        if isinstance(value, list):
            return [self.capital(one) for one in value]
        return {} if isinstance(value, UNKNOWN) else value

    def check_schedules(self):
        for (kind, name), block in self.things['resource'].items():
            if kind == 'aws_scheduler_schedule':
                for text in hardening.rate_faults(
                        'schedule_expression', block.attributes.get('schedule_expression')):
                    self.fault(name, text)

    def check_groups(self):
        for (kind, name), block in self.things['resource'].items():
            for way in ('ingress', 'egress') if kind == 'aws_security_group' else ():
                for rule in block.of(way):
                    own = rule.attributes
                    for cidr in own.get('cidr_blocks', [None]):
                        for text in hardening.rule_faults(
                                {'IpProtocol': own['protocol'], 'FromPort': own['from_port'],
                                 'ToPort': own['to_port'], **({'CidrIp': cidr} if cidr else {})},
                                'SecurityGroup' + way.capitalize()):
                            self.fault(name, text)


def check_texts(texts):
    return Folder(texts).check()


def check_folder(folder):
    return check_texts({path.name: path.read_text() for path in sorted(folder.glob('*.tf'))})
