# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the scripts share: where things lie, and how a long job shows itself.
# Read in with `. scripts/lib.sh` by a bash script that has set -euo pipefail.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$top/build
# shellcheck disable=SC2034
base=$build/base
tree=$build/linux
logs=$build/logs
mkdir -p "$logs"

# Paths below build/ are cached as relative ones and with a fixed date, so that
# a second clone finds what the first one compiled.
export CCACHE_BASEDIR=$build CCACHE_NOHASHDIR=1 CCACHE_ABSSTDERR=1 CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-10G}
export KBUILD_BUILD_TIMESTAMP='2024-11-17' KBUILD_BUILD_USER=dma-buf KBUILD_BUILD_HOST=build
export LC_ALL=C
# Our own make hands its variables down in this; the kernel's has others of that name.
unset MAKEFLAGS MAKEOVERRIDES MFLAGS

say() { printf '%s\n' "$*"; }

# counted PASSED FAILED SKIPPED: tests, for the sum of scripts/check.
counted() { [ -z "${CHECK_COUNTS:-}" ] || printf '%d %d %d\n' "$@" >>"$CHECK_COUNTS"; }

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

usage() {
	printf 'usage: %s\n' "$*" >&2
	exit 2
}

# A path as the user can paste it: relative to the repository.
short() { printf '%s' "${1#"$top"/}"; }

minutes() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# The few lines of a log that tell why a stage failed.
log_reasons() {
	local lines causes

	lines=$(grep -nE "$log_reason_pattern" "$1" | grep -vE '^[0-9]+:  [A-Z]+ ') || true
	causes=$(printf '%s' "$lines" | grep -vE ':make(\[[0-9]+\])?: \*\*\*') || true
	printf '%s\n' "${causes:-${lines:-$(tail -n 8 "$1")}}" | head -n 12 | cut -c1-220 | sed 's/^/    /' || :
}
log_reason_pattern='error:|Error [0-9]+$|ERROR|[Ff]atal|undefined reference|No such file|^not ok |'
log_reason_pattern+='FAIL|[Pp]anic|WARNING:|BUG:|KASAN|^E: |Traceback|timed out|not found|not set'

# The live counter: how much of the log's work is done, once a second on a
# terminal, every half minute into a file. STAGE_TICKER=no switches it off.
stage_ticker() {
	local what=$1 log=$2 began=$3 every=30 done_now

	[ "${STAGE_TICKER:-yes}" = yes ] || return 0
	[ -t 1 ] && every=1
	while sleep 1 >/dev/null 2>&1; do
		[ $(((SECONDS - began) % every)) -eq 0 ] || continue
		done_now=$(grep -cE '^  (CC|AS|LD|AR|HOSTCC|CHECK)' "$log") || true
		[ "$done_now" -gt 0 ] && done_now=", $done_now objects" || done_now=
		if [ -t 1 ]; then
			printf '\r        %5s  %s%s ' "$(minutes $((SECONDS - began)))" "$what" "$done_now"
		else
			printf '        %5s  %s%s\n' "$(minutes $((SECONDS - began)))" "$what" "$done_now"
		fi
	done
}

# stage LOG WHAT COMMAND...: runs the command into build/logs/LOG.log and
# prints one line with its result, its time and the log. Returns its status.
stage() {
	# Bash shows a function's locals to all that it calls, hence the prefix.
	local stage_log=$logs/$1.log stage_what=$2 stage_began=$SECONDS stage_pid stage_rc=0 stage_word=ok
	shift 2

	: >"$stage_log"
	stage_ticker "$stage_what" "$stage_log" "$stage_began" 9>&- &
	stage_pid=$!
	# shellcheck disable=SC2064
	trap "kill $stage_pid 2>/dev/null || :" EXIT
	"$@" >"$stage_log" 2>&1 </dev/null || stage_rc=$?
	kill "$stage_pid" 2>/dev/null || :
	wait "$stage_pid" 2>/dev/null || :
	trap - EXIT
	[ -t 1 ] && printf '\r\033[K'

	[ "$stage_rc" -eq 0 ] || stage_word=FAILED
	printf '%-7s %5s  %s  [%s]\n' "$stage_word" "$(minutes $((SECONDS - stage_began)))" \
		"$stage_what" "$(short "$stage_log")"
	if [ "$stage_rc" -ne 0 ]; then
		log_reasons "$stage_log"
		printf '    exit status %d, log: %s\n' "$stage_rc" "$stage_log"
	fi
	return "$stage_rc"
}

# Two kernel builds side by side only slow each other down. A caller that
# already holds the lock has it among its open files.
with_build_lock() {
	local lock

	lock=$(readlink -m "$build/.kernel.lock")
	if [ -n "$(find "/proc/$$/fd" -lname "$lock" 2>/dev/null)" ]; then
		"$@"
	else
		flock "$build/.kernel.lock" "$@"
	fi
}

# What a kernel's name tells: its make ARCH and its cross compiler's prefix.
kernel_arch() {
	case $1 in
	*arm64*) echo arm64 ;;
	*arm*) echo arm ;;
	um*) echo um ;;
	*) echo x86_64 ;;
	esac
}

cross_prefix() {
	case $1 in
	arm64) echo aarch64-linux-gnu- ;;
	arm) echo arm-linux-gnueabihf- ;;
	esac
}

kernel_image() {
	case $1 in
	arm64) echo arch/arm64/boot/Image ;;
	arm) echo arch/arm/boot/zImage ;;
	x86_64) echo arch/x86/boot/bzImage ;;
	esac
}

# The source tree of a kernel; KERNEL_TREE names another one.
kernel_source() {
	case $1 in
	um-base) echo "$build/base-tests" ;;
	*) echo "${KERNEL_TREE:-$tree}" ;;
	esac
}

# kernel_make NAME [ARG...]: the kernel's make in build/out/NAME.
kernel_make() {
	local name=$1 arch cross
	shift
	arch=$(kernel_arch "$name")
	cross=$(cross_prefix "$arch")

	make -C "$(kernel_source "$name")" O="$build/out/$name" ARCH="$arch" \
		CROSS_COMPILE="$cross" CC="ccache ${cross}gcc" HOSTCC="ccache gcc" "$@"
}

# in_kernel_results CONSOLE: the base's own tests say what they begin and what failed, and stop there.
in_kernel_results() {
	local console=$1 begun last

	begun=$(grep -c 'dma-buf: Running .*/' "$console") || :
	last=$(grep -c 'dma-buf: Running dma_resv/' "$console") || :
	if grep -E 'dma-buf/.* failed with error' "$console" || [ "$last" -eq 0 ]; then
		say "  FAILED  in-kernel DMABUF_SELFTESTS: $begun begun, not all of them passed"
		counted 0 1 0
		return 1
	fi
	counted "$begun" 0 0
	say "  ok      in-kernel DMABUF_SELFTESTS: $begun passed"
}
