# Sourced: FUSE-over-io_uring on for the time of a run, and back to what it was.
#
# It is off after boot, and tests of the `uring` transport need it on. Whoever sources this calls switch_uring_on once,
# and put_uring_back on every way out, signals included; at_exit sees to that.
uring_switch=/sys/module/fuse/parameters/enable_uring
uring_before=

switch_uring_on() {
  [[ -e $uring_switch ]] || modprobe -q fuse || true
  if [[ ! -w $uring_switch ]]; then
    echo 'this kernel has no FUSE-over-io_uring; its tests are skipped'
  elif [[ $(<"$uring_switch") != Y ]]; then
    uring_before=$(<"$uring_switch")
    echo Y >"$uring_switch"
    echo "$uring_switch was $uring_before, switched to Y for this run"
  fi
}

put_uring_back() {
  [[ -n $uring_before ]] || return 0
  echo "$uring_before" >"$uring_switch"
  echo "$uring_switch is $uring_before again"
  uring_before=
}

# For scripts whose tests mount, as root: what they need is installed, and the switch is on until they end.
prepare_mounts() {
  at_exit put_uring_back
  scripts/setup.sh test || exit
  switch_uring_on
}

# at_exit COMMAND: runs it on every way out.
at_exit() {
  trap "$1" EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}
