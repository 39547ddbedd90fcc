#!/bin/sh
# Logs in to Vault with the pod's ServiceAccount token, reads one secret and leaves it as the two
# files that libpq reads by itself; then ends the Vault token, whatever happened.
#
# Exit status: 0 done, 20 refused by Vault or its certificate not trusted, 21 secret not usable,
# 22 gave up waiting for Vault, 143 stopped by a signal.
set -u
umask 077
: "${VAULT_ADDR:?}" "${VAULT_ROLE:?}" "${SECRET_PATH:?}"
: "${CREDENTIALS_DIR:=/vault/secrets}" "${DEADLINE_SECONDS:=60}"
: "${AGENT_CONFIG:=/migrations/vault-agent.hcl}" "${TERMINATION_LOG:=/dev/termination-log}"
: "${TOKEN_FILE:=/var/run/secrets/vault/token}"

# The command line reads its token from this folder, so that the token stays out of the environment.
export HOME="$CREDENTIALS_DIR"
# One short try a request: this script retries, and one attempt must not outlive its deadline.
export VAULT_CLIENT_TIMEOUT=5s VAULT_MAX_RETRIES=0
# The Snowflake driver that Vault 1.15 links makes a cache in HOME as the program starts.
export SF_OCSP_RESPONSE_CACHE_SERVER_ENABLED=false

service="$CREDENTIALS_DIR/pg_service.conf"
pgpass="$CREDENTIALS_DIR/pgpass"
rendered="$CREDENTIALS_DIR/${RENDERED_FILE:-.rendered}"
token="$CREDENTIALS_DIR/.vault-token"
login="$CREDENTIALS_DIR/.login"
log="$CREDENTIALS_DIR/.agent.log"
fields=${SECRET_FIELDS:-host, port, database, username and password}
not_version_2="the mount is KV version 1; vaultKvMount must name one of version 2"
write_fields="write it with the fields $fields, each of them text of one line"
attempt_seconds=20
started=$(date +%s)
agent=
giver=

say() {
	echo "==> vault-init: $*"
}

finish() { # STATUS SENTENCE...
	status=$1
	shift
	say "$*"
	echo "$*" >"$TERMINATION_LOG"
	exit "$status"
}

revoke_token() {
	[ -s "$token" ] || return 0
	if vault token revoke -self >/dev/null 2>&1; then
		say "Vault token revoked"
	else
		say "Vault token not revoked, it ends by its own time limit"
	fi
}

clean_up() {
	status=$?
	trap - EXIT
	for process in $agent $giver; do
		kill "$process" 2>/dev/null
	done
	revoke_token
	rm -f "$token" "$rendered" "$log" "$login"
	[ "$status" -eq 0 ] || rm -f "$service" "$pgpass"
	exit "$status"
}
trap clean_up EXIT
trap 'exit 143' TERM INT

# Gives the agent the pod's token once, by a pipe that is unlinked before the first byte is read.
# Agents of newer Vaults log in again where their token died, and nobody would end that second one.
give_token() {
	rm -f "$login"
	mkfifo "$login"
	{
		exec 3>"$login"
		rm -f "$login"
		cat "$TOKEN_FILE" >&3
	} &
	giver=$!
}

# Runs the agent once; true when it has rendered its last file.
run_agent() {
	rm -f "$rendered"
	give_token
	vault agent -config="$AGENT_CONFIG" >"$log" 2>&1 &
	agent=$!
	ticks=$((attempt_seconds * 10))
	while kill -0 "$agent" 2>/dev/null && [ "$ticks" -gt 0 ]; do
		ticks=$((ticks - 1))
		sleep 0.1
	done
	kill "$agent" "$giver" 2>/dev/null
	wait "$agent" "$giver"
	agent=
	giver=
	[ -s "$rendered" ]
}

