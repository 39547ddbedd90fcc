#!/bin/sh
# `pulumi up --target` also updates providers, and does not ask what they depend on.
#
# Seen with: engine v3.250.0, Python SDK 3.272.0, state in a local folder.
#
# A stack has a guard, an explicit provider and a note. The guard refuses an `up` when the address is
# another one than the stack was made with. The provider has this address in its configuration and
# depends on the guard. The note has nothing to do with either. Then the address changes, and the
# note alone is the target.
#
# Guess: "other resources will not be updated", as the help of `--target` says, so the provider's
# configuration stays as it was. Wrong. Providers are always targeted. The new address is in the
# state, and the guard has not been asked, because the guard is no target.
#
# Output seen:
#   after the first up: guard first server first
#   ValueError: expected first, found second
#   exit status of an up with the second address: 1, then: guard first server first
#    ~  pulumi:providers:pulumi-python server updated (0.00s) [diff: ~address]
#   exit status of one that targets the note: 0, then: guard first server second
#
# Hurt: whoever puts a check in front of a provider with `depends_on`. A later
# `destroy` runs no program and takes the address from the state: the one that the check refused.
#
# Do instead: check the address in the program, before the provider is declared.

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
import os

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider


class Guard(ResourceProvider):
    def create(self, props):
        return CreateResult("guard", props)

    def diff(self, id_, olds, news):
        if olds["address"] != news["address"]:
            raise ValueError(f"expected {olds['address']}, found {news['address']}")
        return DiffResult(changes=False)


class Note(ResourceProvider):
    def create(self, props):
        return CreateResult("note", props)


class Object(Resource, name="Object"):
    pass


address = os.environ["SERVER"]
guard = Object(Guard(), "guard", {"address": address})
# Any package has explicit providers; that of the dynamic resources needs no further plugin.
server = pulumi.ProviderResource(
    "pulumi-python", "server", {"address": address}, pulumi.ResourceOptions(depends_on=[guard])
)
Object(Note(), "table", {}, pulumi.ResourceOptions(provider=server))
Object(Note(), "note", {})
EOF

# The addresses in the state: the guard's, then the provider's.
recorded() {
    pulumi stack export >stack.json
    python3 - <<'EOF'
import json

for resource in json.load(open("stack.json"))["deployment"]["resources"]:
    name = resource["urn"].rsplit("::", 1)[1]
    if name in ("guard", "server"):
        print(name, resource["inputs"]["address"], end=" ")
EOF
}

pulumi stack init dev >/dev/null 2>&1
SERVER=first pulumi up --yes --skip-preview >up.log 2>&1 || { cat up.log; exit 1; }
before=$(recorded)
refused=0
SERVER=second pulumi up --yes --skip-preview >refused.log 2>&1 || refused=$?
between=$(recorded)
note=$(pulumi stack export | sed -n 's/.*"urn": "\(.*Object::note\)",/\1/p')
status=0
SERVER=second pulumi up --yes --skip-preview --target "$note" >target.log 2>&1 || status=$?
after=$(recorded)

echo "after the first up: $before"
grep -h '^ *ValueError' refused.log | sed 's/^ *//' | sort -u
echo "exit status of an up with the second address: $refused, then: $between"
grep 'server updated' target.log || true
echo "exit status of one that targets the note: $status, then: $after"

if [ "$before" = "guard first server first " ] && [ "$refused" -ne 0 ] && [ "$between" = "$before" ] &&
    [ "$status" -eq 0 ] && [ "$after" = "guard first server second " ]; then
    exit 0
fi
echo "expected a provider that is updated without its guard: Pulumi behaves differently now" >&2
exit 1
