# SPDX-License-Identifier: MIT
"""YAML as CloudFormation, Kubernetes and workflows read it: true and false are the only
booleans, a date is text, and a key that stands twice is an error."""

import re

import yaml

# Functions whose long form has no "Fn::".
BARE = 'Ref', 'Condition'


class Loader(getattr(yaml, 'CSafeLoader', yaml.SafeLoader)):
    pass


Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers
            if tag not in ('tag:yaml.org,2002:timestamp', 'tag:yaml.org,2002:bool')]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}
Loader.add_implicit_resolver('tag:yaml.org,2002:bool',
                             re.compile('true|false'), list('tf'))


def mapping(loader, node):
    loader.flatten_mapping(node)
    found = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in found:
            raise yaml.constructor.ConstructorError(
                None, None, f'the key {key!r} stands twice', key_node.start_mark)
        found[key] = loader.construct_object(value_node, deep=True)
    return found


def function(loader, suffix, node):
    """`!GetAtt a.b` is {'Fn::GetAtt': ['a', 'b']}."""
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == 'GetAtt':
            value = value.split('.', 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = mapping(loader, node)
    return {suffix if suffix in BARE else 'Fn::' + suffix: value}


Loader.add_constructor('tag:yaml.org,2002:map', mapping)
Loader.add_multi_constructor('!', function)


def documents(text):
    """The documents of a text, without empty ones; yaml.YAMLError tells the line."""
    return [one for one in yaml.load_all(text, Loader) if one is not None]
