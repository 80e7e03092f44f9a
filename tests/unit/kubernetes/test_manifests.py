"""The manifests: what Kubernetes takes, what the services understand, and nothing that leads nowhere."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import gatewaysvc.settings
import notifysvc.settings
import tasksvc.settings
from chassis.settings import ServiceSettings, load

Json = dict[str, Any]
ROOT = Path(__file__).parents[3]
SETTINGS: dict[str, type[ServiceSettings]] = {
    "tasksvc": tasksvc.settings.Settings,
    "notifysvc": notifysvc.settings.Settings,
    "gatewaysvc": gatewaysvc.settings.Settings,
}
PORTS = {
    "tasksvc": ("tasks_port", "metrics_port"),
    "notifysvc": ("notify_port", "metrics_port"),
    "gatewaysvc": ("http_port", "metrics_port"),
}
SECRETS = {
    "service_key": "0123456789abcdef",
    "database_url": "postgresql://taskbell:p@postgres:5432/taskbell",
    "redis_url": "redis://:p@valkey:6379/0",
    "nats_url": "nats://taskbell:p@nats:4222",
    "jwt_key": Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
}
OLDEST, NEWEST = "1.31", "1.37"


def kustomize_command() -> list[str]:
    """kustomize itself, or kubectl that carries it; empty where there is neither."""
    if program := shutil.which("kustomize"):
        return [program, "build"]
    if program := shutil.which("kubectl"):
        asked = [program, "version", "--client", "--output=json"]
        told = subprocess.run(asked, check=False, capture_output=True, text=True)  # noqa: S603 - our own words
        # One that doesn't tell is of before 1.24, and what it carries may not know components.
        if told.returncode == 0 and "kustomizeVersion" in json.loads(told.stdout):
            return [program, "kustomize"]
    return []


@pytest.fixture(scope="module")
def kustomize() -> Callable[[Path], list[Json]]:
    """What the program makes of a folder."""
    program = kustomize_command()
    if not program:
        pytest.skip("there is neither kustomize here (apt install kustomize) nor kubectl from 1.24 on")

    def build(folder: Path) -> list[Json]:
        command = [*program, str(folder), "--load-restrictor=LoadRestrictionsNone"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own files
        assert done.returncode == 0, done.stderr
        return list(yaml.safe_load_all(done.stdout))

    return build


@pytest.fixture(params=["base", "standalone", "standalone with TLS"])
def built(request: pytest.FixtureRequest, kustomize: Callable[[Path], list[Json]], tmp_path: Path) -> list[Json]:
    """Each way to deploy it."""
    folder, _, tls = request.param.partition(" with ")
    overlay = {"resources": [f"{ROOT}/kubernetes/{folder}"], "components": [f"{ROOT}/kubernetes/tls"] if tls else []}
    relative = {kind: [Path(each).relative_to("/") for each in paths] for kind, paths in overlay.items()}
    up = "../" * len(tmp_path.relative_to("/").parts)
    (tmp_path / "kustomization.yaml").write_text(
        yaml.safe_dump({kind: [f"{up}{each}" for each in paths] for kind, paths in relative.items()})
    )
    return kustomize(tmp_path)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """The files of the Secret."""
    for file, content in SECRETS.items():
        (tmp_path / file).write_text(content)
    return tmp_path


def of_kind(built: list[Json], *kinds: str) -> list[Json]:
    return [each for each in built if each["kind"] in kinds]


def name(manifest: Json) -> str:
    return str(manifest["metadata"]["name"])


def containers(built: list[Json]) -> Iterator[tuple[str, Json, Json]]:
    """The name of each workload, its pods, and their container."""
    for each in of_kind(built, "Deployment", "StatefulSet", "Job"):
        pod = each["spec"]["template"]
        yield name(each), pod, pod["spec"]["containers"][0]


@pytest.mark.parametrize("path", sorted((ROOT / "kubernetes").glob("*/*.yaml")), ids=lambda path: str(path.parent.name))
def test_each_file_holds_what_kubernetes_takes(path: Path) -> None:
    for manifest in yaml.safe_load_all(path.read_text()):
        if "kustomize" not in manifest.get("apiVersion", "") and path.parent.name != "tls":  # which holds patches
            kubernetes_validate.validate(manifest, NEWEST, strict=True)


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_takes_what_kustomize_makes(built: list[Json], version: str) -> None:
    for manifest in built:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_a_mistake_would_be_seen() -> None:
    job = next(yaml.safe_load_all((ROOT / "kubernetes/base/migrations.yaml").read_text()))
    job["spec"]["template"]["spec"]["restartPolicies"] = "Never"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(job, NEWEST, strict=True)


def test_every_service_understands_its_settings(
    built: list[Json], monkeypatch: pytest.MonkeyPatch, secrets: Path
) -> None:
    maps = {name(each): each["data"] for each in of_kind(built, "ConfigMap")}
    for workload, pod, container in containers(built):
        service = workload.removeprefix("migrate-")
        if service not in SETTINGS:
            continue
        given = {each["name"]: each["value"] for each in container["env"] if "value" in each}
        for source in container.get("envFrom", []):
            given |= maps[source["configMapRef"]["name"]]
        with monkeypatch.context() as environment:
            for variable, value in given.items():
                field = variable.removeprefix("TASKBELL_").lower()
                assert any(
                    field.removesuffix("_file") in settings.model_fields or field in settings.model_fields
                    for settings in SETTINGS.values()
                ), variable
                if field.startswith("tls"):
                    continue  # of files that aren't there; their own tests see to them
                if field.endswith("_file"):
                    secret = next(each["secret"] for each in pod["spec"]["volumes"] if each["name"] == "secrets")
                    assert Path(value).name in [each["path"] for each in secret["items"]]
                    environment.setenv(variable, str(secrets / Path(value).name))
                else:
                    environment.setenv(variable, value)
            settings = load(SETTINGS[service])
        if "ports" in container:
            listened = {getattr(settings, port) for port in PORTS[service]}
            assert {each["containerPort"] for each in container["ports"]} == listened


def test_a_secret_that_a_service_can_do_without_is_made_by_whoever_follows_the_readme(built: list[Json]) -> None:
    read = {
        entry["valueFrom"]["secretKeyRef"]["key"]
        for workload, _, container in containers(built)
        if workload in SETTINGS
        for entry in container["env"]
        if "valueFrom" in entry
    }
    readme = (ROOT / "kubernetes/README.md").read_text()
    assert read == {"webhook_key", "unsubscribe_key", "smtp_password"}
    assert all(f"--from-literal={key}=" in readme or f"`{key}` in the Secret" in readme for key in read)


def test_what_points_somewhere_points_at_something(built: list[Json]) -> None:
    pods = [pod["metadata"]["labels"] for _, pod, _ in containers(built)]
    deployments = {name(each) for each in of_kind(built, "Deployment")}
    for each in of_kind(built, "HorizontalPodAutoscaler"):
        assert each["spec"]["scaleTargetRef"]["name"] in deployments
    for each in of_kind(built, "Service", "PodDisruptionBudget"):
        selector = each["spec"]["selector"]
        wanted = selector.get("matchLabels", selector) if each["kind"] == "PodDisruptionBudget" else selector
        assert any(wanted.items() <= labels.items() for labels in pods), name(each)
    for each in of_kind(built, "Deployment", "StatefulSet"):
        wanted = each["spec"]["selector"]["matchLabels"]
        assert wanted.items() <= each["spec"]["template"]["metadata"]["labels"].items()


def test_no_pod_has_more_rights_than_it_needs(built: list[Json]) -> None:
    for workload, pod, container in containers(built):
        spec, rights = pod["spec"], container["securityContext"]
        assert spec["securityContext"]["runAsNonRoot"], workload
        assert spec["automountServiceAccountToken"] is False, workload
        assert rights["capabilities"] == {"drop": ["ALL"]}, workload
        assert rights["allowPrivilegeEscalation"] is False, workload
        assert rights.get("readOnlyRootFilesystem") or workload == "postgres", workload
        assert container["resources"]["limits"]["memory"], workload


def test_every_image_of_ours_is_built(built: list[Json]) -> None:
    targets = set(re.findall(r"^FROM \S+ AS (\w+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    for _, _, container in containers(built):
        image, _, _ = container["image"].partition(":")
        assert not image.startswith("taskbell/") or image.removeprefix("taskbell/") in targets


def test_a_policy_lets_each_service_reach_those_whom_it_calls(built: list[Json]) -> None:
    policies = {name(each): each["spec"] for each in of_kind(built, "NetworkPolicy")}

    def callers(service: str) -> set[str]:
        found: set[str] = set()
        for source in policies[service]["ingress"][0]["from"]:
            selector = source["podSelector"]
            found |= {each for rule in selector.get("matchExpressions", []) for each in rule["values"]}
            found |= {selector.get("matchLabels", {}).get("app.kubernetes.io/name", "")}
        return found - {""}

    assert callers("tasksvc") == {"gatewaysvc", "notifysvc"}
    assert callers("notifysvc") == {"gatewaysvc"}


def test_no_probe_speaks_plain_grpc_where_the_services_speak_tls(built: list[Json]) -> None:
    tls = any("TASKBELL_TLS" in each["data"] for each in of_kind(built, "ConfigMap"))
    for workload, _, container in containers(built):
        if workload in ("tasksvc", "notifysvc"):
            probes = [container[f"{kind}Probe"] for kind in ("startup", "readiness", "liveness")]
            assert {"grpc" in probe for probe in probes} == {not tls}
