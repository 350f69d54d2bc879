# SPDX-License-Identifier: MIT
"""The files of deploy/ and .github/, and the check that each kind has."""

import re

import yaml
from lib.deploy import kubernetes, terraform, workflow, yamlfile
from lib.deploy.cloudformation import Template, check_together
from lib.deploy.settings import Settings

# Variables that begin as settings do, and are none.
OTHERS = {'REPORTD_URL'}
# Made by hand before the manifests are applied; the pages of the manual say how.
GIVEN = {('Secret', 'reportd-logins'), ('Secret', 'reportd-scaler')}


def templates(root):
    return {path.stem: path.read_text()
            for path in sorted((root / 'deploy/cloudformation').glob('*.yaml'))}


def check_templates(texts):
    return check_together({stem: Template(text) for stem, text in texts.items()})


def manifests(root, way):
    """{path: text} of what `kubectl apply -k deploy/kubernetes/WAY` applies."""
    folder = root / 'deploy/kubernetes'
    return {f'{part}/{path.name}': path.read_text() for part in ('common', way)
            for path in sorted((folder / part).glob('*.yaml'))
            if path.name != 'images.yaml'}


def read_manifests(texts, faults=None):
    documents = []
    for name, text in texts.items():
        try:
            documents += yamlfile.documents(text)
        except yaml.YAMLError as e:
            faults.append(f'{name}: ' + ' '.join(str(e).split()))
    return documents


def check_manifests(texts):
    faults = []
    documents = read_manifests(texts, faults)
    if not faults:
        faults = kubernetes.Manifests(documents, GIVEN).check()
    return faults or check_lists(texts)


def check_lists(texts):
    """Each kustomization lists the files that lie beside it, and no other."""
    faults = []
    for name, text in texts.items():
        folder, _, file = name.rpartition('/')
        if file != 'kustomization.yaml':
            continue
        listed = {one for document in yamlfile.documents(text) for one in document['resources']
                  if not one.startswith('../')}
        there = {other.rpartition('/')[2] for other in texts
                 if other.startswith(folder + '/')} - {file}
        for one in sorted(listed ^ there):
            faults.append(f'{name}: resources and the folder differ in {one}')
    return faults


def check_variables(text, settings):
    """Variables of a file that the program has no setting for."""
    return [fault for name in sorted(set(re.findall(r'\bREPORTD_\w*[^\W_]\b', text)))
            if name not in OTHERS and (fault := settings.fault(name))]


def check_all(root):
    """Every fault, with the file or the folder that has it."""
    found = [f'deploy/cloudformation: {text}' for text in check_templates(templates(root))]
    for way in 'daemon', 'keda':
        found += [f'deploy/kubernetes/{way}: {text}'
                  for text in check_manifests(manifests(root, way))]
    found += [f'deploy/terraform: {text}'
              for text in terraform.check_folder(root / 'deploy/terraform')]
    for path in sorted((root / '.github/workflows').glob('*.yml')):
        found += [f'{path.name}: {text}' for text in workflow.check(path.read_text())]
    settings = Settings(root)
    for path in sorted([*(root / 'deploy').rglob('*.*'), *(root / '.github').rglob('*.yml')]):
        if path.suffix in ('.yaml', '.yml', '.tf', '.py', '.md'):
            found += [f'{path.relative_to(root)}: {text}'
                      for text in check_variables(path.read_text(), settings)]
    return found
