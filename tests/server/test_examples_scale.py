"""The configurations in examples/scale: they fit together, and those they are for take them.

Neither a cluster of ClickHouse nor one of Kubernetes is here, so what they say is compared: each
name, port, label and variable that is asked for is there. Caddy runs, with real collectors.
"""

import json
import re
import shutil
import signal
import time
from contextlib import ExitStack, closing
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from agentlog._version import __version__
from agentlog.store.where import find
from tests.busy import up_to
from tests.cli.commandline import agentlog
from tests.server.collector import Collector, record, session_id
from tests.server.proxies import NAME, Caddy, checked, lines_of, running

EXAMPLES = Path(__file__).parents[2] / "examples" / "scale"
COMPOSE = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
CONTAINERFILE = EXAMPLES.parent / "collector" / "Containerfile"
KUSTOMIZATION = yaml.safe_load((EXAMPLES / "kustomization.yaml").read_text())
MANIFESTS = [
    manifest
    for path in KUSTOMIZATION["resources"]
    for manifest in yaml.safe_load_all((EXAMPLES / path).read_text())
]
PODS = {
    manifest["metadata"]["name"]: manifest["spec"]["template"]
    for manifest in MANIFESTS
    if "template" in manifest["spec"]
}
OF_CLUSTER = ET.parse(EXAMPLES / "clickhouse" / "cluster.xml").getroot()
OF_KEEPER = ET.parse(EXAMPLES / "clickhouse" / "keeper.xml").getroot()


def asked_of(config):
    """Return the variables that a configuration takes from the environment."""
    return {found.attrib["from_env"] for found in config.iter() if "from_env" in found.attrib}


def container(pod):
    """Return the one container of a pod."""
    (found,) = PODS[pod]["spec"]["containers"]
    return found


def variables(pod):
    """Return those of a pod, by name."""
    return {each["name"]: each for each in container(pod)["env"]}


def of_kind(kind):
    """Return the manifests of a kind."""
    return [manifest for manifest in MANIFESTS if manifest["kind"] == kind]


# -- What the programs say -------------------------------------------------------------------------


def test_caddy_takes_its_example():
    """`caddy validate` finds nothing wrong."""
    path = str(EXAMPLES / "Caddyfile")
    status, said = checked("caddy", "validate", "--adapter", "caddyfile", "--config", path)
    assert 0 == status, said


def test_compose_takes_its_example(tmp_path):
    """`docker compose config` does, with the two secrets; and asks for them where they lack."""
    command, example = ["docker", "compose"], EXAMPLES / "compose.yaml"
    if not shutil.which("docker") or checked(*command, "version")[0]:
        # The one before it is as strict, but knows no name of a project.
        command, text = ["docker-compose"], example.read_text()
        example = tmp_path / "compose.yaml"
        example.write_text(re.sub(r"(?m)^name:.*\n", "", text))
    command += ["-f", str(example), "config", "--quiet"]
    assert (0, "") == checked(*command, CLICKHOUSE_PASSWORD="a", CLUSTER_SECRET="b")
    assert 0 != checked(*command)[0]


