# SPDX-License-Identifier: MIT
"""Checks templates of CloudFormation: that they resolve, that types and properties are
known, and, by the two modules beside it, that policies and settings are as they should."""

import pathlib
import re

import yaml
from lib.deploy import hardening, iam, yamlfile
from lib.deploy.secrets import plain_secret
from lib.deploy.shape import Shapes, table

TYPES = table(pathlib.Path(__file__).with_name('cloudformation.yaml'))
SECTIONS = {'AWSTemplateFormatVersion', 'Description', 'Parameters', 'Conditions', 'Resources',
            'Outputs'}
RESOURCE = {'Type', 'Properties', 'Condition', 'DependsOn', 'DeletionPolicy',
            'UpdateReplacePolicy', 'Metadata'}
PARAMETER = {
    'Type!': 'String | Number | CommaDelimitedList | AWS::EC2::VPC::Id | '
             'AWS::EC2::SecurityGroup::Id | List<AWS::EC2::SecurityGroup::Id> | '
             'AWS::EC2::Subnet::Id | List<AWS::EC2::Subnet::Id>',
    'Description': 'string', 'Default': 'string', 'NoEcho': 'boolean',
    'AllowedValues': ['string'], 'AllowedPattern': 'string', 'ConstraintDescription': 'string',
    'MinLength': 'integer', 'MaxLength': 'integer', 'MinValue': 'number', 'MaxValue': 'number'}
OUTPUT = {'Value!': 'any', 'Description': 'string', 'Condition': 'string',
          'Export': {'Name!': 'any'}}
PSEUDO = {'AWS::' + name for name in ('AccountId', 'NoValue', 'Partition', 'Region', 'StackId',
                                      'StackName', 'URLSuffix')}
FUNCTIONS = {'Ref', 'Condition'} | {'Fn::' + name for name in (
    'GetAtt', 'Sub', 'Join', 'If', 'Select', 'ImportValue', 'Equals', 'Not', 'And', 'Or')}
# Properties that name another resource, when they name one of the template, and its type.
KINDS = {
    'AlarmActions': 'AWS::SNS::Topic', 'OKActions': 'AWS::SNS::Topic',
    'ApiId': 'AWS::ApiGatewayV2::Api', 'Bucket': 'AWS::S3::Bucket', 'Cluster': 'AWS::ECS::Cluster',
    'DestinationBucketName': 'AWS::S3::Bucket', 'ExecutionRoleArn': 'AWS::IAM::Role',
    'FunctionName': 'AWS::Lambda::Function', 'GroupName': 'AWS::Scheduler::ScheduleGroup',
    'IntegrationUri': 'AWS::Lambda::Function', 'LogGroup': 'AWS::Logs::LogGroup',
    'Queues': 'AWS::SQS::Queue', 'Role': 'AWS::IAM::Role', 'RoleArn': 'AWS::IAM::Role',
    'Roles': 'AWS::IAM::Role', 'SourceSecurityGroupId': 'AWS::EC2::SecurityGroup',
    'TaskRoleArn': 'AWS::IAM::Role', 'TopicArn': 'AWS::SNS::Topic', 'Topics': 'AWS::SNS::Topic',
    'DeadLetterConfig.Arn': 'AWS::SQS::Queue', 'Target.Arn': 'AWS::Lambda::Function',
    'awslogs-group': 'AWS::Logs::LogGroup'}
# The service that uses the role of a resource.
ROLES = {
    'AWS::ECS::TaskDefinition': {'TaskRoleArn': 'ecs-tasks.amazonaws.com',
                                 'ExecutionRoleArn': 'ecs-tasks.amazonaws.com'},
    'AWS::Lambda::Function': {'Role': 'lambda.amazonaws.com'},
    'AWS::Scheduler::Schedule': {'Target.RoleArn': 'scheduler.amazonaws.com'}}
# Properties that want an ARN, and types whose Ref is one.
ARNS = {'Arn', 'DestinationArn', 'ExecutionRoleArn', 'IntegrationUri', 'Role', 'RoleArn',
        'TaskRoleArn', 'TopicArn'}
REF_IS_ARN = {'AWS::ECS::TaskDefinition', 'AWS::IAM::ManagedPolicy', 'AWS::SNS::Topic'}
NO_VALUE = {'Ref': 'AWS::NoValue'}


def function_of(value):
    """(name, argument) of a function, or (None, None)."""
    if isinstance(value, dict) and len(value) == 1:
        name = next(iter(value))
        if name == 'Ref' or name.startswith('Fn::'):
            return name, value[name]
    return None, None


