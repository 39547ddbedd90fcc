.DEFAULT_GOAL := help
SHELL := /bin/sh

ENVIRONMENT ?= dev
PYTHON := .venv/bin/python
ARCHIVE ?= toolchain.tar.gz
SBOM ?= sbom.cdx.json
# A test mostly waits, for a Job or a server: three of them keep two cores busy.
WORKERS ?= 3
# An environment with what a deployment needs and nothing of the tests.
PROGRAM = $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/langgraph-checkpoint/program-$(shell sha256sum requirements.txt | cut -c 1-16)
DEVSTACK := $(PYTHON) -m devstack
# Runs what follows with the embedded stack's addresses and credentials.
WITH_STACK = stack_env=$$($(DEVSTACK) env) && eval "$$stack_env" &&
# The files with the longest tests come first in the alphabet, so the last worker ends soon.
PYTEST = $(PYTHON) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
PULUMI = $(WITH_STACK) pulumi --stack $(ENVIRONMENT)

VAULTS ?= 1.15.6 1.21.4
VAULT_TESTS := $(addprefix tests/integration/,attacks/test_login.py attacks/test_token.py \
	test_bad_input.py test_failures.py test_permissions.py test_vault_init.py \
	test_vault_provider_kv.py)

SERVERS ?= 16 17 18
SERVER_TESTS := $(addprefix tests/integration/,attacks/test_database.py test_adoption.py \
	test_backup_job.py test_life_cycle.py test_other_roles.py test_passwords_and_names.py \
	test_retention_job.py test_rollback.py)

SHELL_FILES := $(wildcard .ci/* components/pulumi-resource-*) $(shell find components devstack findings migrations -type f -name '*.sh')
SQL_FILES := $(wildcard migrations/*.sql migrations/*/*.sql components/schema/*.sql)

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

setup: ## Install what is missing: Debian packages, Python environment
	@devstack/setup.sh

demo: up ## Start the embedded stack, bring the dev environment up, print the report
	@$(MAKE) --no-print-directory report

stack: setup ## Start the embedded stack
	@$(DEVSTACK) up
	@$(WITH_STACK) pulumi stack select --create $(ENVIRONMENT)

up: stack ## pulumi up
	@$(PULUMI) up --yes --skip-preview --suppress-outputs

repair: setup ## Migrate and verify again, whatever the state says
	@$(PULUMI) up --yes --skip-preview --suppress-outputs --replace '**-migration-job'

report: ## Print the verification report of the last up
	@$(PULUMI) stack output --json | $(PYTHON) -m devstack.report

preview: setup ## pulumi preview; needs neither a cluster nor Vault to run
	@$(PULUMI) preview --diff

policy: setup ## pulumi preview under the rules of the policy pack
	@$(PULUMI) preview --policy-pack policy

plan: setup ## Say in words what the SQL would do to the database of libpq's variables
	@migrations/plan_migration.sh

render: setup ## Write rendered/ENVIRONMENT: manifests for kubectl, a Helm chart, Argo CD, Vault
	@$(PYTHON) -m render $(ENVIRONMENT)

destroy: setup ## pulumi destroy: rolls the schema back first, refuses while tables hold rows
	@$(PULUMI) destroy --yes --skip-preview

down: setup ## Stop the embedded stack and keep its data
	@$(DEVSTACK) down

toolchain: setup ## Pack the embedded stack's programs: TOOLCHAIN=FILE|URL make demo then builds none
	@$(DEVSTACK) pack $(ARCHIVE)

check: setup ## Format, lint, types, shell, workflows and SQL
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	.venv/bin/basedpyright
	.venv/bin/shellcheck --shell=sh $(SHELL_FILES)
	$(PYTHON) -m devstack.toolchain.lint_workflows
	.venv/bin/zizmor --offline --quiet .github
	@# squawk reads psql's commands, but not its variables; one on a line of its own is text of psql.
	@for file in $(SQL_FILES); do \
		sed -e "s/:\(['\"]\)\([a-z_]*\)['\"]/\1\2\1/g" -e '/^:[a-z_]*[ \;]*$$/d' $$file | \
		.venv/bin/squawk --stdin-filepath $$file || exit 1; \
	done

test: setup ## The product's tests, on embedded stacks side by side
	@$(PYTHON) -m tests.support.build
	$(PYTEST) -m "not lane"

test-lanes: setup ## The tests that need other tools: Helm, Argo CD, promtool, an S3 server, other languages
	@$(PYTHON) -m tests.support.build --lanes
	$(PYTEST) -m lane

test-fast: setup ## The unit tests, for the loop while writing
	$(PYTEST) -m "not lane" tests/unit

soak: vaults ## Long runs of faults and of random operations, for hours (SEED=… STEPS=… for the walk)
	$(PYTHON) -m pytest tests/soak

soak-vault: vaults ## The tests that concern Vault on HashiCorp's Vault 1.15.6 and 1.21.4
	@set -e; for version in $(VAULTS); do \
		$(PYTHON) -m pytest tests/soak/test_vaults.py -k $$version; \
		DEVSTACK_VAULT=$$($(PYTHON) -m tests.support.vaults $$version) \
			$(PYTHON) -m pytest $(VAULT_TESTS); \
	done

soak-postgres: setup ## The tests that concern the database's server on PostgreSQL 16, 17 and 18
	@set -e; for version in $(SERVERS); do \
		POSTGRES_VERSION=$$version $(PYTHON) -m pytest $(SERVER_TESTS); \
	done

vaults: setup ## Build HashiCorp's Vault for these tests
	@set -e; for version in $(VAULTS); do $(PYTHON) -m tests.support.vaults $$version; done

upstream: setup ## Compare with released savers (VERSIONS="3.2.0 …") and draft what is new there
	$(PYTHON) -m upstream $(VERSIONS)

bench: setup ## Benchmarks, printed as a table
	$(PYTHON) -m benchmarks

bench-live: setup ## Upgrade of 10 million rows a table under traffic; 32 GB of disk
	$(PYTHON) -m benchmarks --only live

sbom: setup ## Write sbom.cdx.json: the packages a deployment runs on, with their licenses
	.venv/bin/uv venv --quiet --clear $(PROGRAM)
	.venv/bin/uv pip install --quiet --require-hashes --no-deps --python $(PROGRAM) \
		--requirement requirements.txt
	.venv/bin/cyclonedx-py environment $(PROGRAM) --pyproject pyproject.toml \
		--output-reproducible --output-file $(SBOM)

audit: setup ## Ask OSV for known vulnerabilities of all locked packages (OSV_URL=… for a mirror)
	@.ci/audit .venv/bin/pip-audit $(OSV_URL)

lock: setup ## Renew the hash-locked requirements
	.venv/bin/uv pip compile --quiet --upgrade --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header pyproject.toml --output-file requirements.txt
	.venv/bin/uv pip compile --quiet --upgrade --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --group devstack --group dev pyproject.toml \
		--constraint requirements.txt --output-file requirements-dev.txt
	.venv/bin/uv pip compile --quiet --upgrade --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --group bench \
		--constraint requirements-dev.txt --output-file requirements-bench.txt
	.venv/bin/uv pip compile --quiet --upgrade --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --group policy --output-file policy/requirements.txt

.PHONY: help setup demo stack up repair report preview policy plan render destroy down toolchain check test test-lanes test-fast soak soak-vault soak-postgres vaults bench bench-live sbom audit lock
