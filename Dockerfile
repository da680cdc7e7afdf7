# Build: the binary carries migrations, tools and prompts.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked && cp target/release/adjutant /adjutant

# Run: nothing but the binary; the database is named by DATABASE_URL.
FROM debian:bookworm-slim
# Providers and Slack are reached over TLS, checked against the system's certificates.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
RUN useradd --system --create-home --uid 10001 adjutant
COPY --from=build /adjutant /usr/local/bin/adjutant
USER adjutant
ENV ADJUTANT_SERVER__LISTEN=0.0.0.0:8470
EXPOSE 8470
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["adjutant", "doctor", "--ready"]
ENTRYPOINT ["adjutant"]
CMD ["serve"]
