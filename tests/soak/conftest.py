"""What the long runs share with the tests of the same faults."""

from tests.faults.conftest import dice as dice
from tests.faults.conftest import ground as ground
from tests.faults.conftest import migrator as migrator
from tests.faults.conftest import old_database as old_database
from tests.integration.conftest import deploy as deploy
from tests.integration.conftest import devstack as devstack
from tests.integration.conftest import documented_deployer as documented_deployer
from tests.scripts.conftest import programs as programs
