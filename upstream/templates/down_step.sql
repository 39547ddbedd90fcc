-- Version @{version}.
@{undo}
DELETE FROM checkpoint_migrations WHERE v = @{version};
