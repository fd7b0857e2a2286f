# Docker: `cp .env-sample .env`, set FILE_SD_DIR_HOST there, `make docker-run`. docs/install.md has it all. The
# program itself is built by ./dev.
-include .env

IMAGE ?= target_eye
IMAGE_VERSION ?= latest
IMAGE_TAG ?= $(IMAGE_VERSION)
CONTAINER_USER ?= nobody
CONTAINER_UID ?= 65534
NOCACHE ?= false
DOCKER ?= docker
COMPOSE ?= $(DOCKER) compose
# Such as `--profile prometheus`.
COMPOSE_FLAGS ?=

compose = IMAGE="$(IMAGE)" IMAGE_VERSION="$(IMAGE_TAG)" $(COMPOSE) $(COMPOSE_FLAGS)

.PHONY: help docker-build docker-run docker-start docker-stop docker-pull docker-pull-fa docker-push-fa syslog has-settings

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 18

docker-build: ## build the image
	DOCKER_BUILDKIT=1 $(DOCKER) build --no-cache=$(NOCACHE) \
	  --build-arg CONTAINER_USER=$(CONTAINER_USER) --build-arg CONTAINER_UID=$(CONTAINER_UID) \
	  -t "$(IMAGE):$(IMAGE_TAG)" -t "$(IMAGE):latest" .

docker-run: has-settings ## start the container in the background
	$(compose) up -d

docker-start: docker-run ## the same

docker-stop: has-settings ## stop and remove the container; what is registered stays
	$(compose) down

docker-pull-fa: ## get the image from its registry (IMAGE=registry/name IMAGE_TAG=latest)
	$(DOCKER) pull "$(IMAGE):$(IMAGE_TAG)"

docker-pull: docker-pull-fa ## the same

docker-push-fa: ## put the image into its registry
	$(DOCKER) push "$(IMAGE):$(IMAGE_TAG)"
	$(DOCKER) push "$(IMAGE):latest"

syslog: ## have rsyslog write and logrotate rotate /var/log/target_eye.log; as root
	install -m 0644 packaging/syslog/11-target_eye.conf /etc/rsyslog.d/11-target_eye.conf
	install -m 0644 packaging/syslog/target_eye /etc/logrotate.d/target_eye
	systemctl restart rsyslog

has-settings:
	@test -e .env || { echo "There is no .env: cp .env-sample .env, and set FILE_SD_DIR_HOST in it." >&2; exit 1; }
