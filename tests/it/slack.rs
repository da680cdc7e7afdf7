//! Slack through its front door: a fake workspace on one side, the real server and database on the other.
mod api;
mod asking;
mod bad_days_in;
mod cards;
mod desk;
mod doctor;
mod forgery;
mod home;
mod identity;
mod inbound;
mod notify;
mod outbox;
mod payloads;
mod reviews;
mod stored;
mod streaming;
mod told;
pub mod workspace;