def chosen(value, branch):
    """value with each If replaced by one of its branches, 1 or 2, and without NoValue."""
    name, argument = function_of(value)
    if name == 'Fn::If' and isinstance(argument, list) and len(argument) == 3:
        return chosen(argument[branch], branch)
    if isinstance(value, dict):
        found = {key: chosen(one, branch) for key, one in value.items()}
        return {key: one for key, one in found.items() if one != NO_VALUE}
    if isinstance(value, list):
        return [one for one in (chosen(one, branch) for one in value) if one != NO_VALUE]
    return value


def places(at):
    """The last names of a path, without numbers: `Target.Arn` and `Arn`."""
    names = re.sub(r'\[\d+\]', '', at).split('.')
    return ['.'.join(names[-2:]), names[-1]]


class Properties(Shapes):
    """A function is any scalar; a list must be one, or come from a parameter of lists."""

    def __init__(self, template, faults):
        super().__init__(faults, lax=True)
        self.template = template

    def hold(self, shape, value, at):
        name, argument = function_of(value)
        if name is None:
            super().hold(shape, value, at)
        elif isinstance(shape, str):
            self.hold_result(shape, name, argument, at)
        elif isinstance(shape, dict) or (isinstance(shape, list) and not (
                name == 'Ref' and self.template.is_list(argument))):
            self.faults.append(f'{at}: {name} gives no {"list" if isinstance(shape, list) else "object"}')

    def hold_result(self, shape, name, argument, at):
        """What is known of a function's result: a parameter's values, the text of Sub."""
        if name == 'Ref' and self.template.is_list(argument):
            self.faults.append(f'{at}: {argument} is a list')
        elif name == 'Ref' and isinstance(argument, str):
            for value in self.template.values(argument):
                if not self.fits(shape, value):
                    self.faults.append(f'{at}: {argument} may be {value!r}, which is not '
                                       + self.wanted(shape))
        elif name == 'Fn::Sub' and shape.startswith('/') and isinstance(argument, str):
            super().hold(shape, re.sub(r'\$\{[^}]*\}', 'x', argument), at)


