# Read by the shell that runs a page, before the page. The page itself stays as its reader sees it.
# LOGS: a folder for what daemons say. LISTEN: where a daemon listens whose configuration names no port of its own.
unset BASH_ENV
set -e -o pipefail
trap 'echo "$PAGE:$LINENO: failed with exit code $?: $BASH_COMMAND" >&2' ERR
trap stop_daemons EXIT

daemons=()

# Ends every daemon that the page started: the page says Ctrl-C, or is at its end.
stop_daemons() {
    local process
    for process in "${daemons[@]}"; do
        kill "$process" 2>/dev/null || true
        wait "$process" || true
    done
    daemons=()
}

# `exits 1 COMMAND`, for a line that ends in `# … exit code 1`.
exits() {
    local wanted=$1 code=0
    shift
    "$@" || code=$?
    [ "$code" = "$wanted" ] || { echo "exit code $code, and the page says $wanted" >&2; return 98; }
}

# What runs until it is stopped is stopped as soon as it has said something.
until_it_speaks() {
    local said process code=0
    said=$(mktemp -p "$LOGS")
    "$@" >"$said" &
    process=$!
    until [ -s "$said" ]; do
        kill -0 "$process" 2>/dev/null || { wait "$process" || code=$?; return "$code"; }
        sleep 0.05
    done
    kill "$process" 2>/dev/null || true
    wait "$process" || true
    cat "$said"
}

curl() {
    if [[ " $* " =~ " -"[a-z]*N ]]; then  # a stream
        until_it_speaks command curl -sS "$@" || return $?
    elif [[ " $* " =~ " -"[a-z]*[iw]" " ]]; then  # the status is what it shows
        command curl -sS "$@" || return $?
    else
        command curl -sS --fail-with-body "$@" || return $?
    fi
}

forgeglass() {
    case " $* " in
        *" serve "*) in_the_background "$@" || return $? ;;
        *" --follow "*" --limit "* | *" --limit "*" --follow "*) command forgeglass "$@" || return $? ;;
        *" --follow "*) until_it_speaks command forgeglass "$@" || return $? ;;
        *) command forgeglass "$@" || return $? ;;
    esac
}

# `forgeglass serve` in a terminal of its own: waits until everything has been read once.
in_the_background() {
    local said process address
    said=$(mktemp -p "$LOGS")
    command forgeglass "$@" >"$said" 2>&1 &
    process=$!
    daemons+=("$process")
    address=$(FORGEGLASS_ADDRESS_ONLY=1 command forgeglass "$@")
    until command curl -sf -o "$LOGS/ready" "http://$address/readyz"; do
        kill -0 "$process" 2>/dev/null || { cat "$said" >&2; return 97; }
        sleep 0.1
    done
}
