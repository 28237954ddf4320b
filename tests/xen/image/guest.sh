# A guest: runs the commands that dom0 writes under data/lab/command in this guest's part of the store,
# each in the background, and prints on the console, each line marked with the command's number, what it
# printed and its exit status. dom0 finds the console in xenconsoled's log.

run_command() {
    setsid sh -c "$2" > "/tmp/command.$1" 2>&1 < /dev/null
    echo "exit $?" >> "/tmp/command.$1"
    sed "s/^/[$1] /" "/tmp/command.$1" > /dev/console
    rm "/tmp/command.$1"
}

echo "[0] ready"
xenstore-watch data/lab/command | while read -r path; do
    number=${path##*/}
    if command=$(xenstore-read -R "$path" 2> /dev/null); then
        xenstore-rm "$path"
        run_command "$number" "$command" &
    fi
done
