#!/bin/sh
# A `pulumi refresh` that fails still saves what the other reads found.
#
# Seen with: engine v3.250.0, Python SDK 3.272.0, state in a local folder.
#
# A stack has a guard and a table. The guard's `read` raises when the server is not the one that the
# stack was made on. The table's `read` looks for the table on the server. The guard has no
# dependency, and the table depends on the guard. Then the address leads to another, empty server.
#
# Guess: the refresh fails, so the state is as it was. Wrong. The engine reads all resources of a
# refresh and does not wait for the guard. The command exits with a failure, and the table is gone from
# the state although it is still there on the first server. The same was seen with a table whose read
# takes two seconds, long after the guard's refusal.
#
# Output seen:
#   -  pulumi-python:dynamic:Object table deleted (0.01s)
#   ValueError: expected server first, found second
#   exit status of the refresh: 1
#   in the state before it: guard table
#   in the state after it: guard
#   the table is still on the first server
#
# Hurt: whoever writes a provider that refuses a refresh at a wrong server, and takes "failed" for
# "unchanged". The next `up` makes the table again, or fails because it is there already.
#
# Do instead: refuse in each `read`, or before the engine starts; keep a `pulumi stack export` of
# before. A resource in front of the others protects an `up`, not a `refresh`.

set -eu

folder=$(mktemp -d)
# The Go tool makes its module cache read-only.
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
cd "$folder"
mkdir bin engine project state

echo "installing the engine (minutes where nothing is cached) and the Python SDK"
(
    cd engine
    go mod init example.com/finding
    go get -tool github.com/pulumi/pulumi/pkg/v3/cmd/pulumi@v3.250.0
    go build -trimpath -o ../bin/pulumi github.com/pulumi/pulumi/pkg/v3/cmd/pulumi
) >install.log 2>&1 || { cat install.log; exit 1; }
python3 -m venv venv
venv/bin/pip install --quiet pulumi==3.272.0 grpcio==1.85.1 protobuf==6.33.6 dill==0.4.1

# The two plugins that an installed release of Pulumi brings beside the engine.
cat >bin/pulumi-language-python <<'EOF'
#!/usr/bin/env python3
import runpy
import signal
from concurrent import futures

import grpc
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc


class Language(LanguageServer):
    def Handshake(self, request, context):
        return language_pb2.LanguageHandshakeResponse()


def program():
    runpy.run_path("__main__.py", run_name="__main__")


server = grpc.server(futures.ThreadPoolExecutor())
language_pb2_grpc.add_LanguageRuntimeServicer_to_server(Language(program), server)
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
signal.signal(signal.SIGINT, lambda *_: server.stop(None))
server.wait_for_termination()
EOF
cat >bin/pulumi-resource-pulumi-python <<'EOF'
#!/bin/sh
exec python3 -u -m pulumi.dynamic "$@"
EOF
chmod +x bin/pulumi-*

export PATH="$folder/bin:$folder/venv/bin:$PATH"
export PULUMI_HOME="$folder/home" PULUMI_BACKEND_URL="file://$folder/state"
export PULUMI_CONFIG_PASSPHRASE=finding PULUMI_SKIP_UPDATE_CHECK=true

cd project
cat >Pulumi.yaml <<'EOF'
name: finding
runtime: python
EOF
cat >__main__.py <<'EOF'
import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, ResourceProvider


# A dynamic provider travels as a pickle: each method imports what it needs.
class Guard(ResourceProvider):
    def create(self, props):
        import os

        with open(os.environ["SERVER"] + "/name") as file:
            return CreateResult("guard", {"server": file.read()})

    def read(self, id_, props):
        import os

        with open(os.environ["SERVER"] + "/name") as file:
            found = file.read()
        if found != props["server"]:
            raise ValueError(f"expected server {props['server']}, found {found}")
        return ReadResult(id_, props)


class Table(ResourceProvider):
    def create(self, props):
        import os

        with open(os.environ["SERVER"] + "/table", "x"):
            return CreateResult("table", {})

    def read(self, id_, props):
        import os

        if os.path.exists(os.environ["SERVER"] + "/table"):
            return ReadResult(id_, props)
        return ReadResult("", {})


class Object(Resource, name="Object"):
    pass


guard = Object(Guard(), "guard", {"server": None})
Object(Table(), "table", {}, pulumi.ResourceOptions(depends_on=[guard]))
EOF

mkdir ../first ../second
printf first >../first/name
printf second >../second/name

# Names of the state's resources, apart from the stack and the provider.
recorded() {
    pulumi stack export | sed -n 's/.*"urn": ".*dynamic[^"]*Object::\(.*\)",/\1/p' | sort | xargs
}

pulumi stack init dev >/dev/null 2>&1
SERVER="$folder/first" pulumi up --yes --skip-preview >up.log 2>&1 || { cat up.log; exit 1; }
before=$(recorded)
status=0
SERVER="$folder/second" pulumi refresh --yes --skip-preview >refresh.log 2>&1 || status=$?
after=$(recorded)

grep -E '^ *ValueError|table deleted' refresh.log | sed 's/^ *//' | sort -u
echo "exit status of the refresh: $status"
echo "in the state before it: $before"
echo "in the state after it: $after"
if [ -e ../first/table ]; then echo "the table is still on the first server"; fi

if [ "$before" = "guard table" ] && [ "$status" -ne 0 ] && [ "$after" = guard ]; then
    exit 0
fi
echo "expected a failed refresh that forgets the table: Pulumi behaves differently now" >&2
exit 1