class Template:
    def __init__(self, text):
        self.text, self.faults = text, []
        self.used, self.edges, self.imports = set(), {}, set()
        self.body = self.read()
        self.parameters, self.conditions, self.resources, self.outputs = (
            self.part(name) for name in ('Parameters', 'Conditions', 'Resources', 'Outputs'))

    def fault(self, at, text):
        if f'{at}: {text}' not in self.faults:
            self.faults.append(f'{at}: {text}')

    def read(self):
        try:
            for token in yaml.scan(self.text, yamlfile.Loader):
                if isinstance(token, yaml.ScalarToken) and token.plain and re.fullmatch(
                        'y|n|yes|no|on|off', token.value, re.I):
                    self.fault('YAML', f'line {token.start_mark.line + 1}: {token.value} is '
                               'true or false to CloudFormation: quote it')
                if isinstance(token, (yaml.AliasToken, yaml.AnchorToken)):
                    self.fault('YAML', f'line {token.start_mark.line + 1}: CloudFormation '
                               'knows no aliases')
            documents = yamlfile.documents(self.text)
        except yaml.YAMLError as e:
            self.fault('YAML', ' '.join(str(e).split()))
            return {}
        if len(documents) != 1 or not isinstance(documents[0], dict):
            self.fault('YAML', 'is not one object')
            return {}
        return documents[0]

    def part(self, name):
        """A section, without what is no object: that is a fault."""
        found = self.body.get(name) or {}
        wrong = [name] if not isinstance(found, dict) else [
            f'{name}.{key}' for key, one in found.items() if not isinstance(one, dict)]
        for at in wrong:
            self.fault(at, 'must be an object')
        return {key: one for key, one in found.items() if isinstance(one, dict)} \
            if isinstance(found, dict) else {}

    def is_list(self, name):
        return isinstance(name, str) and str(self.parameters.get(name, {}).get('Type', '')).startswith(
            ('List<', 'CommaDelimitedList'))

    def values(self, name):
        """Values that a parameter is known to take."""
        one = self.parameters.get(name, {})
        known = [one.get(key) for key in ('Default', 'MinValue', 'MaxValue')]
        known += one['AllowedValues'] if isinstance(one.get('AllowedValues'), list) else []
        # One that is empty chooses a condition.
        return [value for value in known if value not in (None, '')]

    def exports(self):
        """The names after the stack's own: `Cluster` of `${AWS::StackName}-Cluster`."""
        exports = [one.get('Export') for one in self.outputs.values()]
        names = [one.get('Name') for one in exports if isinstance(one, dict)]
        return {name['Fn::Sub'].removeprefix('${AWS::StackName}-') for name in names
                if isinstance(name, dict) and isinstance(name.get('Fn::Sub'), str)}

    def kind_of_export(self, wanted):
        """The type of the resource that an exported name belongs to; None: unknown."""
        for one in self.outputs.values():
            export = one.get('Export')
            if isinstance(export, dict) and export.get('Name') == {
                    'Fn::Sub': '${AWS::StackName}-' + wanted}:
                _, argument = function_of(one.get('Value'))
                target = argument[0] if isinstance(argument, list) else str(argument)
                return self.resources.get(target.partition('.')[0], {}).get('Type')
        return None

    def check(self):
        for name in set(self.body) - SECTIONS:
            self.fault(name, 'is no section of a template, or one that is not used here')
        if self.body.get('AWSTemplateFormatVersion') != '2010-09-09':
            self.fault('AWSTemplateFormatVersion', "must be '2010-09-09'")
        if not self.resources:
            self.fault('Resources', 'there is none')
        for name in [*self.parameters, *self.resources, *self.outputs]:
            if not re.fullmatch('[A-Za-z0-9]{1,255}', str(name)):
                self.fault(name, 'a name has letters and digits')
        for name, one in self.parameters.items():
            self.check_parameter(name, one)
        for name, one in self.conditions.items():
            self.check_condition(one, f'Conditions.{name}')
        for name, one in self.resources.items():
            self.check_resource(name, one)
        for name, one in self.outputs.items():
            self.check_output(name, one)
        self.check_circles()
        if not self.faults:
            self.check_rules()
        for name in {*self.parameters, *self.conditions} - self.used:
            self.fault(name, 'is a parameter or a condition that nothing uses')
        return self.faults

    def check_condition(self, one, at):
        name, argument = function_of(one)
        if name == 'Fn::Not' and isinstance(argument, list) and len(argument) == 1:
            self.check_condition(argument[0], at)
        elif name in ('Fn::And', 'Fn::Or') and isinstance(argument, list) and len(argument) > 1:
            for inner in argument:
                self.check_condition(inner, at)
        elif name == 'Fn::Equals' and isinstance(argument, list) and len(argument) == 2 and all(
                isinstance(inner, str) or function_of(inner)[0] for inner in argument):
            self.walk(argument, at, frozenset(), None)
        else:
            self.fault(at, 'must be Equals of two values, or Not, And, Or of conditions')

    def check_rules(self):
        """Both ways of each condition."""
        self.check_trust()
        for branch in 1, 2:
            for name, one in chosen(self.resources, branch).items():
                if branch == 2 and 'Condition' in one:
                    continue
                try:
                    found = hardening.faults_of(name, one, self.resources)
                except (AttributeError, IndexError, KeyError, TypeError, ValueError) as e:
                    found = [f'has not the form that the checks know: {e!r}']
                for text in found:
                    self.fault(name, text)

    def check_trust(self):
        """Whoever is given a role of the template is one whom the role trusts."""
        for name, one in self.resources.items():
            for key, service in ROLES.get(one['Type'], {}).items():
                own = one['Properties']
                for part in key.split('.'):
                    own = own.get(part, {})
                _, target = function_of(own)
                role = self.resources.get(target[0] if isinstance(target, list) else target)
                if role and service not in str(role['Properties']['AssumeRolePolicyDocument']):
                    self.fault(name, f'{key}: the role does not trust {service}')

    def check_parameter(self, name, one):
        Shapes(self.faults, lax=True).hold(PARAMETER, one, f'Parameters.{name}')
        if 'AllowedPattern' in one:
            try:
                re.compile(str(one['AllowedPattern']))
            except re.error as e:
                self.fault(f'Parameters.{name}', f'AllowedPattern: {e}')
                return
        limits = [float(one[key]) for key in ('MinValue', 'Default', 'MaxValue')
                  if re.fullmatch(r'\d+', str(one.get(key)))]
        if one.get('Type') == 'Number' and limits != sorted(limits):
            self.fault(f'Parameters.{name}', 'Default is not from MinValue to MaxValue')
        if 'Default' not in one:
            return
        default = str(one['Default'])
        if 'AllowedValues' in one and default not in map(str, one['AllowedValues']):
            self.fault(f'Parameters.{name}', 'Default is not one of AllowedValues')
        if 'AllowedPattern' in one and not re.fullmatch(one['AllowedPattern'], default):
            self.fault(f'Parameters.{name}', 'Default is not as AllowedPattern')
        if plain_secret(name, default):
            self.fault(f'Parameters.{name}', 'Default is a secret')

    def check_resource(self, name, one):
        at = f'Resources.{name}'
        if not isinstance(one.get('Type'), str) or one['Type'] not in TYPES:
            self.fault(at, 'its Type is unknown')
            return
        for key in 'DeletionPolicy', 'UpdateReplacePolicy':
            if str(one.get(key, 'Delete')) not in ('Delete', 'Retain'):
                self.fault(f'{at}.{key}', 'must be Delete or Retain')
        if not isinstance(one.get('Properties', {}), dict):
            self.fault(at, 'Properties must be an object')
            return
        for key in set(one) - RESOURCE:
            self.fault(f'{at}.{key}', 'unknown')
        known = frozenset()
        if 'Condition' in one:
            known = frozenset([str(one['Condition'])])
            self.need_condition(one['Condition'], at)
        for other in map(str, iam.listed(one.get('DependsOn', []))):
            self.edges.setdefault(name, set()).add(other)
            if other not in self.resources:
                self.fault(at, f'DependsOn: there is no {other}')
        self.walk(one.get('Properties', {}), at, known, name)
        for branch in 1, 2:
            found = []
            Properties(self, found).hold(TYPES[one['Type']]['properties'],
                                         chosen(one.get('Properties', {}), branch), at)
            for text in found:
                self.fault(*text.split(': ', 1))

    def check_output(self, name, one):
        at = f'Outputs.{name}'
        Shapes(self.faults, lax=True).hold(OUTPUT, one, at)
        if isinstance(one, dict):
            known = frozenset([str(one['Condition'])]) if 'Condition' in one else frozenset()
            for key in 'Value', 'Export':
                self.walk(one.get(key), at, known, None)

    # ---- what names mean ----

    def walk(self, value, at, known, owner):
        """known: conditions that hold here; owner: the resource, for circles."""
        name, argument = function_of(value)
        if name is not None:
            self.check_function(name, argument, at, known, owner)
        elif isinstance(value, dict):
            for key, one in value.items():
                if isinstance(one, str) and plain_secret(str(key), one):
                    self.fault(f'{at}.{key}', 'holds a secret; give the ARN of one')
                self.walk(one, f'{at}.{key}', known, owner)
            self.check_variable(value, at)
        elif isinstance(value, list):
            for number, one in enumerate(value):
                self.walk(one, f'{at}[{number}]', known, owner)
        elif isinstance(value, str) and '${' in value and not at.endswith('.ZipFile'):
            self.fault(at, 'has ${...} without Sub')

    def check_variable(self, value, at):
        """{Name, Value}, as ECS writes a variable."""
        if set(value) == {'Name', 'Value'} and isinstance(value['Value'], str) \
                and isinstance(value['Name'], str) and plain_secret(value['Name'], value['Value']):
            self.fault(f'{at}.{value["Name"]}', 'holds a secret; give the ARN of one')

    def check_function(self, name, argument, at, known, owner):
        if name not in FUNCTIONS:
            self.fault(at, f'{name} is unknown, or not used here')
        elif name == 'Ref':
            self.need(argument, None, at, known, owner)
        elif name == 'Fn::GetAtt':
            parts = argument if isinstance(argument, list) else str(argument).split('.', 1)
            if len(parts) != 2:
                self.fault(at, f'GetAtt of {argument}: must be NAME.ATTRIBUTE')
            else:
                self.need(*parts, at, known, owner)
        elif name == 'Fn::Sub':
            self.check_sub(argument, at, known, owner)
        elif name == 'Fn::If':
            self.check_if(argument, at, known, owner)
        elif name == 'Condition':
            self.need_condition(argument, at)
        else:
            if name == 'Fn::ImportValue':
                self.note_import(argument, at)
            if name == 'Fn::Join' and not self.is_join(argument):
                self.fault(at, 'Join wants a text and a list')
            self.walk(argument, at, known, owner)

    def check_if(self, argument, at, known, owner):
        if not isinstance(argument, list) or len(argument) != 3 or \
                not isinstance(argument[0], str):
            self.fault(at, 'If wants a condition and two values')
            return
        self.need_condition(argument[0], at)
        self.walk(argument[1], at, known | {argument[0]}, owner)
        self.walk(argument[2], at, known, owner)

    def check_sub(self, argument, at, known, owner):
        text, given = argument if isinstance(argument, list) and len(argument) == 2 \
            else (argument, {})
        if not isinstance(text, str) or not isinstance(given, dict):
            self.fault(at, 'Sub wants a text, and an object of values for it')
            return
        names = re.findall(r'\$\{([^!}][^}]*)\}', text)
        if not names:
            self.fault(at, 'Sub has nothing to put in')
        for name in set(given) - set(names):
            self.fault(at, f'Sub does not use {name}')
        for one in names:
            if one not in given:
                target, _, attribute = one.partition('.')
                self.need(target, attribute or None, at, known, owner)
        for name, one in given.items():
            if not isinstance(one, str) and function_of(one)[0] is None:
                self.fault(at, f'{name} of Sub must be a text')
            self.walk(one, at, known, owner)

    def is_join(self, argument):
        if not isinstance(argument, list) or len(argument) != 2 or \
                not isinstance(argument[0], str):
            return False
        name, inner = function_of(argument[1])
        return isinstance(argument[1], list) or (name == 'Ref' and self.is_list(inner))

    def note_import(self, argument, at):
        text = argument.get('Fn::Sub') if isinstance(argument, dict) else None
        match = re.fullmatch(r'\$\{(\w+)Stack\}-(\w+)', text) if isinstance(text, str) else None
        kind = next((KINDS[key] for key in places(at) if key in KINDS), None)
        if match:
            self.imports.add((match[1].lower(), match[2], kind))
        else:
            self.fault(at, "ImportValue wants !Sub '${NAMEStack}-OUTPUT'")

    def need_condition(self, name, at):
        if not isinstance(name, str):
            self.fault(at, f'{name!r} is no condition')
            return
        self.used.add(name)
        if name not in self.conditions:
            self.fault(at, f'there is no condition {name}')

    def need(self, target, attribute, at, known, owner):
        """Something that Ref, GetAtt or Sub names."""
        if not isinstance(target, str) or not isinstance(attribute, (str, type(None))):
            self.fault(at, f'{target!r} is no name')
            return
        if attribute is None and (target in PSEUDO or target in self.parameters):
            self.used.add(target)
            return
        resource = self.resources.get(target)
        if not isinstance(resource, dict):
            self.fault(at, f'there is no {target}')
            return
        self.edges.setdefault(owner, set()).add(target)
        kind = next((KINDS[key] for key in places(at) if key in KINDS), resource.get('Type'))
        if kind != resource.get('Type'):
            self.fault(at, f'{target} is no {kind}')
        if attribute is None and places(at)[-1] in ARNS and kind not in REF_IS_ARN:
            self.fault(at, f'Ref of {target} is its name; GetAtt gives the ARN')
        condition = resource.get('Condition')
        if condition and condition not in known:
            self.fault(at, f'{target} is there only if {condition}')
        known_type = TYPES.get(str(resource.get('Type')))
        if attribute and known_type and attribute not in known_type['attributes']:
            self.fault(at, f'{target} has no attribute {attribute}; there are: '
                       + ', '.join(known_type['attributes']))

    def check_circles(self):
        done = set()

        def visit(name, path):
            if name in path:
                self.fault(name, 'waits for itself: ' + ' -> '.join(
                    [*path[path.index(name):], name]))
            elif name not in done:
                for other in sorted(self.edges.get(name, ())):
                    visit(other, [*path, name])
                done.add(name)
        for name in self.resources:
            visit(name, [])


def check_together(templates):
    """Faults of templates {stem of the file: Template}: each alone, and that each import
    names an output that the other exports."""
    faults = []
    for stem, one in templates.items():
        faults += [f'{stem}: {text}' for text in one.check()]
        for other, name, kind in sorted(one.imports, key=str):
            if other not in templates:
                faults.append(f'{stem}: imports from {other}.yaml, which is not there')
            elif name not in templates[other].exports():
                faults.append(f'{stem}: {other}.yaml exports no {name}')
            elif kind and templates[other].kind_of_export(name) not in (None, kind):
                faults.append(f'{stem}: {name} of {other}.yaml is no {kind}')
    return faults