def test_kustomize_takes_its_example():
    """And puts the configurations of ClickHouse where the pods look for them."""
    status, said = checked("kubectl", "kustomize", str(EXAMPLES))
    assert 0 == status, said
    made = list(yaml.safe_load_all(said))
    maps = {one["metadata"]["name"]: one["data"] for one in made if one["kind"] == "ConfigMap"}
    mounted = [
        (volume["configMap"]["name"], mount["subPath"])
        for one in made
        if one["kind"] == "StatefulSet"
        for volume in one["spec"]["template"]["spec"]["volumes"]
        for mount in one["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
        if mount["name"] == volume["name"]
    ]
    assert 2 == len(mounted)
    assert all(file in maps[name] for name, file in mounted)


# -- What fits together ----------------------------------------------------------------------------


def commands():
    """Return the collectors' options, of compose and of Kubernetes."""
    collectors = [SERVICES[f"collector-{number}"]["command"] for number in (1, 2, 3)]
    return [*collectors, container("collector")["args"]]


def test_options_are_there():
    """Whatever collectors are told to do, they do; all are told the same."""
    first, *others = commands()
    assert [first] * 3 == others
    known = agentlog("serve", "--help").stdout
    given = dict(option.split("=", 1) for option in first[1:])
    assert set() == {option for option in given if f" {option}" not in known}
    assert NAME == given["--allow-host"]
    told = "".join(path.read_text() for path in EXAMPLES.glob("*.yaml"))
    made = re.findall(r"(?:keys add shop --store|move .*--to) (\S+) --cluster (\S+)", told)
    assert 3 == len(made)
    where = find(given["--store"]).on_cluster(given["--cluster"])
    assert {where} == {find(store).on_cluster(cluster) for store, cluster in made}


def test_the_cluster_is_the_one_that_is_configured():
    """By its name; its replicas have all of what the others have."""
    (cluster,) = {option for each in commands() for option in each if "--cluster" in option}
    (remote,) = OF_CLUSTER.find("remote_servers")
    assert f"--cluster={remote.tag}" == cluster
    assert ["true"] == [found.text for found in remote.iter("internal_replication")]
    assert {"9000"} == {found.text for found in remote.iter("port")}


@pytest.mark.parametrize(
    ("config", "service", "pod"),
    [(OF_CLUSTER, "clickhouse", "clickhouse"), (OF_KEEPER, "keeper", "keeper")],
    ids=["clickhouse", "keeper"],
)
def test_what_a_configuration_asks_of_the_environment_is_there(config, service, pod):
    """In each service of compose, and in the pod."""
    asked = asked_of(config)
    servers = [name for name in SERVICES if name.startswith(f"{service}-")]
    assert servers
    for name in servers:
        assert asked <= SERVICES[name]["environment"].keys()
    assert asked <= variables(pod).keys()


def test_servers_are_called_as_they_are():
    """By the names that they have in compose, and in Kubernetes behind a headless service."""
    for kind in ("clickhouse", "keeper"):
        for name, service in SERVICES.items():
            if not name.startswith(f"{kind}-"):
                continue
            given = service["environment"]
            called = [value for key, value in given.items() if re.fullmatch(r"[A-Z]+_[123]", key)]
            assert set(called) <= SERVICES.keys()
            number = name.rpartition("-")[2]
            assert name == given.get("REPLICA", name) == given[f"{kind.upper()}_{number}"]
            assert number == given.get("KEEPER_ID", number)
    sets = {
        one["metadata"]["name"]: one["spec"] for one in MANIFESTS if "serviceName" in one["spec"]
    }
    pods = {
        f"{name}-{spec['ordinals']['start'] + number}.{spec['serviceName']}"
        for name, spec in sets.items()
        for number in range(spec["replicas"])
    }
    called = {
        each["value"]
        for pod in sets
        for name, each in variables(pod).items()
        if re.fullmatch(r"[A-Z]+_[123]", name)
    }
    assert pods == called
    assert "$(REPLICA).replicas" == variables("clickhouse")["REPLICA_HOST"]["value"]
    ids = sorted(found.text for found in OF_KEEPER.iter("id"))
    assert [str(number) for number in range(1, 4)] == ids


def test_services_find_their_pods():
    """By labels that these have, and ports of the same name; so do budgets and the ingress."""
    labels = {name: template["metadata"]["labels"] for name, template in PODS.items()}
    for service in of_kind("Service"):
        selector = service["spec"]["selector"]
        (pod,) = (name for name, own in labels.items() if own == selector)
        there = {(port["name"], port["containerPort"]) for port in container(pod)["ports"]}
        assert {(port["name"], port["port"]) for port in service["spec"]["ports"]} <= there
    for kind in ("StatefulSet", "Deployment", "PodDisruptionBudget"):
        for one in of_kind(kind):
            assert labels[one["metadata"]["name"]] == one["spec"]["selector"]["matchLabels"]
    several = {one["metadata"]["name"] for one in MANIFESTS if one["spec"].get("replicas", 1) > 1}
    assert several == {one["metadata"]["name"] for one in of_kind("PodDisruptionBudget")}
    headless = {one["metadata"]["name"] for one in of_kind("Service") if "clusterIP" in one["spec"]}
    assert headless == {one["spec"]["serviceName"] for one in of_kind("StatefulSet")}
    (ingress,) = of_kind("Ingress")
    (rule,) = ingress["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert (NAME, "collector") == (rule["host"], path["backend"]["service"]["name"])


def test_ports_are_those_that_configurations_say():
    """Of the keepers, and of what is mounted where."""
    ports = {port["name"]: port["containerPort"] for port in container("keeper")["ports"]}
    said = {tag: {int(found.text) for found in OF_KEEPER.iter(tag)} for tag in ("tcp_port", "port")}
    assert {ports["client"]} == said["tcp_port"]
    assert {ports["ready"], ports["raft"]} == said["port"]
    nodes = {int(found.text) for found in OF_CLUSTER.find("zookeeper").iter("port")}
    assert {ports["client"]} == nodes
    (address,) = {option for each in commands() for option in each if "--store" in option}
    assert {8123} == {
        each["containerPort"] for each in container("clickhouse")["ports"] if each["name"] == "http"
    }
    assert ":8123/" in address


def test_nobody_reaches_the_store_but_who_has_to():
    """Each port of ClickHouse and of the keepers is for those that ask there; kubelet may."""
    reached = {}
    for policy in of_kind("NetworkPolicy"):
        spec = policy["spec"]
        assert ["Ingress"] == spec["policyTypes"]
        for rule in spec["ingress"]:
            who = {one["podSelector"]["matchLabels"]["app"] for one in rule["from"]}
            for port in rule["ports"]:
                reached[spec["podSelector"]["matchLabels"]["app"], port["port"]] = who
    assert reached == {
        ("clickhouse", "http"): {"collector", "commands"},
        ("clickhouse", "native"): {"clickhouse"},
        ("clickhouse", "interserver"): {"clickhouse"},
        ("keeper", "client"): {"clickhouse"},
        ("keeper", "raft"): {"keeper"},
    }
    for pod, port in reached:
        assert port in {each["name"] for each in container(pod)["ports"]}
        assert {"app": pod} == PODS[pod]["metadata"]["labels"]


def test_pods_are_looked_after():
    """What they may take is said, and whether they live is asked of all that listen."""
    for pod, template in PODS.items():
        given = container(pod)
        assert template["spec"]["automountServiceAccountToken"] is False
        assert {"cpu", "memory"} == given["resources"]["requests"].keys()
        assert {"memory"} == given["resources"]["limits"].keys()
        if "ports" in given:
            ports = {port["name"] for port in given["ports"]}
            probes = [probe for name, probe in given.items() if name.endswith("Probe")]
            asked = [how["port"] for one in probes for how in one.values() if isinstance(how, dict)]
            assert {"readinessProbe", "livenessProbe"} <= given.keys()
            assert len(probes) == len(asked)
            assert set(asked) <= ports


def test_images_have_versions():
    """So that what runs tomorrow is what was tried; agentlog's is the one of this checkout."""
    (own,) = KUSTOMIZATION["images"]
    used = {service["image"] for service in SERVICES.values()}
    used |= {container(pod)["image"] for pod in PODS} - {own["name"]}
    used |= {f"{own['newName']}:{own['newTag']}"}
    used |= set(re.findall(r"(?m)^FROM (\S+)", CONTAINERFILE.read_text()))
    assert [] == [image for image in used if not re.fullmatch(r"[^:]+:\d+(\.\d+)+(-slim)?", image)]
    assert __version__ == own["newTag"] == SERVICES["collector-1"]["image"].rpartition(":")[2]


def test_an_image_has_what_it_is_built_of():
    """It is built of this checkout: what it copies is there."""
    build = SERVICES["collector-1"]["build"]
    root = (EXAMPLES / build["context"]).resolve()
    assert CONTAINERFILE == root / build["dockerfile"]
    copied = re.findall(r"(?m)^COPY (.*) \S+$", CONTAINERFILE.read_text())
    assert {"pyproject.toml", "agentlog"} <= set(" ".join(copied).split())
    assert all((root / name).exists() for line in copied for name in line.split())
    assert build["args"].keys() == set(re.findall(r"(?m)^ARG (\w+)=", CONTAINERFILE.read_text()))


def test_both_have_the_same_versions():
    """Of ClickHouse and of its Keeper."""
    used = {SERVICES[name]["image"] for name in ("clickhouse-1", "clickhouse-2", "keeper-1")}
    assert used == {container("clickhouse")["image"], container("keeper")["image"]}
    assert 1 == len({image.rpartition(":")[2] for image in used})


def test_secrets_are_those_that_are_made():
    """As the comment says how."""
    told = (EXAMPLES / "kustomization.yaml").read_text()
    made = set(re.findall(r"--from-file=(\S+)", told))
    asked = {
        each["valueFrom"]["secretKeyRef"]["key"]
        for pod in ("clickhouse", "collector", "commands")
        for each in variables(pod).values()
        if "secretKeyRef" in each.get("valueFrom", {})
    }
    assert made == asked
    for pod in ("clickhouse", "collector", "commands"):
        secrets = [each for name, each in variables(pod).items() if re.search("PASS|SECRET", name)]
        assert secrets
        assert all("secretKeyRef" in each["valueFrom"] for each in secrets)
    assert '"$(cat' not in told  # an argument, which others see
    written = (EXAMPLES / "compose.yaml").read_text()
    assert set(re.findall(r"^# +([A-Z_]+)=\.\.\.", written, re.MULTILINE)) == set(
        re.findall(r"\$\{([A-Z_]+):\?", written)
    )


# -- Behind Caddy ----------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path):
    """Three collectors behind Caddy, each of a store of its own, with one key."""
    if not shutil.which("caddy"):
        pytest.skip("there is no caddy here")
    example = lines_of(EXAMPLES / "Caddyfile")
    with ExitStack() as stack:
        collectors = []
        for number in (1, 2, 3):
            quiet = Collector(tmp_path / str(number), "--allow-host", NAME)
            (tmp_path / str(number)).mkdir()
            if collectors:
                for end in ("", ".keys"):
                    shutil.copy(f"{collectors[0].store}{end}", f"{quiet.store}{end}")
            else:
                key = quiet.key("anna")
            collectors.append(stack.enter_context(quiet))
            upstream = f"collector-{number}:4380"
            assert upstream in example
            example = example.replace(upstream, f"127.0.0.1:{collectors[-1].port}")
        found = stack.enter_context(running(Caddy, example, tmp_path / "caddy"))
        found.key, found.collectors = key, collectors
        yield found


def batch(number):
    """Return a batch of one event."""
    return json.dumps({"events": [record(number)]})


def test_whoever_dies_is_left_out(site):
    """At once, and nobody who sends or reads notices; who is back is asked again."""
    statuses = []
    for number in range(1, 31):
        statuses.append(site.post(batch(number), site.key).status)
        if number == 10:
            site.collectors[0].stop(signal.SIGKILL)
    # The one that was under way as it died is the client's to send again.
    assert {200} == {one for one in statuses if one != 502}
    assert 28 <= statuses.count(200)
    stored = [held(collector, site.key) for collector in site.collectors[1:]]
    assert all(stored)


def held(collector, key):
    """Return how many events a collector has."""
    found = collector.get(f"/v1/sessions/{session_id()}", key)
    return len(found.json["events"]) + 1 if found.status == 200 else 0


def test_who_cannot_store_is_left_out(site):
    """As /healthz says so; then nothing is refused for it."""
    ill = site.collectors[0]
    ill.store.rename(ill.store.with_name("away"))
    until = time.monotonic() + up_to(30)
    while time.monotonic() < until:
        if {200} == {site.post(batch(number), site.key).status for number in range(1, 13)}:
            return
    raise AssertionError("it is asked all the same")


def test_live_pages_pass(site):
    """Each message as it comes, from whichever collector it is."""
    with closing(site.connection()) as connection:
        connection.request("GET", "/v1/live", headers={"Authorization": f"Bearer {site.key}"})
        stream = connection.getresponse()
        assert b"retry: 1000\n" == stream.readline()
        began = time.monotonic()
        for collector in site.collectors:
            assert 200 == collector.post([record()], site.key).status
        assert b"event: sessions\n" in iter(stream.readline, b"")
        assert time.monotonic() - began < up_to(5)
