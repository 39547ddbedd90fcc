"""The database of the checkpoints and the three roles that share it."""

from collections.abc import Sequence
from typing import TypedDict

import pulumi
import pulumi_postgresql as postgresql
import pulumi_vault as vault

from ..inputs.storage import CheckpointStorageArgs
from .scram import verifier

# 32 random bytes, which Vault prints as 64 hexadecimal digits.
PASSWORD_PATH = "sys/tools/random/32"  # noqa: S105 -- a path
# DataGuard refuses a rename, and where it is not asked (`up --target`) none is made: one in place
# that the server refuses is recorded by the provider all the same, and a destroy goes by that name.
NAME = ["name"]


class CheckpointDatabaseArgs(TypedDict):
    """Inputs of CheckpointDatabase."""

    database: str
    """Name of the database to create."""
    schema: str
    """Schema of the tables; where it is missing, the migration makes it."""
    owner: str
    """Role to create that owns the database and its tables and cannot log in."""
    migrator: str
    """Role to create that logs in to migrate, as a member of the owner."""
    application: str
    """Role to create that logs in for the application; the migration grants it rows, never DDL."""
    application_setup: bool
    """Let the application's setup() pass through the schema that the migration makes for it."""
    restore_drill: bool
    """Let the migrator create the scratch databases of restore drills."""
    needs: Sequence[pulumi.Resource]
    """What must be there before."""


class CheckpointDatabase(pulumi.ComponentResource):
    """Provisions the owner, migrator and application roles and the database.

    Vault draws the passwords, so that they are random without ever standing in a file. The schema
    is the migration's, since only the three roles may connect to the database, and so are GRANTs on
    the tables: as resources they race ("tuple concurrently updated").
    """

    migrator_password: pulumi.Output[str]
    """Password of the migrator role, a secret."""
    application_password: pulumi.Output[str]
    """Password of the application role, a secret."""

    def __init__(
        self, name: str, args: CheckpointDatabaseArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("langgraph-checkpoint:index:CheckpointDatabase", name, None, opts)

        owner = postgresql.Role(
            f"{name}-owner",
            name=args["owner"],
            login=False,
            opts=pulumi.ResourceOptions(parent=self, depends_on=args["needs"], ignore_changes=NAME),
        )
        migrator, self.migrator_password = self._login_role(
            f"{name}-migrator",
            args["migrator"],
            args,
            member_of=[owner.name],
            search_paths=[args["schema"]],
            creates_databases=args["restore_drill"],
        )
        # setup() asks for CREATE on the first schema. The deployer alone may set a role's path.
        setup = [f"{args['schema']}_setup"] if args["application_setup"] else []
        application, self.application_password = self._login_role(
            f"{name}-application",
            args["application"],
            args,
            member_of=[],
            search_paths=[*setup, args["schema"]],
        )
        postgresql.Database(
            f"{name}-database",
            name=args["database"],
            owner=owner.name,
            # What LangGraph stores is Unicode; a server's template may have another encoding.
            template="template0",
            encoding="UTF8",
            opts=pulumi.ResourceOptions(
                parent=self,
                # A role that holds grants in the database can only be dropped after it.
                depends_on=[migrator, application],
                # An administrator's; a deployer that is not the owner could not change them back.
                ignore_changes=[*NAME, "connectionLimit", "allowConnections"],
            ),
        )

        self.register_outputs({})

    def _login_role(
        self,
        name: str,
        role: str,
        args: CheckpointDatabaseArgs,
        *,
        member_of: list[pulumi.Output[str]],
        search_paths: list[str],
        creates_databases: bool = False,
    ) -> tuple[postgresql.Role, pulumi.Output[str]]:
        drawn = vault.generic.Endpoint(
            f"{name}-password",
            path=PASSWORD_PATH,
            data_json='{"format": "hex"}',
            write_fields=["random_bytes"],
            disable_read=True,
            disable_delete=True,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=args["needs"],
                additional_secret_outputs=["writeData", "writeDataJson"],
            ),
        )
        password = pulumi.Output.secret(drawn.write_data["random_bytes"])
        login = postgresql.Role(
            name,
            name=role,
            login=True,
            # Hashed here: a server that logs statements logs this one too.
            password=password.apply(verifier),
            roles=member_of,
            create_database=creates_databases,
            # Fixed, so that no schema of the session's user comes before the tables' own.
            search_paths=search_paths,
            # Set once, as the secret is: a rotation outside stays, an adopted role keeps its own.
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=args["needs"],
                ignore_changes=[*NAME, "password"],
            ),
        )
        return login, password


def managed_database(
    name: str,
    args: CheckpointStorageArgs,
    *,
    parent: pulumi.Resource,
    needs: Sequence[pulumi.Resource],
) -> CheckpointDatabase | None:
    """Make database and roles, where the environment is to own them."""
    if not args.manage_database:
        return None
    return CheckpointDatabase(
        f"{name}-database",
        {
            "database": args.database_name,
            "schema": args.database_schema,
            "owner": args.database_owner,
            "migrator": args.database_username,
            "application": args.database_application_role,
            "application_setup": args.application_setup,
            "restore_drill": bool(args.restore_drill_schedule),
            "needs": needs,
        },
        opts=pulumi.ResourceOptions(parent=parent),
    )
