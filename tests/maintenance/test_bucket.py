"""Dumps in an S3-compatible bucket, taken there by rclone to a server of another make."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.toolchain import golang
from devstack.toolchain import programs as built
from tests.maintenance.test_backup import OTHERS, OURS
from tests.scripts.conftest import Container
from tests.scripts.conftest import container as container
from tests.scripts.conftest import programs as programs
from tests.support.s3_server import BUCKET, KEY, KEY_ID, S3Server, s3_server

pytestmark = pytest.mark.lane
SCRIPT = "bucket.sh"
NEW = "prod-29990101T000000Z.dump"
YOUNG = "prod-29980101T000000Z.dump"
Transfer = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def prefix(s3: S3Server, tmp_path: Path) -> Path:
    """Return a folder of this test's own in the bucket."""
    return s3.bucket / tmp_path.name


@pytest.fixture
def dumps(tmp_path: Path) -> Path:
    folder = tmp_path / "dump"
    folder.mkdir()
    (folder / NEW).write_bytes(b"a dump" * 1000)
    (folder / "report").write_text("4 rows, 6000 bytes\n")
    return folder


def write_key(container: Container, key: str = KEY) -> None:
    (container.credentials / "rclone.conf").write_text(
        f"[bucket]\ntype = s3\naccess_key_id = {KEY_ID}\nsecret_access_key = {key}\n"
    )


@pytest.fixture
def transfer(
    container: Container, s3: S3Server, prefix: Path, dumps: Path, programs: Path
) -> Transfer:
    if not (programs / "rclone").exists():
        (programs / "rclone").symlink_to(golang.build(built.RCLONE, lambda _: None))
    write_key(container)
    container.environment |= {
        "BACKUP_BUCKET": f"{BUCKET}/{prefix.name}",
        "BACKUP_DIR": str(dumps),
        "BACKUP_NAME": "prod",
        "BACKUP_KEEP_DAYS": "14",
        "BACKUP_REPORT": str(dumps / "report"),
        "HOME": str(container.directory),
        "RCLONE_CONFIG": str(container.credentials / "rclone.conf"),
        "RCLONE_S3_PROVIDER": "Other",
        "RCLONE_S3_ENDPOINT": s3.address,
        "RCLONE_CA_CERT": str(s3.ca_file),
        # One attempt each: what a retry repairs is rclone's own affair.
        "RCLONE_LOW_LEVEL_RETRIES": "1",
    }

    def run(direction: str, **environment: str) -> tuple[int, str, str]:
        status, output, message = container.run(SCRIPT, direction, **environment)
        assert KEY not in output + message
        return status, output, message

    return run


def test_a_dump_goes_to_the_bucket_and_comes_back_to_the_byte(
    transfer: Transfer, prefix: Path, dumps: Path, tmp_path: Path
) -> None:
    up, _, sentence = transfer("upload")
    back = tmp_path / "back"
    back.mkdir()
    down, _, downloaded = transfer("download", BACKUP_DIR=str(back))

    assert (up, down) == (0, 0), (sentence, downloaded)
    assert sentence == (
        f"dumped 4 rows, 6000 bytes to {NEW} in s3://{BUCKET}/{prefix.name}; "
        "removed 0 older than 14 days, 1 are there"
    )
    assert downloaded == f"downloaded {NEW} (6000 bytes) from s3://{BUCKET}/{prefix.name}"
    assert (back / NEW).read_bytes() == (dumps / NEW).read_bytes()


def test_of_a_bucket_only_what_is_ours_and_old_is_removed(transfer: Transfer, prefix: Path) -> None:
    prefix.mkdir()
    for name in (OURS, YOUNG, *OTHERS):
        (prefix / name).write_text(name)
    (prefix / "below").mkdir()
    (prefix / "below" / OURS).write_text("in a folder of others")

    status, _, sentence = transfer("upload")

    assert status == 0
    assert sentence.endswith("; removed 1 older than 14 days, 2 are there")
    assert {path.name for path in prefix.iterdir()} == {NEW, YOUNG, "below", *OTHERS}
    assert (prefix / "below" / OURS).exists()


def test_an_upload_that_fails_removes_nothing(
    container: Container, transfer: Transfer, prefix: Path
) -> None:
    prefix.mkdir()
    (prefix / OURS).write_text("the last good one")
    write_key(container, "wrong")

    status, _, sentence = transfer("upload")

    assert status == 11
    assert sentence.startswith(f"credentials or rights of s3://{BUCKET}/")
    assert [path.name for path in prefix.iterdir()] == [OURS]


@pytest.mark.parametrize(
    ("changes", "status", "text"),
    [
        ({"BACKUP_BUCKET": "nowhere/x"}, 10, "expected the bucket of s3://nowhere/x, found none"),
        ({"RCLONE_S3_ENDPOINT": "https://127.0.0.1:1"}, 12, "connection refused"),
        ({"RCLONE_CA_CERT": "/etc/ssl/certs/ca-certificates.crt"}, 11, "x509"),
    ],
    ids=["no bucket", "away", "not trusted"],
)
def test_the_exit_status_tells_what_a_human_must_mend(
    transfer: Transfer, s3: S3Server, changes: dict[str, str], status: int, text: str
) -> None:
    found, _, sentence = transfer("upload", **changes)

    assert found == status, sentence
    assert text in sentence
    assert not (s3.bucket.parent / "nowhere").exists()


def test_a_bucket_without_a_dump_has_nothing_to_download(
    transfer: Transfer, prefix: Path, dumps: Path
) -> None:
    prefix.mkdir()
    (prefix / "prod-eu-20200101T000000Z.dump").write_text("another environment's")

    status, _, sentence = transfer("download")

    assert status == 10
    assert "expected a dump of prod in s3://" in sentence
