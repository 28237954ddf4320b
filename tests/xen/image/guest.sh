# A guest: runs the commands that dom0 writes under data/lab/command in this guest's part of the store,
# each in the background, and prints on the console, each line marked with the command's number, what it
# printed and its exit status. dom0 finds the console in xenconsoled's log, and is told of the end by a node
# under data/lab/ended.

run_command() {
    setsid sh -c "$2" > "/tmp/command.$1" 2>&1 < /dev/null
    echo "exit $?" >> "/tmp/command.$1"
    sed "s/^/[$1] /" "/tmp/command.$1" > /dev/console
    xenstore-write "data/lab/ended/$1" ""
    rm "/tmp/command.$1"
}

# An event says only that something is new: commands that were there before the watch have none of theirs.
xenstore-write data/lab/ended "" # so that its end is seen with the guest's
echo "[0] ready"
xenstore-watch data/lab/command | while read -r _; do
    for number in $(xenstore-list data/lab/command 2> /dev/null); do
        command=$(xenstore-read -R "data/lab/command/$number") &&
            xenstore-rm "data/lab/command/$number" &&
            { run_command "$number" "$command" & }
    done
done
