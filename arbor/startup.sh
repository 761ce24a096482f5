#!/usr/bin/env bash
# Turns a fresh RunPod container into an Arbor server that can train, and keeps it running. deploy.py sends this file
# and requirements.txt along with the pod; the container runs it beside the image's own /start.sh.
#
#   startup.sh              install what is missing, start the server, start it again whenever it ends
#   startup.sh --dead-man   (started by startup.sh) stop the pod after ARBOR_MAX_HOURS, or ARBOR_IDLE_MINUTES of idle GPUs
#
# It may be run again at any time: after a restart of the container, or by hand after the cause of a failure is mended.
# $state/phase (one line) and $state/logs/startup.log say what it is doing. /workspace survives a stop of the pod, the
# rest of the container does not. ARBOR_PREFIX is for the tests: all paths then start with that folder.
set -Eeuo pipefail
umask 022
export HOME="${HOME:-/root}"

readonly prefix="${ARBOR_PREFIX:-}"
# A shell by SSH lacks the container's environment, which says which pod this is.
if [[ -z "${RUNPOD_POD_ID:-}" && -r "$prefix/proc/1/environ" ]]; then
  while IFS= read -r -d '' variable; do
    case "$variable" in RUNPOD_* | ARBOR_* | HF_*) export "${variable?}" ;; esac
  done <"$prefix/proc/1/environ"
fi
readonly workspace="$prefix/workspace"
readonly state="$workspace/arbor/${RUNPOD_POD_ID:-local}"
readonly venv="$workspace/arbor/venv"
readonly port="${ARBOR_PORT:-7453}" public_port="${ARBOR_PUBLIC_PORT:-7454}"
readonly min_driver=560      # for CUDA 12.6, which the pinned torch is built with
readonly min_free_gb=25      # the environment (8.3 GB), what pip unpacks, and a 3B model
readonly quick_end_sec=60    # starting again does not help a server that ends sooner than this
readonly watch_sec="${ARBOR_WATCH_SEC:-60}" retry_sec="${ARBOR_RETRY_SEC:-10}"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
readonly here

say() { printf '%s %s\n' "$(date -u +%H:%M:%S)" "$*"; }

# Write one line for deploy.py: a word (installing, server, ready, failed) and a text for a person.
phase() {
  printf '%s\n' "$*" >"$state/phase.new"
  mv "$state/phase.new" "$state/phase"
  say "$*"
}

fail() {
  phase "failed $*"
  exit 1
}

# -- the dead-man switch ----------------------------------------------------------------------------------------------

gpus_are_busy() {
  nvidia-smi --query-gpu=utilization.gpu --format=csv,noheader,nounits | awk '$1 >= 5 { busy = 1 } END { exit !busy }'
}

# RunPod gives every pod a key that works for this pod only; with it the pod stops itself.
stop_this_pod() {
  runpodctl stop pod "$RUNPOD_POD_ID" || runpodctl pod stop "$RUNPOD_POD_ID" ||
    curl --fail --silent --show-error --max-time 30 -X POST -H 'Content-Type: application/json' \
      -H @<(printf 'Authorization: Bearer %s\n' "${RUNPOD_API_KEY:-}") -d '{"action":"stop"}' \
      "${RUNPOD_API_BASE_URL:-https://api.runpod.io}/v2/pods/$RUNPOD_POD_ID/action"
}

dead_man() {
  exec 8>"$state/dead-man.lock"
  flock --nonblock 8 || return 0 # one is enough
  echo $$ >"$state/dead-man.pid"
  local now deadline last_busy max_sec idle_sec reason
  max_sec="$(awk -v hours="${ARBOR_MAX_HOURS:-6}" 'BEGIN { printf "%d", hours * 3600 }')"
  idle_sec="$(awk -v minutes="${ARBOR_IDLE_MINUTES:-60}" 'BEGIN { printf "%d", minutes * 60 }')"
  now="$(date +%s)"
  # A restart of the container does not extend the deadline; a pod that was stopped gets a new one when it is started.
  deadline="$(cat "$state/deadline" 2>/dev/null || echo 0)"
  if ((deadline <= now)); then deadline=$((now + max_sec)); fi
  echo "$deadline" >"$state/deadline"
  last_busy=$now
  say "dead-man switch: stops the pod at $(date -u -d "@$deadline" +%FT%TZ), or after $idle_sec s of idle GPUs"
  while true; do
    sleep "$watch_sec" 8>&- # if this script is killed, its sleep must not hold the lock
    now="$(date +%s)"
    # During an installation, and when nvidia-smi fails, only the deadline counts.
    if grep '^installing' "$state/phase" >/dev/null || gpus_are_busy || ! nvidia-smi >/dev/null; then last_busy=$now; fi
    reason=""
    if ((now >= deadline)); then reason="its ${ARBOR_MAX_HOURS:-6} hours are over"; fi
    if ((now - last_busy >= idle_sec)); then reason="its GPUs did nothing for $idle_sec s"; fi
    if [[ -n "$reason" ]]; then
      say "dead-man switch: stopping the pod, $reason"
      rm -f "$state/deadline"
      stop_this_pod || say "dead-man switch: the pod could not be stopped; trying again"
    fi
  done
}

