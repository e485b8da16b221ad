# The base images have no digest: a digest keeps an image without later security updates of Go and Debian, and nobody here
# would renew it. Who builds for production can put the digests of the day behind the tags.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=devel
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /pullcheck ./cmd/pullcheck

FROM debian:bookworm-slim
# git reads the change of a pull request, and fetches the remote bases of kustomizations.
RUN apt-get update \
    && apt-get install --no-install-recommends -y ca-certificates git \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /pullcheck /usr/local/bin/pullcheck
ENTRYPOINT ["/usr/local/bin/pullcheck"]
