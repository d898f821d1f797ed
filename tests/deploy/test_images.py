"""The image, the composed services and the pod: what each file says fits the others and the configuration.

There is no container engine where tests run; what the files say is held against what the daemon takes.
"""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy_place import DEPLOY, ROOT
from packaging.requirements import Requirement

from daemon.config import ConfigError, load
from daemon.config.keys import KEYS, variable

IMAGE = (DEPLOY / "container" / "Containerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
PODS = {each["kind"]: each for each in yaml.safe_load_all((DEPLOY / "kubernetes" / "forgeglass.yaml").read_text())}
SERVICE = COMPOSE["services"]["forgeglass"]
POD: dict[str, Any] = PODS["StatefulSet"]["spec"]["template"]["spec"]
CONTAINER: dict[str, Any] = POD["containers"][0]
USER = 10001


def last_stage() -> str:
    return IMAGE.rpartition("\nFROM ")[2]


def test_every_package_of_the_image_has_its_hash() -> None:
    """One `pip install` without hashes, and whoever owns an index owns the image."""
    installs = re.findall(r"pip install (.*)", IMAGE)
    assert len(installs) == 3
    for arguments in installs:
        assert "--require-hashes" in arguments or "--no-index --no-deps" in arguments


def test_what_builds_the_image_is_locked() -> None:
    """pip stops at the first package that hatchling needs and the Containerfile does not name."""
    wanted, named = {"hatchling"}, set(re.search(r"/\^\(([a-z|-]+)\)==/", IMAGE)[1].split("|"))  # type: ignore[index]
    for requirement in map(Requirement, requires("hatchling") or []):
        if requirement.marker is None or requirement.marker.evaluate():
            wanted.add(requirement.name)
    assert wanted <= named
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE))
    assert named <= locked


def test_the_image_holds_what_the_wheel_is_made_of() -> None:
    """A package that is added to the project and not to the image is missing there alone."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    copied = set(re.findall(r"(?m)^COPY (\S+) \1$", IMAGE))
    assert copied == {*project["packages"], *project["force-include"]}
    kept = (DEPLOY / "container" / "Containerfile.dockerignore").read_text().splitlines()
    copied_files = {word for line in re.findall(r"(?m)^COPY ([^-].*) \./$", IMAGE) for word in line.split()}
    assert {line[1:] for line in kept if line.startswith("!")} == copied | copied_files


def test_the_image_names_one_base_and_no_registry() -> None:
    bases = re.findall(r"(?m)^FROM (\S+)", IMAGE)
    assert set(bases) == {"debian:trixie-slim"}
    assert "://" not in IMAGE.replace("http://127", "")


def test_the_image_runs_as_a_numbered_user_without_a_shell_between() -> None:
    """By a name, a cluster cannot see that it is not root; through a shell, SIGTERM does not arrive."""
    stage = last_stage()
    assert f"\nUSER {USER}:{USER}\n" in stage
    assert 'ENTRYPOINT ["tini", "--", "forgeglass"]' in stage
    assert "HEALTHCHECK" in stage
    for command in re.findall(r"(?:ENTRYPOINT|CMD) (.*)", stage):
        assert command.startswith("[")


def test_variables_of_the_image_are_keys_of_the_configuration() -> None:
    """An unknown variable is refused at start: every container would end at once."""
    known = {key.variable for key in KEYS} | {"FORGEGLASS_CONFIG"}
    assert set(re.findall(r"FORGEGLASS_\w+", IMAGE)) <= known
    assert variable("data_dir") in IMAGE


def test_a_cluster_does_not_set_variables_of_ours() -> None:
    """For a service called forgeglass it sets FORGEGLASS_PORT and more in every pod, unless told not to."""
    with pytest.raises(ConfigError, match="FORGEGLASS_PORT"):
        load(DEPLOY / "compose" / "forgeglass.toml", {"FORGEGLASS_PORT": "tcp://10.0.0.1:8088"})
    assert POD["enableServiceLinks"] is False


@pytest.mark.parametrize("text", [
    (DEPLOY / "compose" / "forgeglass.toml").read_text(), PODS["ConfigMap"]["data"]["forgeglass.toml"],
], ids=["compose", "kubernetes"])  # fmt: skip
def test_the_configuration_in_the_example_is_right(text: str, tmp_path: Path) -> None:
    """Paths are those of the container; its token is the one file that is looked for."""
    path, token = tmp_path / "forgeglass.toml", tmp_path / "token"
    path.write_text(text)
    token.touch(0o600)
    config = load(path, {"FORGEGLASS_FORGE_TOKEN_FILE": str(token)})
    assert str(config.data_dir) == "/data"
    assert config.listen.host == "0.0.0.0"
    assert config.public_url is not None, "the forge reaches it by another name than it listens on"


def test_secrets_stand_where_the_configuration_looks() -> None:
    composed = tomllib.loads((DEPLOY / "compose" / "forgeglass.toml").read_text())["forge"]["token_file"]
    assert composed == f"/run/secrets/{SERVICE['secrets'][0]}"
    in_pod = tomllib.loads(PODS["ConfigMap"]["data"]["forgeglass.toml"])["forge"]["token_file"]
    mounts = {mount["name"]: mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert in_pod == f"{mounts['secrets']}/token"
    assert "Secret" not in PODS, "a secret in a file that is committed is none"


def test_only_the_data_and_tmp_are_written() -> None:
    """A read-only root, no rights, no root: in both."""
    assert SERVICE["read_only"] is True
    assert SERVICE["cap_drop"] == ["ALL"]
    assert SERVICE["user"] == f"{USER}:{USER}"
    assert [volume for volume in SERVICE["volumes"] if not volume.endswith(":ro")] == ["forgeglass-data:/data"]
    security = CONTAINER["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["runAsUser"] == USER
    written = {mount["mountPath"] for mount in CONTAINER["volumeMounts"] if not mount.get("readOnly")}
    assert written == {"/data", "/tmp"}


def test_there_is_never_a_second_pod_on_the_data() -> None:
    """One process owns a data folder; a Deployment would start the next pod before the last has ended."""
    assert PODS["StatefulSet"]["spec"]["replicas"] == 1
    assert "Deployment" not in PODS


def test_a_pod_gets_no_readers_before_it_has_rows() -> None:
    """And is not killed while it reads for the first time."""
    probes = {name: CONTAINER[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert probes == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    assert PODS["Service"]["spec"]["selector"] == PODS["StatefulSet"]["spec"]["selector"]["matchLabels"]


def test_the_composed_forge_may_send_deliveries_to_its_neighbour() -> None:
    """By default a forge refuses private addresses, and says so to nobody."""
    forge = COMPOSE["services"]["gitea"]
    assert forge["environment"]["GITEA__webhook__ALLOWED_HOST_LIST"] == "private"
    assert SERVICE["depends_on"] == {"gitea": {"condition": "service_healthy"}}
    assert tomllib.loads((DEPLOY / "compose" / "forgeglass.toml").read_text())["forge"]["url"] == "http://gitea:3000"


def test_nothing_listens_to_the_world() -> None:
    """Whoever reaches the port reads everything."""
    for service in COMPOSE["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
