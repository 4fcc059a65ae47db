#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# farspan top: on a terminal of 80 columns, by keys, and as plain lines; what it shows is what passes. And on a terminal too, what bash and
# zsh complete.
#
#     tap  u0 ---- c0  col         a session mirrors lo of tap to col, another waits for an interface
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

FARSPAND=${FARSPAND:-farspand}
command -v tmux >/dev/null || skip "tmux is not installed"
uplink_topology
swallow col c0
mkdir "$work/sessions" "$work/run"
printf '%s\n' "[Source]" "Interface=lo" "Direction=rx" "[Destination]" "Type=erspan2" "Remote=10.9.0.2" >"$work/sessions/web.session"
printf '%s\n' "[Source]" "Interface=later" "[Destination]" "Type=erspan2" "Remote=10.9.0.2" "SessionID=2" >"$work/sessions/waits.session"
spawn daemon nsenter --net="/run/netns/${prefix}tap" "$FARSPAND" -D "$work/sessions" -R "$work/run"
until_said daemon "farspand: ready"
socket=$work/run/farspan.sock
spawn traffic nsenter --net="/run/netns/${prefix}tap" ping -q -i 0.02 127.0.0.1

echo "-- plain lines"
"$FARSPAN" top -b -n 1 -S "$socket" >"$work/batch" || fail "top -b: $(cat "$work/batch")"
grep -q ' 2 sessions, 1 not active ' "$work/batch" || wrong "the first line: $(head -n 1 "$work/batch")"
grep -Eq '^web +active +[1-9][0-9]* ' "$work/batch" || wrong "no frames of web: $(cat "$work/batch")"
grep -Eq "^waits +pending +0 .*interface 'later'" "$work/batch" || wrong "not what is waited for: $(cat "$work/batch")"
! "$FARSPAN" top -b -n 1 -S "$work/nobody" >/dev/null 2>"$work/batch.err" || wrong "top without a daemon"
grep -q "$work/nobody" "$work/batch.err" || wrong "which daemon is missing: $(cat "$work/batch.err")"

echo "-- on a terminal"
export TMUX_TMPDIR=$work TERM=xterm LC_ALL=C.UTF-8
terminal() {
	tmux -L top -f /dev/null "$@"
}
on_screen() {
	terminal capture-pane -p >"$work/screen" 2>/dev/null && grep -Eq -- "$1" "$work/screen"
}
shows() {
	until_true 20 "'$1' on the screen" on_screen "$1"
}
terminal new-session -d -x 80 -y 24 "$FARSPAN" top -S "$socket" || fail "tmux"
jobs_started+=("$(terminal display-message -p '#{pid}')")
shows '^web +active +[1-9][0-9]* '
shows '[▁▂▃▄▅▆▇█]{3}'
[ "$(wc -L <"$work/screen")" -le 80 ] || wrong "more than 80 columns: $(cat "$work/screen")"
shows 'sorted by name'
terminal send-keys s
shows 'sorted by frames'
shows '^web'
terminal send-keys Down Up Enter
shows 'web  mirror, active'
shows '^sent +[1-9]'
shows '^gaps +=+'
terminal send-keys Escape
shows 'sorted by frames'
terminal send-keys q
gone() {
	! terminal has-session
}
until_true 20 "the end of top" gone

# completes LINE WHOLE: what becomes of the line once Tab is pressed
completes() {
	terminal send-keys C-u
	terminal send-keys -l "$1"
	shows "> $1\$"
	terminal send-keys Tab
	shows "> $2\$" # the blank behind it is not told
}
for shell in bash zsh; do
	echo "-- $shell completes sessions and interfaces"
	case $shell in
	bash) start=(bash --norc --noprofile) ;;
	zsh) start=(zsh -f) ;;
	esac
	command -v $shell >/dev/null || skip "$shell is not installed"
	terminal new-session -d -x 200 -y 24 env PATH="$(dirname "$FARSPAN"):$PATH" PS1='> ' HOME="$work" "${start[@]}" || fail "tmux"
	jobs_started+=("$(terminal display-message -p '#{pid}')")
	shows '^>'
	[ $shell = bash ] || terminal send-keys -l "autoload -U compinit && compinit -D; "
	terminal send-keys -l "source <(farspan completion $shell) && echo set up"
	terminal send-keys Enter
	shows '^set up'
	completes "farspan sho" "farspan show"
	completes "farspan show -S $socket wai" "farspan show -S $socket waits"
	completes "farspan mirror -i l" "farspan mirror -i lo"
	terminal send-keys C-u
	terminal send-keys -l exit
	terminal send-keys Enter
	until_true 20 "the end of $shell" gone
done

echo "-- a farspand that ends meanwhile"
terminal new-session -d -x 80 -y 24 "$FARSPAN" top -S "$socket" || fail "tmux"
jobs_started+=("$(terminal display-message -p '#{pid}')")
shows '^web +active'
end daemon || wrong "the daemon: $(cat "$work/daemon.err")"
shows "$(basename "$socket")"
terminal send-keys q
until_true 20 "the end of top" gone
finish