# Sets doing, code (HTTP status or nothing) and reason (one line) from the agent's log, which prints
# Vault's errors as a list, each line behind a star.
read_log() {
	if [ -s "$token" ]; then
		doing="reading $SECRET_PATH at $VAULT_ADDR"
	else
		doing="login with role $VAULT_ROLE at $VAULT_ADDR"
	fi
	code=$(sed -n 's/^.*Code: \([0-9]*\)\. .*/\1/p' "$log" | tail -n 1)
	reason=$(sed -n 's/^[ |]*\(\\t\)*[ 	]*\* *//p' "$log" | grep -v 'error occurred:' | tail -n 1)
	[ -n "$reason" ] || reason=$(sed -n \
		-e 's/.*\(no secret exists at [^ "]*\).*/\1/p' \
		-e 's/.*calling sprig_fail: \(.*\)".*/\1/p' \
		-e 's/.*error="\(.*\)".*/\1/p' "$log" | tail -n 1 | sed 's/\\"/"/g')
	case "$code:$reason" in
		"$code:" | :"invalid character"*)
			reason="found an answer${code:+ $code} of something else, such as a proxy"
			;;
		:*) ;;
		*) reason="Vault answered $code: $reason" ;;
	esac
}

# Ends the script when trying again cannot help.
stop_if_fatal() {
	case "$reason" in
		*"no secret exists"*) finish 21 "$doing: $(explain_missing)" ;;
		*"write another"* | *"KV version 1"*) finish 21 "$doing: $reason" ;;
		*"the secret"*) finish 21 "$doing: $reason; $write_fields" ;;
		# The agent puts this in place of the values of a secret of KV version 1, in its own words too.
		*"[redacted]"*) finish 21 "$doing: $(explain_reading)" ;;
		*"certificate has expired"*) finish 20 "$doing: $reason; renew Vault's certificate" ;;
		*"x509: certificate is valid for"* | *"x509: cannot validate certificate for"*)
			finish 20 "$doing: $reason; vaultAddressInCluster must name a host of the certificate"
			;;
		*x509:*) finish 20 "$doing: $reason; vaultCaCertFile must hold the CA of Vault's certificate" ;;
		*) ;;
	esac
	# A token that died since the login, as Vault restarted or revoked it, is refused like this too.
	case "$attempt:$code:$doing" in
		1:403:reading*) return ;;
		*) ;;
	esac
	case "$code:$doing" in
		400:* | 403:* | 404:login*) finish 20 "$doing: $reason; $(advise)" ;;
		404:*) finish 21 "$doing: $reason; check vaultKvMount and vaultSecretPath" ;;
		*) ;;
	esac
}

# Asks Vault for a field of the mount that SECRET_PATH begins with: any living token may, whose
# policies reach into that mount.
read_mount() { # FIELD
	vault read -field="$1" "sys/internal/ui/mounts/${SECRET_PATH%% and *}"
}

explain_reading() {
	case $(read_mount options 2>/dev/null) in
		"" | *version:2*) echo "$reason; $write_fields" ;;
		# A mount that was made without a word on its version has none here.
		*) echo "$not_version_2" ;;
	esac
}

# The agent says the same of a secret that never was, of a deleted one and of an older mount's.
explain_missing() {
	deleted=$(vault read -field=metadata "${reason#*exists at }" 2>/dev/null |
		sed -n 's/.*deletion_time:\([0-9][^ ]*\).*/\1/p')
	if [ -z "$deleted" ]; then
		explain_reading
	# Times of this form sort like texts.
	elif expr "${deleted%%[.Z]*}" \> "$(date -u +%Y-%m-%dT%H:%M:%S)" >/dev/null; then
		echo "the secret's newest version is to be deleted at $deleted, and OpenBao's agent reads no" \
			"such version; set delete_version_after to 0 and write another"
	else
		echo "the secret's newest version was deleted; undelete it or write another"
	fi
}

