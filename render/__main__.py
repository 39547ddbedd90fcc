"""`python -m render ENVIRONMENT`: writes the folder rendered/ENVIRONMENT anew."""

import argparse
import shutil
import sys
from pathlib import Path

from components.inputs.checks import InputsError
from components.jobs.setup import job_template
from components.schema.files import job_files
from components.settings.settings import PROJECT_FILE

from .argocd import argocd
from .environment import load
from .helm import chart
from .plain import plain, vault_files

RENDERED = PROJECT_FILE.with_name("rendered")
PARTS = {"argocd": argocd, "chart": chart, "plain": plain, "vault": vault_files}


def main() -> int:
    """Write all files, or none and say why; print how long a deployer is to wait for a Job."""
    parser = argparse.ArgumentParser(prog="python -m render", description=__doc__)
    parser.add_argument("environment", help="the one that Pulumi.ENVIRONMENT.yaml describes")
    parser.add_argument("--to", type=Path, help="folder to replace; rendered/ENVIRONMENT if unset")
    given = parser.parse_args()
    folder: Path = given.to or RENDERED / given.environment
    try:
        args = load(given.environment)
    except FileNotFoundError as error:
        print(
            f"expected {error.filename}, found nothing; Pulumi.dev.yaml shows how", file=sys.stderr
        )
        return 1
    except InputsError as error:
        print(error, file=sys.stderr)
        return 1
    files = {
        folder / part / path: text
        for part, write in PARTS.items()
        for path, text in write(args).items()
    }
    for part in PARTS:
        shutil.rmtree(folder / part, ignore_errors=True)
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    print(f"{len(files)} files in {folder}: {', '.join(PARTS)}")
    print(f"TIMEOUT={job_template(args, job_files(args)).await_seconds}s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
