//! Slack through its front door: a fake workspace on one side, the real server and database on the other.
mod api;
mod bad_days_in;
mod doctor;
mod forgery;
mod inbound;
mod outbox;
mod payloads;
mod stored;
pub mod workspace;
