# Progress for people: one line per step, with the seconds and the last line of the log where a terminal shows it.
# Sourced by setup.sh, which sets `log`.

now() {
    date +%s
}

elapsed() {
    seconds=$(($(now) - $1))
    if [ "$seconds" -ge 60 ]; then
        echo "$((seconds / 60)) min $((seconds % 60)) s"
    else
        echo "$seconds s"
    fi
}

say() {
    printf '%s\n' "$*"
}

fail() {
    printf 'sale-tui: %s\n' "$*" >&2
    exit 1
}

# Printable characters of the log's last line, cut to what a line still holds.
last_line() {
    tail -n 1 "$log" 2>/dev/null | LC_ALL=C tr -cd '[:print:]' | cut -c "1-$1"
}

tick() {
    columns=$(tput cols 2>/dev/null || echo 80)
    while :; do
        sleep 1
        head="$1 … $(elapsed "$2")  "
        room=$((columns - ${#head} - 1))
        [ "$room" -gt 10 ] || room=10
        printf '\r\033[K%s%s' "$head" "$(last_line "$room")"
    done
}

# step LABEL COMMAND...: runs the command with its output in the log; on failure shows the log's end and stops.
step() {
    label=$1
    shift
    step_began=$(now)
    printf '\n== %s\n' "$label" >>"$log"
    ticker=
    if [ -t 1 ]; then
        tick "$label" "$step_began" &
        ticker=$!
        trap 'kill "$ticker" 2>/dev/null; printf "\n"; exit 130' INT TERM
    else
        say "$label …"
    fi
    status=0
    "$@" >>"$log" 2>&1 </dev/null || status=$?
    if [ -n "$ticker" ]; then
        kill "$ticker" 2>/dev/null || :
        wait "$ticker" 2>/dev/null || :
        trap - INT TERM
        printf '\r\033[K'
    fi
    if [ "$status" -ne 0 ]; then
        tail -n 25 "$log" >&2
        fail "\"$label\" failed after $(elapsed "$step_began"); the whole log is $log"
    fi
    say "$label: $(elapsed "$step_began")"
}
