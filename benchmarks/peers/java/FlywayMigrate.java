import java.util.Map;
import org.flywaydb.core.Flyway;

/** Runs the migrations in the folder that is the only argument; the connection is in the environment. */
public final class FlywayMigrate {
    public static void main(String[] arguments) {
        Map<String, String> environment = System.getenv();
        Flyway.configure()
                .dataSource(
                        environment.get("JDBC_URL"),
                        environment.get("PGUSER"),
                        environment.get("PGPASSWORD"))
                .locations("filesystem:" + arguments[0])
                // Its lock is a transaction, for whose end CREATE INDEX CONCURRENTLY would wait.
                .configuration(Map.of("flyway.postgresql.transactional.lock", "false"))
                .load()
                .migrate();
    }
}
