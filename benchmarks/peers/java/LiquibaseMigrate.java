import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.util.Map;
import liquibase.Contexts;
import liquibase.Liquibase;
import liquibase.database.DatabaseFactory;
import liquibase.database.jvm.JdbcConnection;
import liquibase.resource.DirectoryResourceAccessor;

/** Runs the changelog in the folder that is the only argument; the connection is in the environment. */
public final class LiquibaseMigrate {
    public static void main(String[] arguments) throws Exception {
        Map<String, String> environment = System.getenv();
        try (Connection connection =
                DriverManager.getConnection(
                        environment.get("JDBC_URL"),
                        environment.get("PGUSER"),
                        environment.get("PGPASSWORD"))) {
            new Liquibase(
                            "changelog.sql",
                            new DirectoryResourceAccessor(Path.of(arguments[0])),
                            DatabaseFactory.getInstance()
                                    .findCorrectDatabaseImplementation(
                                            new JdbcConnection(connection)))
                    .update(new Contexts());
        }
    }
}
