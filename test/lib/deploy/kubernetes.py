# SPDX-License-Identifier: MIT
"""Checks manifests of Kubernetes and KEDA: names and types, what they refer to, the
restricted pod security standard, and what scaling from zero asks of a ScaledJob."""

import pathlib
import re

from lib.deploy import times
from lib.deploy.secrets import plain_secret
from lib.deploy.shape import Shapes, table

SHAPES = table(pathlib.Path(__file__).with_name('kubernetes.yaml'))
# The ways to log in of a PostgreSQL trigger: names in metadata, and as parameters.
PROBES = {'livenessProbe': '/healthz', 'readinessProbe': '/readyz'}
PARTS = {'host', 'port', 'userName', 'dbName', 'sslmode'}


def key_of(document):
    return f'{document.get("apiVersion")} {document.get("kind")}'


def at_of(document):
    metadata = document.get('metadata')
    name = metadata.get('name') or '' if isinstance(metadata, dict) else ''
    return f'{document.get("kind")} {name}'.strip()


def pod_of(document):
    """The pod template of an object, and the path to it."""
    spec = document['spec']
    if document['kind'] == 'ScaledJob':
        return spec['jobTargetRef']['template'], '.spec.jobTargetRef.template'
    return spec.get('template'), '.spec.template'


def name_of(image):
    """An image without its tag and digest."""
    return re.sub(r'(:[^:/@]*)?(@.*)?$', '', image)


