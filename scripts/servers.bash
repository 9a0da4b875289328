# Private servers for tests and for making the SQL caches: RabbitMQ and PostgreSQL on free ports of the loopback
# interface, everything (data, logs, process ids) in the one folder $SERVERS. Sourced by with-servers and server.
#
# Run by root, the servers run as Debian's rabbitmq and postgres, because neither will run as root; run by anybody else,
# they run as that user.

SERVERS=${SERVERS:?the folder of the servers}
PATIENCE=${LIENTHONG_SERVER_PATIENCE:-120} # seconds until a server that does not answer is given up

say() { echo "servers: $*" >&2; }

fail() {
    say "$*"
    exit 1
}

as() { # as USER COMMAND…
    local user=$1
    shift
    if [ "$(id -u)" = 0 ]; then runuser -u "$user" -- "$@"; else "$@"; fi
}

# Ports below the range from which the kernel gives ports away: nobody is given ours between choosing and starting.
free_port() {
    local port
    for _ in $(seq 200); do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        if ! answers "$port"; then
            echo "$port"
            return
        fi
    done
    fail "no free port"
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# await WHAT LOG COMMAND…: until COMMAND succeeds; shows the end of LOG when it never does.
await() {
    local what=$1 log=$2 deadline=$((SECONDS + PATIENCE))
    shift 2
    until "$@"; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            tail -n 40 "$log" >&2 || true
            fail "$what: not within $PATIENCE s"
        fi
        sleep 0.1
    done
}

is_alive() { [ -n "${1:-}" ] && kill -0 "$1" 2>/dev/null; }

is_gone() { ! is_alive "$1"; }

pid_in() { # empty: none
    if [ -f "$SERVERS/$1" ]; then tr -d '[:space:]' <"$SERVERS/$1"; fi
}

# stop_pid FILE: asks the process to end, then makes it.
stop_pid() {
    local pid deadline=$((SECONDS + 20))
    pid=$(pid_in "$1")
    if is_alive "$pid"; then
        kill -TERM "$pid" 2>/dev/null || true
        until is_gone "$pid"; do
            if [ "$SECONDS" -ge "$deadline" ]; then
                say "$1: had to be killed"
                kill -KILL "$pid" 2>/dev/null || true
                break
            fi
            sleep 0.1
        done
    fi
    rm -f "$SERVERS/$1"
}

postgres_bin() {
    local found
    found=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
    if [ -n "$found" ]; then echo "$found"; else dirname "$(command -v initdb || fail "PostgreSQL is not installed")"; fi
}

# --- PostgreSQL ---

make_postgres() {
    mkdir "$SERVERS/pg"
    if [ "$(id -u)" = 0 ]; then chown postgres "$SERVERS/pg"; fi
    as postgres "$(postgres_bin)/initdb" --pgdata "$SERVERS/pg/data" --auth trust --username postgres \
        --encoding UTF8 --locale C.UTF-8 --no-sync >"$SERVERS/initdb.log" 2>&1 || {
        cat "$SERVERS/initdb.log" >&2
        fail "initdb failed"
    }
}

start_postgres() {
    # fsync stays on: what the tests kill must be able to rely on it.
    as postgres "$(postgres_bin)/pg_ctl" --pgdata "$SERVERS/pg/data" --log "$SERVERS/pg/log" --wait --timeout "$PATIENCE" \
        --options "-p $PG_PORT -c listen_addresses=127.0.0.1 -c unix_socket_directories=$SERVERS/pg -c max_connections=200" \
        start >"$SERVERS/pg_ctl.log" 2>&1 </dev/null || {
        cat "$SERVERS/pg_ctl.log" >&2
        tail -n 40 "$SERVERS/pg/log" >&2 || true
        fail "PostgreSQL did not start"
    }
}

stop_postgres() { # stop_postgres [fast|immediate]
    [ -f "$SERVERS/pg/data/postmaster.pid" ] || return 0
    as postgres "$(postgres_bin)/pg_ctl" --pgdata "$SERVERS/pg/data" --mode "${1:-fast}" --wait --timeout 30 stop \
        >>"$SERVERS/pg_ctl.log" 2>&1 </dev/null || say "PostgreSQL did not stop"
}

# --- RabbitMQ ---

make_rabbitmq() {
    mkdir "$SERVERS/rabbitmq"
    printf 'listeners.tcp.1 = 127.0.0.1:%s\ndisk_free_limit.absolute = 50MB\n' "$AMQP_PORT" >"$SERVERS/rabbitmq/rabbitmq.conf"
    echo '[].' >"$SERVERS/rabbitmq/plugins"
    : >"$SERVERS/rabbitmq/env.conf"
    if [ "$(id -u)" = 0 ]; then chown -R rabbitmq "$SERVERS/rabbitmq"; fi
}

# Erlang's name server outlives the broker that starts it; started here, on a port of its own, it can be ended.
start_epmd() {
    if is_alive "$(pid_in epmd.pid)"; then return; fi
    setsid epmd -address 127.0.0.1 -port "$EPMD_PORT" >"$SERVERS/epmd.log" 2>&1 </dev/null &
    echo $! >"$SERVERS/epmd.pid"
    await epmd "$SERVERS/epmd.log" answers "$EPMD_PORT"
}

start_rabbitmq() {
    local home=$SERVERS/rabbitmq log=$SERVERS/rabbitmq/start.log
    start_epmd
    # setsid: a Ctrl-C at the terminal reaches us, and we stop the broker in order. Its standard input is empty, because
    # it would eat that of the command. HOME: a cookie of its own.
    as rabbitmq setsid env HOME="$home" ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$EPMD_PORT" \
        RABBITMQ_NODENAME="lienthong$AMQP_PORT@localhost" RABBITMQ_DIST_PORT="$DIST_PORT" \
        RABBITMQ_MNESIA_BASE="$home/mnesia" RABBITMQ_LOG_BASE="$home/log" RABBITMQ_CONFIG_FILE="$home/rabbitmq" \
        RABBITMQ_CONF_ENV_FILE="$home/env.conf" RABBITMQ_ENABLED_PLUGINS_FILE="$home/plugins" \
        RABBITMQ_PID_FILE="$home/pid" RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' \
        /usr/lib/rabbitmq/bin/rabbitmq-server >>"$log" 2>&1 </dev/null &
    # The listener opens when the broker is ready to serve.
    await RabbitMQ "$log" answers "$AMQP_PORT"
}

stop_rabbitmq() { stop_pid rabbitmq/pid; }

rabbitmqctl_() { # rabbitmqctl_ COMMAND…, with the cookie and the name server of start_rabbitmq
    as rabbitmq env HOME="$SERVERS/rabbitmq" ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$EPMD_PORT" \
        RABBITMQ_CONF_ENV_FILE="$SERVERS/rabbitmq/env.conf" \
        /usr/lib/rabbitmq/bin/rabbitmqctl --quiet --node "lienthong$AMQP_PORT@localhost" "$@" </dev/null
}

# --- all of it ---

logs() {
    local log
    for log in "$SERVERS/rabbitmq/start.log" "$SERVERS/pg/log"; do
        if [ -s "$log" ]; then
            say "the end of $(basename "$(dirname "$log")")/$(basename "$log"):"
            tail -n 20 "$log" >&2
        fi
    done
}

stop_all() {
    stop_rabbitmq
    stop_postgres fast
    stop_pid epmd.pid
}