advise() {
	case "$doing: $reason" in
		*"something else"*) echo "vaultAddressInCluster must lead to Vault itself" ;;
		login*"answered 404"*) echo "check vaultNamespace" ;;
		*preflight*) echo "check vaultKvMount and vaultSecretPath" ;;
		*"role name"*) echo "make that role, or set vaultRole to another" ;;
		*"service account name"*) echo "bind the role to the ServiceAccount of this pod" ;;
		*"namespace not"*) echo "bind the role to the namespace of this pod" ;;
		*"token is expired"* | *"not yet valid"*)
			echo "compare the clocks of the node, the API server and Vault"
			;;
		*audience*) echo "the role's audience must be the one that vaultAudience names" ;;
		login*denied) echo "the auth mount is not there or cannot review the pod's token" ;;
		reading*"invalid token") echo "it was used up or revoked meanwhile" ;;
		reading*denied)
			# A token without that policy may be dead too: it may not be renewed, see the policy.
			case $(read_mount path 2>&1) in
				*denied) dead=", or its token was used up or revoked meanwhile" ;;
				*) dead= ;;
			esac
			echo "no policy of the role lets it read this path$dead"
			;;
		*) echo "see Vault's audit log" ;;
	esac
}

# What to do where trying again did not help.
advise_after_waiting() {
	case "$reason" in
		*sealed*) echo "unseal Vault" ;;
		*"something else"*) echo "vaultAddressInCluster must lead to Vault itself" ;;
		"Vault answered 429"*) echo "try later, or raise Vault's rate limit quota" ;;
		"Vault answered"*) echo "see Vault's log" ;;
		*) echo "start Vault, or correct vaultAddressInCluster and what is between" ;;
	esac
}

# A terminal obeys them wherever a message shows the field. The second half of them is two bytes in
# UTF-8, which tr makes two of the first half.
has_control_characters() {
	LC_ALL=C grep -q '[[:cntrl:]]' "$1" ||
		tr '\302\200-\237' '\002\001' <"$1" | grep -q "$(printf '\002\001')"
}

# libpq's files hold one value a line; anything else would be cut off or taken for another setting.
check_files() {
	if [ "$(wc -l <"$service")" -ne 5 ] || [ "$(wc -l <"$pgpass")" -ne 1 ]; then
		finish 21 "a field of the secret $SECRET_PATH holds a line break; $write_fields"
	fi
	if has_control_characters "$service"; then
		finish 21 "a field of $SECRET_PATH other than the password holds a control character;" \
			"write it without"
	fi
	for field in host port dbname user; do
		grep -q "^$field=.*[^[:space:]]\$" "$service" || finish 21 \
			"the field for libpq's $field in $SECRET_PATH is empty or ends in white space; correct it"
	done
	grep -q '^[*]:[*]:[*]:[*]:.' "$pgpass" ||
		finish 21 "the field password in $SECRET_PATH is empty; write one"
}

[ -s "$TOKEN_FILE" ] || finish 20 "expected the pod's ServiceAccount token at $TOKEN_FILE, found" \
	"none; look for an admission webhook that changed the pod's volumes"
say "login with role $VAULT_ROLE at $VAULT_ADDR"
attempt=1
attempts=attempt
until run_agent; do
	read_log
	stop_if_fatal
	elapsed=$(($(date +%s) - started))
	[ "$elapsed" -lt "$DEADLINE_SECONDS" ] ||
		finish 22 "$doing: gave up after $attempt $attempts in $elapsed s: $reason;" \
			"$(advise_after_waiting)"
	say "attempt $attempt: $doing: $reason"
	sleep "$((attempt < 5 ? attempt : 5))"
	attempt=$((attempt + 1))
	attempts=attempts
	# The next attempt logs in anew, and a token left over would pass for its own.
	revoke_token
	rm -f "$token"
done
check_files
say "credential of $SECRET_PATH is in memory"
echo "credential read" >"$TERMINATION_LOG"