class Manifests:
    """Documents that are applied together. `given` names what their reader makes."""

    def __init__(self, documents, given=()):
        self.documents, self.given, self.faults = documents, set(given), []

    def check(self):
        for one in self.documents:
            self.check_shape(one)
        if self.faults:
            return self.faults
        for one in self.documents:
            if one['kind'] == 'Kustomization':
                self.must_have('Namespace', one.get('namespace'), 'Kustomization.namespace')
            else:
                self.check_object(one)
        self.check_network()
        self.check_images()
        return self.faults

    def fault(self, at, text):
        self.faults.append(f'{at}: {text}')

    def check_shape(self, document):
        if not isinstance(document, dict) or key_of(document) not in SHAPES:
            self.fault('a document', 'apiVersion and kind are none of '
                       + ', '.join(key for key in SHAPES if not key.startswith('.')))
            return
        Shapes(self.faults).hold(SHAPES[key_of(document)], document, at_of(document))

    def has(self, kind, name):
        return (kind, name) in self.given or any(
            one['kind'] == kind and one['metadata']['name'] == name
            for one in self.documents if 'metadata' in one)

    def must_have(self, kind, name, at):
        if not self.has(kind, name):
            self.fault(at, f'there is no {kind} {name}')

    def check_object(self, one):
        at, kind = at_of(one), one['kind']
        if kind == 'Namespace':
            labels = one['metadata'].get('labels', {})
            if labels.get('pod-security.kubernetes.io/enforce') != 'restricted':
                self.fault(at, 'must enforce the pod security standard restricted')
            return
        self.must_have('Namespace', one['metadata'].get('namespace'), at + '.metadata.namespace')
        for place, name, value in settings_of(one):
            if plain_secret(name, value):
                self.fault(at + place, f'{name} holds a secret; name a Secret instead')
        check = getattr(self, 'check_' + kind.lower(), None)
        if check:
            check(one, at)

    def check_serviceaccount(self, one, at):
        if one['automountServiceAccountToken']:
            self.fault(at, 'automountServiceAccountToken must be false')

    def check_service(self, one, at):
        for other in self.documents:
            if other['kind'] == 'Deployment' and one['spec']['selector'] and one['spec']['selector'].items() <= \
                    other['spec']['template']['metadata']['labels'].items():
                ports = {port.get('name', port['containerPort']) for container in
                         other['spec']['template']['spec']['containers']
                         for port in container.get('ports', [])}
                for port in one['spec']['ports']:
                    if port.get('targetPort', port['port']) not in ports:
                        self.fault(at, f'no container has the port {port.get("targetPort")}')
                return
        self.fault(at, 'its selector meets no Deployment')

    def check_deployment(self, one, at):
        labels = one['spec']['template']['metadata']['labels']
        wanted = one['spec']['selector'].get('matchLabels', {})
        if not wanted or not wanted.items() <= labels.items():
            self.fault(at + '.spec.selector', "does not meet the pod's labels")
        self.check_pod(one, at)
        for container in one['spec']['template']['spec']['containers']:
            for probe in PROBES:
                if probe not in container:
                    self.fault(f'{at} container {container["name"]}', f'has no {probe}')
                self.check_probe(container, container.get(probe, {}),
                                 f'{at} container {container["name"]}.{probe}')

    def check_probe(self, container, probe, at):
        path = probe.get('httpGet', {}).get('path')
        if path not in (None, PROBES[at.rpartition('.')[2]]):
            self.fault(at, f'must ask {PROBES[at.rpartition(".")[2]]}')
        if not probe:
            return
        if not {'httpGet', 'exec'} & set(probe):
            self.fault(at, 'asks nothing')
        port = probe.get('httpGet', {}).get('port')
        known = {one for port in container.get('ports', [])
                 for one in (port.get('name'), port['containerPort'])}
        if port is not None and port not in known:
            self.fault(at, f'the container has no port {port}')

    def check_scaledjob(self, one, at):
        spec = one['spec']
        job, pod = spec['jobTargetRef'], spec['jobTargetRef']['template']['spec']
        wrong = {
            'rollout.strategy must be gradual, or an update kills running reports':
                spec['rollout']['strategy'] != 'gradual',
            'maxReplicaCount must be 1 to 10': not 1 <= spec['maxReplicaCount'] <= 10,
            'minReplicaCount must be 0': spec.get('minReplicaCount', 0) != 0,
            'pollingInterval must be 5 to 300': not 5 <= spec.get('pollingInterval', 30) <= 300,
            'jobTargetRef.backoffLimit must be 0: reportd tries again by itself':
                job['backoffLimit'] != 0,
            'jobTargetRef.parallelism and completions must be 1':
                (job.get('parallelism', 1), job.get('completions', 1)) != (1, 1),
            'an annotation stops it': any('paused' in name for name in one['metadata'].get(
                'annotations', {})),
            'envSourceContainerName names no container': spec.get(
                'envSourceContainerName', pod['containers'][0]['name'] if pod['containers'] else '')
                not in [container['name'] for container in pod['containers']],
            'jobTargetRef.template.spec.restartPolicy must be Never':
                pod.get('restartPolicy') != 'Never',
            'each container must end by itself: --drain, or --idle-exit TIME': not all(
                re.fullmatch(r'--drain|--idle-exit \d+(s|min|h)',
                             ' '.join(container.get('args', [])))
                for container in pod['containers']),
            'scalingStrategy.strategy must be default: the query counts what runs':
                spec.get('scalingStrategy', {}).get('strategy', 'default') != 'default',
        }
        for text, holds in wrong.items():
            if holds:
                self.fault(at + '.spec', text)
        for container in pod['containers']:
            for text in times.deadline_faults('jobTargetRef.activeDeadlineSeconds',
                                              job['activeDeadlineSeconds'],
                                              dict(self.settings_of(container))):
                self.fault(at + '.spec', text)
        self.check_triggers(one, at)
        self.check_pod(one, at)

    def check_scaledobject(self, one, at):
        self.check_triggers(one, at)
        target = one['spec']['scaleTargetRef']
        self.must_have(target.get('kind', 'Deployment'), target['name'], at + '.spec.scaleTargetRef')

    def check_triggers(self, one, at):
        if not one['spec']['triggers']:
            self.fault(at + '.spec.triggers', 'there is none')
        for number, trigger in enumerate(one['spec']['triggers']):
            self.check_trigger(trigger, f'{at}.spec.triggers[{number}]')

    def check_trigger(self, trigger, at):
        metadata, given = trigger['metadata'], set(trigger['metadata'])
        reference = trigger.get('authenticationRef')
        if reference:
            kind = reference.get('kind', 'TriggerAuthentication')
            self.must_have(kind, reference['name'], at + '.authenticationRef')
            given |= {entry['parameter'] for other in self.documents
                      if other['kind'] == kind and other['metadata']['name'] == reference['name']
                      for entry in other['spec'].get('secretTargetRef', [])
                      + other['spec'].get('env', [])}
        if metadata.get('userName') in ('postgres', 'reportd'):
            self.fault(at, 'userName must be a login that may ask for this number alone')
        if float(metadata['targetQueryValue']) <= 0:
            self.fault(at, 'targetQueryValue must be greater than 0')
        if float(metadata.get('activationTargetQueryValue', 0)) != 0:
            self.fault(at, 'activationTargetQueryValue above 0 leaves reports waiting')
        whole = {'connection', 'connectionFromEnv'} & given
        parts = PARTS - given
        if whole and PARTS & given:
            self.fault(at, 'a connection in one and in parts: KEDA would take one of them')
        if not whole and parts:
            self.fault(at, 'lacks ' + ', '.join(sorted(parts)))
        if not whole and not {'password', 'passwordFromEnv'} & given:
            self.fault(at, 'lacks the password, by a TriggerAuthentication')
        if metadata.get('sslmode', 'verify-full') not in ('verify-full', 'verify-ca'):
            self.fault(at, 'sslmode must be verify-full or verify-ca')
        if metadata['query'].strip().rstrip(';') != 'select reportd.scale_demand()':
            self.fault(at, 'query must be: select reportd.scale_demand()')

    def check_pod(self, one, at):
        pod, path = pod_of(one)
        at, spec = at + path + '.spec', pod['spec']
        self.must_have('ServiceAccount', spec['serviceAccountName'], at)
        context = spec['securityContext']
        wrong = {
            'there is no container': not spec['containers'],
            'enableServiceLinks must be false': spec['enableServiceLinks'],
            'automountServiceAccountToken must be false': spec['automountServiceAccountToken'],
            'hostNetwork, hostPID and hostIPC must not be on':
                any(spec.get(name) for name in ('hostNetwork', 'hostPID', 'hostIPC')),
            'runAsNonRoot must be true': not context['runAsNonRoot'],
            'runAsUser, runAsGroup and fsGroup must not be 0':
                0 in (context['runAsUser'], context['runAsGroup'], context.get('fsGroup')),
            'seccompProfile must be RuntimeDefault':
                context['seccompProfile']['type'] != 'RuntimeDefault',
        }
        for text, holds in wrong.items():
            if holds:
                self.fault(at, text)
        for volume in spec.get('volumes', []):
            self.check_volume(volume, f'{at} volume {volume["name"]}')
        for container in spec.get('initContainers', []) + spec['containers']:
            self.check_container(container, spec, f'{at} container {container["name"]}')
        for container in spec['containers']:
            for text in times.stop_faults('terminationGracePeriodSeconds',
                                          spec['terminationGracePeriodSeconds'],
                                          dict(self.settings_of(container))):
                self.fault(at, text)

    def check_volume(self, volume, at):
        kinds = set(volume) - {'name'}
        mode = volume.get('secret', {}).get('defaultMode', 0o400)
        if mode & ~0o550:
            self.fault(at, f'defaultMode {mode} (octal {mode:o}) lets others than the group read '
                       'it, or somebody write it')
        if len(kinds) != 1 or kinds & {'hostPath'}:
            self.fault(at, 'must be one of secret, configMap, emptyDir, persistentVolumeClaim')
        if 'secret' in volume:
            self.must_have('Secret', volume['secret']['secretName'], at)
        if 'configMap' in volume:
            self.must_have('ConfigMap', volume['configMap']['name'], at)
        if 'emptyDir' in volume and 'sizeLimit' not in volume['emptyDir']:
            self.fault(at, 'has no sizeLimit')

    def check_container(self, container, pod, at):
        context = container['securityContext']
        wrong = {
            'allowPrivilegeEscalation must be false': context['allowPrivilegeEscalation'],
            'readOnlyRootFilesystem must be true': not context['readOnlyRootFilesystem'],
            'privileged must not be on': context.get('privileged'),
            'command must not be there: the image has its own': 'command' in container,
            'runAsNonRoot must not be off': context.get('runAsNonRoot') is False,
            'capabilities must drop ALL and add none':
                context['capabilities']['drop'] != ['ALL'] or context['capabilities'].get('add'),
            'must not run as user 0': context.get('runAsUser') == 0,
            'a limit of memory must be what is requested':
                container['resources']['limits']['memory']
                != container['resources']['requests']['memory'],
            'imagePullPolicy and the tag latest: name a version':
                container['image'].endswith(':latest'),
        }
        for text, holds in wrong.items():
            if holds:
                self.fault(at, text)
        mounts = [mount['mountPath'] for mount in container.get('volumeMounts', [])]
        for name, value in self.settings_of(container):
            if value.startswith('/') and not any(
                    value.startswith(path + '/') or value == path for path in mounts):
                self.fault(at, f'{name}: nothing is mounted at {value}')
        if '/var/tmp' not in mounts:
            self.fault(at, 'with a read-only root, /var/tmp must be a volume')
        volumes = {volume['name'] for volume in pod.get('volumes', [])}
        for mount in container.get('volumeMounts', []):
            if mount['name'] not in volumes:
                self.fault(at, f'there is no volume {mount["name"]}')
        secret = {volume['name'] for volume in pod.get('volumes', []) if 'secret' in volume}
        for mount in container.get('volumeMounts', []):
            if mount['name'] in secret and not mount.get('readOnly'):
                self.fault(at, f'{mount["name"]} must be readOnly')
        for source in container.get('envFrom', []):
            if not source:
                self.fault(at, 'envFrom names nothing')
            for kind, name in (('ConfigMap', 'configMapRef'), ('Secret', 'secretRef')):
                if name in source:
                    self.must_have(kind, source[name]['name'], at)
        names = [variable['name'] for variable in container.get('env', [])]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.fault(at, f'the variable {name} stands twice')
        for variable in container.get('env', []):
            if ('value' in variable) == ('valueFrom' in variable):
                self.fault(at, f'{variable["name"]} must have value or valueFrom')

    def settings_of(self, container):
        """(name, value) of each variable of a container, as far as the documents know."""
        maps = {one['metadata']['name']: one['data'] for one in self.documents
                if one['kind'] == 'ConfigMap'}
        for source in container.get('envFrom', []):
            yield from maps.get(source.get('configMapRef', {}).get('name'), {}).items()
        for variable in container.get('env', []):
            if 'value' in variable:
                yield variable['name'], variable['value']

    def check_triggerauthentication(self, one, at):
        names = [entry['parameter'] for key in ('secretTargetRef', 'env')
                 for entry in one['spec'].get(key, [])]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.fault(at, f'the parameter {name} stands twice')
        for entry in one['spec'].get('secretTargetRef', []):
            self.must_have('Secret', entry['name'], at)

    def check_images(self):
        """An image without a version has one from a kustomization, by its whole name."""
        used = {container['image']: at_of(one) for one in self.documents
                if one['kind'] in ('Deployment', 'ScaledJob')
                for container in pod_of(one)[0]['spec'].get('initContainers', [])
                + pod_of(one)[0]['spec']['containers']}
        given = {image['name'] for one in self.documents if one['kind'] == 'Kustomization'
                 for image in one.get('images', []) if {'newTag', 'digest'} & set(image)}
        for image, at in used.items():
            if name_of(image) == image and image not in given:
                self.fault(at, f'the image {image} has no version, and no kustomization gives it one')
        for name in sorted(given - set(map(name_of, used))):
            self.fault('Kustomization.images', f'no container has the image {name}')

    def check_network(self):
        """Each namespace with pods denies what no other policy allows."""
        pods = [pod_of(one)[0]['metadata']['labels'].items() for one in self.documents
                if one['kind'] in ('Deployment', 'ScaledJob')]
        policies = [one['spec'] for one in self.documents if one['kind'] == 'NetworkPolicy']
        if any(one['kind'] in ('Deployment', 'ScaledJob') for one in self.documents) and not any(
                spec['podSelector'] == {} and {'Ingress', 'Egress'} <= set(spec['policyTypes'])
                and not spec.get('ingress') and not spec.get('egress') for spec in policies):
            self.fault('NetworkPolicy', 'none denies everything that no other allows')
        for spec in policies:
            wanted = spec['podSelector'].get('matchLabels', {}).items()
            if not any(wanted <= labels for labels in pods):
                self.fault('NetworkPolicy', f'no pod has the labels {dict(wanted)}')
            rules = {way.capitalize() for way in ('ingress', 'egress') if spec.get(way)}
            if not rules <= set(spec['policyTypes']) or (rules and not wanted):
                self.fault('NetworkPolicy', 'policyTypes must name what it allows, and '
                           'podSelector the pods')
            if not rules and set(spec['policyTypes']) != {'Ingress', 'Egress'}:
                self.fault('NetworkPolicy', 'allows nothing')
            for way, peers in (('ingress', 'from'), ('egress', 'to')):
                for rule in spec.get(way, []):
                    if not rule.get(peers) or not rule.get('ports'):
                        self.fault('NetworkPolicy', f'a rule of {way} without {peers} or ports '
                                   'allows everything')
                    for peer in rule.get(peers) or []:
                        selectors = [one for key, one in peer.items() if key != 'ipBlock']
                        if not peer or not all(one.get('matchLabels') for one in selectors):
                            self.fault('NetworkPolicy', f'a peer of {way} is everybody')
                        block = peer.get('ipBlock', {})
                        if block.get('cidr') == '0.0.0.0/0' and \
                                '169.254.0.0/16' not in block.get('except', []):
                            self.fault('NetworkPolicy', '0.0.0.0/0 must except 169.254.0.0/16, '
                                       'where the role of the machine is given away')


def settings_of(document):
    """(path, name, value) of each variable that a document gives."""
    if document['kind'] == 'ConfigMap':
        for name, value in document['data'].items():
            yield '.data', name, value
    if document['kind'] in ('Deployment', 'ScaledJob'):
        pod, path = pod_of(document)
        for container in pod['spec'].get('initContainers', []) + pod['spec']['containers']:
            for variable in container.get('env', []):
                if 'value' in variable:
                    yield (f'{path} container {container["name"]}', variable['name'],
                           variable['value'])
