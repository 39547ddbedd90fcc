from pathlib import Path

import pytest
import yaml

from components.inputs.checks import InputsError
from components.settings.settings import PROJECT_FILE
from components.settings.settings import load as load_settings

REPOSITORY = PROJECT_FILE.parent
DECLARED = yaml.safe_load(PROJECT_FILE.read_text())["config"]
KUBECONFIG = """
current-context: here
contexts:
- {name: here, context: {cluster: c}}
- {name: staging, context: {cluster: c}}
- {name: prod, context: {cluster: c}}
clusters: [{name: c, cluster: {server: "https://10.0.0.1:6443"}}]
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG)
    return {
        "KUBECONFIG": str(kubeconfig),
        "VAULT_ADDR": "https://10.0.0.1:8200",
        "PGHOST": "10.0.0.1",
        "PGPORT": "15432",
    }


def problems(environ: dict[str, str]) -> str:
    with pytest.raises(InputsError) as caught:
        load_settings(environ)
    return str(caught.value)


@pytest.mark.parametrize("path", sorted(REPOSITORY.glob("Pulumi.*.yaml")), ids=lambda p: p.name)
def test_every_committed_environment_is_accepted(path: Path, configure, environ) -> None:
    stack = path.name.split(".")[1]
    given = yaml.safe_load(path.read_text())["config"]
    configure(stack, **{key.split(":")[1]: value for key, value in given.items()})

    assert load_settings(environ).environment == stack


def test_defaults_are_those_of_the_project_file(configure, environ) -> None:
    configure(environment="dev")

    settings = load_settings(environ)

    assert settings.namespace == "bizmatters"
    assert settings.vault_secret_path == "bizmatters/agent-executor/postgres"
    assert settings.backoff_limit == 3
    assert settings.allow_data_loss is False


def test_empty_addresses_come_from_the_tools_own_environment(configure, environ) -> None:
    configure(environment="dev", manageVaultAuthMount=True)

    settings = load_settings(environ)

    assert settings.vault_address_in_cluster == "https://10.0.0.1:8200"
    assert (settings.database_host, settings.database_port) == ("10.0.0.1", 15432)
    assert settings.kubernetes_host_for_vault == "https://10.0.0.1:6443"


def test_managed_roles_are_named_after_the_database(configure, environ) -> None:
    configure(environment="dev", manageDatabase=True, manageSecret=True, databaseName="graphs")

    settings = load_settings(environ)

    assert settings.database_owner == "graphs_owner"
    assert settings.database_username == "graphs_migrator"
    assert settings.database_application_role == "graphs_app"


def test_all_problems_are_listed_at_once(configure, environ) -> None:
    configure(
        environment="dev",
        namespce="typo",
        vaultAddress="vault:8200",
        backoffLimit="many",
        timeoutSeconds=5,
        manageSecret=True,
    )

    text = problems(environ)

    assert "namespce: no such setting; did you mean 'namespace'" in text
    assert "vaultAddress: expected a URL" in text
    assert "backoffLimit: expected integer, found 'many'" in text
    assert "timeoutSeconds: expected a number from 30" in text
    assert "databaseUsername: expected a value" in text
    assert "have 7 problem(s), nothing was changed" in text


def test_an_unknown_environment_says_how_to_make_one(configure, environ) -> None:
    configure("qa")

    assert "environment: expected 'qa', found nothing: this environment is unknown" in problems(
        environ
    )


def test_another_environments_settings_are_refused(configure, environ) -> None:
    configure("prod", environment="dev")

    assert "expected the stack's name 'prod', found 'dev'" in problems(environ)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("namespace", "Upper"),
        ("namespace", "n" * 64),
        ("name", "n" * 47),
        ("serviceAccount", "a b"),
        ("vaultRole", 'x" {}'),
        ("vaultSecretPath", "../other"),
        ("vaultSecretPath", "a//b"),
        ("vaultKvMount", "kv/*"),
        ("vaultAudience", ""),
        ("postgresImage", "-flag"),
        ("databaseName", "two\nlines"),
        ("databaseSchema", "s" * 64),
        ("databaseSchema", "pg_catalog"),
        ("databaseSchema", "$user"),
        ("databaseName", "blank "),
        ("databaseUsername", "\u00e9" * 32),
        ("databaseHost", "db.example.com:5432"),
        ("databaseHost", "one.example.com,two.example.com:5433"),
        ("databaseReaders", "grafana,,reports"),
        ("databaseReaders", "grafana, "),
        ("databaseReaders", "grafana\treports"),
        ("databaseReaders", f"grafana, {'r' * 64}"),
        ("verify", "never"),
        ("insecureDatabaseSslMode", "verify-full"),
        ("insecureDatabaseSslMode", "verify-ca"),
        ("vaultCaCertFile", "/no/such.pem"),
        ("databasePort", "70000"),
        ("ttlSecondsAfterFinished", "5"),
        ("manageDatabase", "true"),
        ("manageDatabase", "yes"),
    ],
)
def test_a_bad_value_is_refused_by_its_key(key, value, configure, environ) -> None:
    configure(environment="dev", **{key: value})

    blamed = {"true": "manageSecret", "verify-ca": "databaseCaCertFile"}.get(value, key)
    assert f"{blamed}: expected" in problems(environ)


def test_managed_names_that_the_provider_cannot_write_or_read_back_are_refused_together(
    configure, environ
) -> None:
    names = {"databaseName": "it's a\\b", "databaseSchema": "one, t\\wo"}
    configure(environment="dev", manageDatabase=True, manageSecret=True, **names)
    managed = problems(environ)
    configure(environment="dev", manageDatabase=False, manageSecret=False, **names)

    assert "databaseName: expected a name without a single quote" in managed
    assert "databaseOwner: expected a name without a backslash" in managed
    assert "databaseSchema: expected a name without a backslash" in managed
    assert "databaseSchema: expected a name without a comma and a space" in managed
    guest = load_settings(environ)
    assert (guest.database_name, guest.database_schema) == (*names.values(),)


def test_a_role_that_writes_is_no_reader(configure, environ) -> None:
    names = {"databaseApplicationRole": "app", "databaseReaders": "grafana, app"}
    configure(environment="dev", **names)

    assert (
        "databaseReaders, databaseApplicationRole: expected roles that only read,"
        " found 'app' in both" in problems(environ)
    )


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("users: [token: 'hunter2", ""),
        ("just text hunter2", ""),
        ("{}", ""),
        (KUBECONFIG, "nowhere"),
    ],
    ids=["no-yaml", "no-mapping", "empty", "no-such-context"],
)
def test_a_bad_kubeconfig_is_refused_and_never_quoted(text, context, configure, environ) -> None:
    configure(environment="dev", kubeconfig=text, kubeContext=context)

    assert "kubeconfig: expected a kubeconfig with the context" in problems(environ)
    assert "hunter2" not in problems(environ)


RELATIVE = """
current-context: a
contexts: [{name: a, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://a:6443", certificate-authority: ca.crt}}]
users: [{name: u, user: {client-key: /keys/me.pem}}]
"""


def test_a_kubeconfigs_files_are_looked_for_beside_it(configure, environ, tmp_path) -> None:
    configure(environment="dev")
    (tmp_path / "elsewhere").write_text(RELATIVE)

    kept = load_settings(environ | {"KUBECONFIG": str(tmp_path / "elsewhere")}).kubeconfig

    assert f"certificate-authority: {tmp_path}/ca.crt" in kept
    assert "client-key: /keys/me.pem" in kept


def test_a_kubeconfig_as_text_names_no_relative_file(configure, environ) -> None:
    configure(environment="dev", kubeconfig=RELATIVE)

    assert "expected an absolute path in certificate-authority" in problems(environ)


def test_a_kubeconfig_without_a_server_is_refused(configure, environ) -> None:
    configure(environment="dev", kubeconfig=RELATIVE.replace("server", "serv"))

    assert "its cluster and server and the user that it names, found none (KeyError)" in problems(
        environ
    )


def test_a_port_that_is_no_number_is_named_with_its_variable(configure, environ) -> None:
    configure(environment="dev")

    assert "databasePort: expected a number from 1 to 65535 in PGPORT, found 'abc'" in problems(
        environ | {"PGPORT": "abc"}
    )


@pytest.mark.parametrize("value", ["true", "1", "T", "yes"])
def test_a_variable_that_switches_vaults_tls_off_is_refused(value: str, configure, environ) -> None:
    configure(environment="dev")

    assert "- VAULT_SKIP_VERIFY: expected it not to be set" in problems(
        environ | {"VAULT_SKIP_VERIFY": value}
    )
    assert load_settings(environ | {"VAULT_SKIP_VERIFY": "False"})


def test_an_empty_vault_namespace_is_that_of_vaults_own_tools(configure, environ) -> None:
    environ |= {"VAULT_NAMESPACE": "ambient"}

    configure(environment="dev")
    assert load_settings(environ).vault_namespace == "ambient"
    configure(environment="dev", vaultNamespace="set")
    assert load_settings(environ).vault_namespace == "set"


def test_two_managed_roles_of_one_name_are_refused(configure, environ) -> None:
    configure(
        environment="dev",
        manageDatabase=True,
        manageSecret=True,
        databaseOwner="x",
        databaseApplicationRole="x",
    )

    said = problems(environ)

    assert "databaseOwner, databaseApplicationRole: expected two roles" in said
    assert said.count("expected two roles") == 1


def test_of_several_kubeconfigs_the_first_that_has_a_name_counts(
    configure, environ, tmp_path
) -> None:
    configure(environment="dev")
    other = KUBECONFIG.replace("10.0.0.1", "10.0.0.2").replace("name: prod", "name: other")
    (tmp_path / "other").write_text(other)
    paths = f"{tmp_path / 'none'}:{environ['KUBECONFIG']}:{tmp_path / 'other'}"

    assert "10.0.0.1" in load_settings(environ | {"KUBECONFIG": paths}).kubeconfig
    configure("other", environment="other", kubeContext="other")
    kept = yaml.safe_load(load_settings(environ | {"KUBECONFIG": paths}).kubeconfig)
    assert kept["current-context"] == "other"
    assert kept["clusters"][0]["cluster"]["server"] == "https://10.0.0.1:6443"


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ("{auth-provider: {name: oidc}}", "found auth-provider; use the exec plugin"),
        ("{exec: {apiVersion: v9, command: hunter2}}", "found another apiVersion; renew it"),
        ("{token: hunter2, username: me}", "expected token or username, found both"),
        ("{as-groups: [hunter2]}", "expected as beside as-uid"),
        ("{tokenFile: hunter2}", "expected an absolute path in tokenFile"),
    ],
)
def test_a_login_that_cannot_work_is_refused_and_never_quoted(
    user: str, said: str, configure, environ
) -> None:
    text = RELATIVE.replace("ca.crt", "/ca.crt").replace("{client-key: /keys/me.pem}", user)
    configure(environment="dev", kubeconfig=text)

    assert "- kubeconfig: expected" in problems(environ)
    assert said in problems(environ)
    assert "hunter2" not in problems(environ)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"VAULT_CLIENT_CERT": "/no/such.pem"}, "VAULT_CLIENT_KEY: [Errno 2] No such file"),
        ({"VAULT_CACERT_BYTES": "none"}, "expected certificates in PEM in VAULT_CACERT_BYTES"),
        ({"VAULT_PROXY_ADDR": "me:hunter2@proxy"}, "- VAULT_PROXY_ADDR: expected a proxy as"),
        ({"HTTPS_PROXY": "ftp://me:hunter2@proxy"}, "- HTTPS_PROXY: expected a proxy as"),
    ],
)
def test_variables_that_vault_could_not_use_are_refused(
    variables: dict[str, str], said: str, configure, environ
) -> None:
    configure(environment="dev")

    assert said in problems(environ | variables)
    assert "hunter2" not in problems(environ | variables)


def test_only_the_chosen_context_is_kept(configure, environ) -> None:
    configure("staging", environment="staging", kubeContext="staging")

    kept = yaml.safe_load(load_settings(environ).kubeconfig)

    assert [context["name"] for context in kept["contexts"]] == ["staging"]
    assert kept["current-context"] == "staging"


def test_a_password_never_appears_in_a_complaint(configure, environ) -> None:
    configure(environment="dev", databasePassword="hunter2", namespce="x", timeoutSeconds=1)

    assert "hunter2" not in problems(environ)


@pytest.mark.parametrize("password", ["two\nlines", "end\r", "nul\0", "no UTF-8 \ufffd"])
def test_a_password_that_cannot_arrive_is_refused_by_its_key_alone(
    password, configure, environ
) -> None:
    configure(environment="dev", manageSecret=True, databasePassword=password)

    text = problems(environ)

    assert "databasePassword: expected one line of text" in text
    assert password not in text


def test_setup_of_the_application_needs_a_role_and_room_behind_the_schemas_name(
    configure, environ
) -> None:
    configure(environment="dev", applicationSetup=True, databaseSchema="s" * 58)

    found = problems(environ)

    assert (
        "databaseApplicationRole: expected the role that calls setup() (applicationSetup)" in found
    )
    assert (
        "databaseSchema: expected at most 57 bytes, since applicationSetup makes a schema with "
        "_setup behind that name, found 58" in found
    )
