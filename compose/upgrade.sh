#!/bin/sh
# Puts new images into service without a gap: migrations, then for each service as many new replicas beside the old
# ones, which leave when the new ones are healthy. Takes the images as they are: `docker compose build` comes before.
#   compose/upgrade.sh                  COMPOSE_FILE=... compose/upgrade.sh for a stack with overrides
set -eu
: "${COMPOSE_FILE:=$(dirname "$0")/compose.yaml}"
export COMPOSE_FILE

docker compose run --rm migrate-tasksvc
docker compose run --rm migrate-notifysvc
for service in tasksvc notifysvc gatewaysvc; do
  old=$(docker compose ps --quiet "$service")
  count=$(echo "$old" | wc -l)
  docker compose up --detach --no-deps --no-recreate --wait --scale "$service=$((2 * count))" "$service"
  # shellcheck disable=SC2086 # one word a replica
  docker stop $old >/dev/null && docker rm $old >/dev/null
  echo "$service: $count new replicas serve"
done
