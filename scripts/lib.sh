# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Shared by the bash scripts: paths, messages, running a step with a log, and the names
# that kernels, architectures and compilers have. Sourced after `set -euo pipefail`.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${BUILD:-$top/build}
# shellcheck disable=SC2034
base=$build/base
tree=$build/linux
logs=$build/logs
mkdir -p "$logs"

# ccache stores paths below build/ as relative ones, and the build date is fixed, so that
# another clone gets cache hits too.
export CCACHE_BASEDIR=$build CCACHE_NOHASHDIR=1 CCACHE_ABSSTDERR=1 CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-10G}
# Take the headers of an object from the compiler's .d file, without preprocessing it first.
# scripts/cc keeps the sources that this is wrong for out of the cache.
export CCACHE_DEPEND=1
export KBUILD_BUILD_TIMESTAMP='2024-11-17' KBUILD_BUILD_USER=dma-buf KBUILD_BUILD_HOST=build
export LC_ALL=C
# Our make exports its variables (ARCH) in MAKEFLAGS. The kernel's make must not see them.
unset MAKEFLAGS MAKEOVERRIDES MFLAGS

say() { printf '%s\n' "$*"; }

# counted PASSED FAILED SKIPPED: adds numbers of tests to the sum of scripts/check.
counted() { [ -z "${CHECK_COUNTS:-}" ] || printf '%d %d %d\n' "$@" >>"$CHECK_COUNTS"; }

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

usage() {
	printf 'usage: %s\n' "$*" >&2
	exit 2
}

# short PATH: prints a path relative to the repository.
short() { printf '%s' "${1#"$top"/}"; }

minutes() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# log_reasons LOG: prints the lines that tell why a stage failed, at most twelve.
log_reasons() {
	local lines causes

	lines=$(grep -nE "$log_reason_pattern" "$1" | grep -vE '^[0-9]+:  [A-Z]+ ') || true
	causes=$(printf '%s' "$lines" | grep -vE ':make(\[[0-9]+\])?: \*\*\*') || true
	printf '%s\n' "${causes:-${lines:-$(tail -n 8 "$1")}}" | head -n 12 | cut -c1-220 | sed 's/^/    /' || :
}
log_reason_pattern='error:|Error [0-9]+$|ERROR|[Ff]atal|undefined reference|No such file|^not ok |'
log_reason_pattern+='FAIL|[Pp]anic|WARNING:|BUG:|KASAN|^E: |Traceback|timed out|not found|not set'

# stage_ticker WHAT LOG BEGAN: prints the elapsed time and the number of objects built,
# each second on a terminal, else each half minute. STAGE_TICKER=no switches it off.
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

# stage LOG WHAT COMMAND...: runs the command with its output in build/logs/LOG.log, and
# prints a line with its result, its time and the log. Returns the command's status.
stage() {
	# The command may be a function, which sees these locals: the prefix avoids clashes.
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

# with_build_lock COMMAND...: runs the command with the lock that allows one kernel build
# at a time. A process that holds the lock has its file open and does not take it again.
with_build_lock() {
	local lock

	lock=$(readlink -m "$build/.kernel.lock")
	if [ -n "$(find "/proc/$$/fd" -lname "$lock" 2>/dev/null)" ]; then
		"$@"
	else
		flock "$build/.kernel.lock" "$@"
	fi
}

# kernel_arch NAME: prints the kernel's ARCH for make.
kernel_arch() {
	case $1 in
	*arm64*) echo arm64 ;;
	*arm*) echo arm ;;
	um*) echo um ;;
	*) echo x86_64 ;;
	esac
}

# cross_prefix ARCH: prints the prefix of the cross compiler, or nothing.
cross_prefix() {
	case $1 in
	arm64) echo aarch64-linux-gnu- ;;
	arm) echo arm-linux-gnueabihf- ;;
	esac
}

# kernel_source NAME: prints the source tree of a kernel; KERNEL_TREE overrides build/linux.
kernel_source() {
	case $1 in
	um-base) echo "$build/base-tests" ;;
	x86_64-base) echo "$base" ;;
	*) echo "${KERNEL_TREE:-$tree}" ;;
	esac
}

# kernel_make NAME [ARG...]: runs the kernel's make for build/out/NAME.
kernel_make() {
	local name=$1 arch cross
	shift
	arch=$(kernel_arch "$name")
	cross=$(cross_prefix "$arch")

	make -C "$(kernel_source "$name")" O="$build/out/$name" ARCH="$arch" \
		CROSS_COMPILE="$cross" CC="$top/scripts/cc ${cross}gcc" HOSTCC="ccache gcc" "$@"
}

# in_kernel_results CONSOLE: counts the DMABUF_SELFTESTS in a console. They print the name
# of each test as it begins, and end at the first failure. Fails unless all passed.
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

# grep that succeeds without a match too.
lines() { grep -E "$@" || :; }

# False findings of the static checkers: a regular expression, and after the last ": " the reason.
excused=("^tools/.*WARNING opportunity for (min|max)\(\): userspace has no such macros"
	"^include/linux/dma-(fence-[a-z]+|resv)\.h:.*MACRO_ARG_REUSE: a loop names its variables twice"
	"^drivers/dma-buf/fence/dma-fence(-array)?\.c:.*USE_LOCKDEP: it tests the lock and asserts nothing")

# Drops the false findings from stdin.
not_excused() {
	local -a patterns=()
	local one

	for one in "${excused[@]}"; do
		patterns+=(-e "${one%: *}")
	done
	lines -v "${patterns[@]}"
}