# -- installation -----------------------------------------------------------------------------------------------------

check_machine() {
  phase "installing checking the machine"
  command -v nvidia-smi >/dev/null || fail "no nvidia-smi: this machine has no NVIDIA driver; deploy another pod"
  local cards count driver free_gb
  cards="$(nvidia-smi --query-gpu=name,driver_version,compute_cap --format=csv,noheader)" ||
    fail "nvidia-smi does not work on this machine: terminate the pod and deploy another"
  say "cards: ${cards//$'\n'/ | }"
  count="$(wc -l <<<"$cards")"
  ((count >= 2)) || fail "$count GPU: Arbor needs one for inference and one for training; deploy with --gpu-count 3"
  driver="$(head -n 1 <<<"$cards" | cut -d, -f2 | tr -d ' ')"
  ((${driver%%.*} >= min_driver)) ||
    fail "driver $driver is too old for CUDA 12.6 (it needs $min_driver): terminate the pod and deploy another"
  awk -F', *' '$3 < 8 || $3 >= 10 { wrong = 1 } END { exit wrong }' <<<"$cards" ||
    fail "the pinned torch works on compute capability 8.0 to 9.0, these cards are: ${cards//$'\n'/ | }"
  free_gb="$(df --output=avail --block-size=1G "$workspace" | tail -n 1 | tr -d ' ')"
  if [[ ! -e "$venv/installed" ]] && ((free_gb < min_free_gb)); then
    fail "$free_gb GB free on /workspace, $min_free_gb needed: deploy with a larger --volume-gb"
  fi
}

find_python() {
  local one
  for one in python3.12 python3.11 python3.13 python3; do
    if "$one" -c 'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      command -v "$one"
      return
    fi
  done
  return 1
}

install_environment() {
  local wanted python
  wanted="$(sha256sum <"$here/requirements.txt")"
  if [[ "$(cat "$venv/installed" 2>/dev/null)" == "$wanted" ]]; then
    say "the environment is already installed"
    return
  fi
  python="$(find_python)" || fail "no Python 3.11 to 3.13 with venv in this image: choose another --image"
  phase "installing packages, 8 GB: about ten minutes"
  # It does not see the image's own torch. A half-made environment is made again from scratch.
  "$python" -m venv --clear "$venv"
  "$venv/bin/pip" install --no-cache-dir --disable-pip-version-check --progress-bar off -r "$here/requirements.txt" ||
    fail "the packages could not be installed: see the log"
  phase "installing a first import of Arbor"
  "$venv/bin/python" -c 'import arbor; assert arbor.__file__' || fail "Arbor cannot be imported: see the log"
  echo "$wanted" >"$venv/installed"
}

# The wheel of arbor-ai 0.2.17 lacks this file, without which every training hangs at its start. Plain data parallelism
# suits an adapter on a model of a few billion parameters best. 'no' is quoted because YAML reads a bare no as false.
write_accelerate_file() {
  local folder kind=MULTI_GPU
  folder="$("$venv/bin/python" -c 'import importlib.util, pathlib
print(pathlib.Path(importlib.util.find_spec("arbor").origin).resolve().parent.parent / "configs")')"
  # One card does inference, the others train.
  if (($(nvidia-smi --list-gpus | wc -l) == 2)); then kind="'NO'"; fi
  mkdir -p "$folder"
  cat >"$folder/deepspeed_config.yaml" <<YAML
compute_environment: LOCAL_MACHINE
debug: false
distributed_type: $kind
downcast_bf16: 'no'
machine_rank: 0
main_training_function: main
mixed_precision: 'no'
num_machines: 1
rdzv_backend: static
same_network: true
use_cpu: false
YAML
}

set_environment() {
  export HF_HOME="$workspace/huggingface" LITELLM_LOCAL_MODEL_COST_MAP=True
  # The image switches hf_transfer on; without the package every download would fail.
  export HF_HUB_ENABLE_HF_TRANSFER=0
  if "$venv/bin/python" -c 'import hf_transfer' 2>/dev/null; then HF_HUB_ENABLE_HF_TRANSFER=1; fi
  # Consumer cards cannot reach each other's memory and hang in the first collective. Other cards would only get slower.
  if nvidia-smi --query-gpu=name --format=csv,noheader | grep GeForce >/dev/null; then
    export NCCL_P2P_DISABLE=1 NCCL_IB_DISABLE=1
    say "consumer cards: NCCL_P2P_DISABLE=1 NCCL_IB_DISABLE=1"
  fi
  # Checkpoints must survive a stop of the pod, and the container's home folder does not.
  mkdir -p "$state/dot-arbor"
  if [[ ! -e "$HOME/.arbor" || -L "$HOME/.arbor" ]]; then
    ln -sfn "$state/dot-arbor" "$HOME/.arbor"
  else
    say "$HOME/.arbor is a real folder, not a link: checkpoints in it do not survive a stop of the pod"
  fi
}

