//! One binary for everything with a database, through the front door.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and says why it skips"
)]
mod addresses;
mod api;
mod audit;
mod audit_read;
mod backup;
mod budgets;
mod canonical;
mod catalogue;
mod chat;
mod cli;
mod cluster;
mod connectors;
mod context;
mod conversations;
mod crash;
mod daily;
mod database;
mod datasets;
mod demo;
mod demo_drafts;
mod demo_key;
mod demo_program;
mod demo_truth;
mod drafts;
mod entities;
mod erasure;
mod events;
mod fake_provider;
mod imported;
mod imports;
mod layers;
mod lead_sources;
mod migrations;
mod model_costs;
mod outages;
mod outbox;
mod planner;
mod privacy;
mod remembered;
mod resumed;
mod reuse;
mod rollups;
mod schedule;
mod served;
mod slack;
mod takeover;
mod tenancy;
mod turn_tools;
mod turns;
mod turns_log;
mod uploads;
mod webhooks;
mod world;
