# SPDX-License-Identifier: MIT
"""What a template of CloudFormation says once its parameters have values."""

import re

from lib.deploy.cloudformation import NO_VALUE, function_of

PSEUDO = {'AWS::AccountId': '123456789012', 'AWS::Partition': 'aws', 'AWS::Region': 'eu-central-1',
          'AWS::StackName': 'reportd', 'AWS::URLSuffix': 'amazonaws.com', 'AWS::StackId': 'stack'}
# Values that other stacks export.
EXPORTS = {'ReportsBucket': 'company-reports', 'LandingBucket': 'company-landing',
           'SecurityGroup': 'sg-1'}


class Stack:
    def __init__(self, template, parameters):
        self.template = template
        self.values = {**PSEUDO, **{name: one.get('Default') for name, one in
                                    template.parameters.items()}, **parameters}

    def missing(self):
        return [name for name in self.template.parameters if self.values.get(name) is None]

    def value(self, one):
        """A value with every function carried out; None for NoValue."""
        name, argument = function_of(one)
        if name is not None:
            return self.function(name, argument)
        if isinstance(one, dict):
            return {key: self.value(inner) for key, inner in one.items() if inner != NO_VALUE}
        if isinstance(one, list):
            return [found for found in map(self.value, one) if found is not None]
        return one

    def function(self, name, argument):
        if name == 'Ref':
            return None if argument == 'AWS::NoValue' else self.name(argument)
        if name == 'Fn::GetAtt':
            return self.name('.'.join(argument))
        if name == 'Fn::If':
            return self.value(argument[1 if self.holds(argument[0]) else 2])
        if name == 'Fn::Join':
            return argument[0].join(self.value(argument[1]))
        if name == 'Fn::ImportValue':
            export = self.value(argument).rpartition('-')[2]
            return EXPORTS.get(export, f'{export.lower()}-1')
        text, given = argument if isinstance(argument, list) else (argument, {})
        return re.sub(r'\$\{([^}]*)\}', lambda match: str(
            self.value(given[match[1]]) if match[1] in given else self.name(match[1])), text)

    def name(self, name):
        if name in self.values:
            return self.values[name]
        resource, _, attribute = name.partition('.')
        return f'arn:aws:sns:eu-central-1:123456789012:{resource}' if attribute == 'Arn' or \
            self.template.resources[resource]['Type'] == 'AWS::SNS::Topic' else f'{resource}-1'

    def holds(self, name):
        def truth(one):
            function, argument = function_of(one)
            if function == 'Fn::Not':
                return not truth(argument[0])
            assert function == 'Fn::Equals'
            return self.value(argument[0]) == self.value(argument[1])
        return truth(self.template.conditions[name])

    def properties(self, resource):
        return self.value(self.template.resources[resource]['Properties'])