prefetch_model() {
  [[ -n "${ARBOR_MODEL:-}" ]] || return 0
  phase "installing the model $ARBOR_MODEL"
  local attempt
  for attempt in 1 2 3; do
    if "$venv/bin/hf" download "$ARBOR_MODEL" >/dev/null; then return 0; fi
    say "download of $ARBOR_MODEL: attempt $attempt failed"
    sleep "$retry_sec"
  done
  fail "the model $ARBOR_MODEL could not be downloaded: is its name right, is it free of a licence gate?"
}

# Only with deploy.py --public: Arbor has no password, so the secret path is the only protection.
open_to_the_world() {
  [[ -n "${ARBOR_PUBLIC_TOKEN:-}" ]] || return 0
  command -v nginx >/dev/null || fail "no nginx in this image, which --public needs: choose another --image"
  cat >"$state/nginx.conf" <<NGINX
pid $state/nginx.pid;
error_log $state/logs/nginx.log;
events {}
http {
  access_log off;
  client_max_body_size 64m;
  server {
    listen $public_port;
    location /$ARBOR_PUBLIC_TOKEN/ {
      proxy_pass http://127.0.0.1:$port/;
      proxy_read_timeout 3600s;
      proxy_buffering off;
    }
    location / { return 404; }
  }
}
NGINX
  chmod 600 "$state/nginx.conf" # the path in it is the secret
  if [[ -e "$state/nginx.pid" ]] && kill -0 "$(cat "$state/nginx.pid")" 2>/dev/null; then
    nginx -c "$state/nginx.conf" -s reload
  else
    nginx -c "$state/nginx.conf" 9>&- || fail "nginx does not start: see the log"
  fi
}

# -- the server -------------------------------------------------------------------------------------------------------

server_answers() {
  curl --fail --silent --max-time 5 "http://127.0.0.1:$port/openapi.json" | grep '"Arbor API"' >/dev/null
}

# The server gets its own process group, because its children (vLLM, the trainer) hold GPUs and must end with it.
# It and its tee outlive a startup.sh that is killed, so neither may hold the lock: the next run takes the server over.
run_server() {
  cd "$state"
  setsid "$venv/bin/python" -m arbor.cli serve --host 127.0.0.1 --port "$port" \
    9>&- > >(exec tee -a "$state/logs/server.log" >&3) 2>&1 &
  local server=$! status=0
  echo "$server" >"$state/server.pid"
  until server_answers || ! kill -0 "$server" 2>/dev/null; do sleep 1; done
  if kill -0 "$server" 2>/dev/null; then phase "ready Arbor answers on port $port of the pod's loopback"; fi
  wait "$server" || status=$?
  end_server
  return "$status"
}

end_server() {
  [[ -e "$state/server.pid" ]] || return 0
  kill -KILL -- "-$(cat "$state/server.pid")" 2>/dev/null || true
  rm -f "$state/server.pid"
}

supervise() {
  local quick_ends=0 began status
  end_server # an earlier startup.sh may have left one behind
  trap end_server EXIT
  while true; do
    phase "server starting Arbor"
    began=$SECONDS status=0
    run_server || status=$?
    say "the server ended with status $status"
    if ((SECONDS - began < quick_end_sec)); then quick_ends=$((quick_ends + 1)); else quick_ends=0; fi
    if ((quick_ends >= 3)); then fail "the server ended three times at once: $(tail -n 1 "$state/logs/server.log")"; fi
    sleep "$retry_sec"
  done
}

main() {
  mkdir -p "$state/logs"
  if [[ "${1:-}" == --dead-man ]]; then
    dead_man
    return
  fi
  # The lock is tried before tee starts: what goes through tee may appear after this script has ended.
  exec 9>"$state/startup.lock"
  if ! flock --nonblock 9; then
    say "startup.sh is already running"
    return
  fi
  exec 3>&1 > >(exec tee -a "$state/logs/startup.log" 9>&-) 2>&1
  trap 'phase "failed line $LINENO of startup.sh: $BASH_COMMAND"' ERR
  setsid bash "${BASH_SOURCE[0]}" --dead-man 9>&- & # first, so that the pod stops in the end even if a later step fails
  check_machine
  install_environment
  write_accelerate_file
  set_environment
  prefetch_model
  open_to_the_world
  supervise
}

main "$@"
