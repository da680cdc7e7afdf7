//! Slack through its front door: a fake workspace on one side, the real server and database on the other.
mod api;
mod asking;
mod bad_days_in;
mod doctor;
mod forgery;
mod home;
mod inbound;
mod outbox;
mod payloads;
mod stored;
mod streaming;
mod told;
pub mod workspace;
